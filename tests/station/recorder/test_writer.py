"""Writer threads and a disk that is slow, full, or broken."""

import threading
from itertools import pairwise
from pathlib import Path

import pytest

from packwitness.station.recorder.messages import PartWritten, Report, WriteFailed
from packwitness.station.recorder.packets import Packet
from packwitness.station.recorder.reel import Gap, Item, Piece, Reel, Said
from packwitness.station.recorder.store import Timing
from packwitness.station.recorder.writer import Writer
from tests.station.cameras.films import make_film
from tests.station.recorder.folder_store import FolderStore, Part
from tests.station.recorder.reading import decoded, packets_of


class FaultyStore(FolderStore):
    """Waits for `open` before each part, and refuses those whose number is in `bad`."""

    def __init__(self, root: Path, *, bad: range = range(0)) -> None:
        super().__init__(root)
        self.open = threading.Event()
        self.open.set()
        self.bad = bad
        self.calls = 0

    def put_part(
        self, *, take: str, camera: str, init: int, data: bytes, start: int, duration: int, key: bool
    ) -> Part:
        assert self.open.wait(30)
        self.calls += 1
        if self.calls - 1 in self.bad:
            raise OSError(28, "No space left on device")
        return super().put_part(
            take=take, camera=camera, init=init, data=data, start=start, duration=duration, key=key
        )


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> list[Packet]:
    """Ten seconds, a keyframe every second and a half: parts are whole seconds and halves by turns."""
    return packets_of(make_film(tmp_path_factory.mktemp("films") / "film.mp4", seconds=9, gop=45))


def pieces_of(packets: list[Packet]) -> list[Item]:
    reel = Reel(t_start_ns=0)
    items = [item for packet in packets for item in reel.push(packet, 0)] + reel.close()
    return [item for item in items if not isinstance(item, Said)]


def write_all(store: FolderStore, items: list[Item], *, limit: int = 64 << 20) -> list[Report]:
    reports: list[Report] = []
    writer = Writer("c", store, reports.append, limit=limit)
    thread = threading.Thread(target=writer.run)
    thread.start()
    writer.begin("t")
    for item in items:
        writer.write("t", item)
    if isinstance(store, FaultyStore):
        store.open.set()
    closed = threading.Event()
    writer.close("t", closed.set)
    writer.quit()
    thread.join(30)
    assert closed.is_set()
    assert writer.waiting == 0
    return reports


def test_gaps_and_parts_in_order(tmp_path: Path, packets: list[Packet]) -> None:
    items = pieces_of(packets)
    reports = write_all(FolderStore(tmp_path), [*items[:3], Gap(225_000, 90_000, "reconnect"), *items[3:]])
    store = FolderStore(tmp_path)
    assert [r.n for r in reports if isinstance(r, PartWritten)] == list(range(12))
    assert [(g.at_ms, g.duration_ms, g.reason, g.dropped) for g in store.gaps("t", "c")] == [
        (2500, 1000, "reconnect", 0)
    ]
    assert decoded(store.film("t", "c")) == len(packets)


def test_a_full_disk_costs_what_it_refused_up_to_the_next_keyframe(
    tmp_path: Path, packets: list[Packet]
) -> None:
    store = FaultyStore(tmp_path, bad=range(4, 5))
    reports = write_all(store, pieces_of(packets))
    # Part 4 is a whole second from a keyframe on; the half second after it cannot be shown without it.
    failed = [r for r in reports if isinstance(r, WriteFailed)]
    assert len(failed) == 1
    assert "No space left" in failed[0].message
    starts = [row.start for row in store.parts("t", "c")]
    assert starts == [0, 90_000, 135_000, 225_000, 405_000, 495_000, 540_000, 630_000, 675_000, 765_000]
    assert [(g.at_ms, g.duration_ms, g.reason, g.dropped) for g in store.gaps("t", "c")] == [
        (3000, 1500, "write_failed", 45)
    ]
    assert decoded(store.film("t", "c")) == len(packets) - 45


def test_a_disk_that_stays_full_is_told_once_and_the_end_is_noted(
    tmp_path: Path, packets: list[Packet]
) -> None:
    store = FaultyStore(tmp_path, bad=range(2, 100))
    reports = write_all(store, pieces_of(packets))
    assert len([r for r in reports if isinstance(r, WriteFailed)]) == 1
    assert len(store.parts("t", "c")) == 2
    (gap,) = store.gaps("t", "c")
    assert (gap.at_ms, gap.duration_ms, gap.reason, gap.dropped) == (1500, 7500, "write_failed", 225)


def test_a_slow_disk_costs_parts_not_memory(tmp_path: Path, packets: list[Packet]) -> None:
    store = FaultyStore(tmp_path)
    store.open.clear()
    items = pieces_of(packets)
    sizes = [item.size for item in items if isinstance(item, Piece)]
    write_all(store, items, limit=sum(sizes[:5]))
    rows = store.parts("t", "c")
    lost = len(packets) - decoded(store.film("t", "c"))
    assert 0 < len(rows) < len(items)
    gaps = store.gaps("t", "c")
    assert {gap.reason for gap in gaps} == {"overflow"}
    assert sum(gap.dropped for gap in gaps) == lost
    # Whatever follows a hole can be shown: it begins with a keyframe.
    for before, after in pairwise(rows):
        assert after.key or after.start == before.start + before.duration


def test_a_part_that_cannot_be_muxed_is_a_hole_like_any_other(tmp_path: Path, packets: list[Packet]) -> None:
    items = pieces_of(packets)
    first = items[2]
    assert isinstance(first, Piece)
    backwards = Piece(first.packets[::-1], first.start, first.duration, first.offset, first.origin_ns)
    store = FolderStore(tmp_path)
    reports = write_all(store, [*items[:2], backwards, *items[3:]])
    assert len([r for r in reports if isinstance(r, WriteFailed)]) == 1
    assert [gap.reason for gap in store.gaps("t", "c")] == ["write_failed"]
    assert len(store.parts("t", "c")) == 10


def test_counts_that_the_store_refuses_are_told_later(tmp_path: Path, packets: list[Packet]) -> None:
    store = RefusingNotes(tmp_path)
    items = pieces_of(packets)
    reports = write_all(
        store, [Said(lost=2), *items[:2], Said(lost=3, stalls=1), *items[2:], Said(reconnects=1)]
    )
    assert store.counts("t", "c") == (5, 1, 1)
    assert [type(report) for report in reports].count(WriteFailed) == 1


class RefusingNotes(FolderStore):
    """Refuses the first note."""

    refused = False

    def note(
        self,
        *,
        take: str,
        camera: str,
        lost: int,
        stalls: int,
        reconnects: int,
        timing: Timing | None,
        dropped: int = 0,
    ) -> None:
        if not self.refused:
            self.refused = True
            raise OSError(28, "No space left on device")
        super().note(
            take=take,
            camera=camera,
            lost=lost,
            stalls=stalls,
            reconnects=reconnects,
            timing=timing,
            dropped=dropped,
        )
