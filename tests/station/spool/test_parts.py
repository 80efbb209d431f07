import errno
import hashlib
import os
import pickle
from pathlib import Path

import pytest

from packwitness.evidence.chain import PartChain
from packwitness.station.recorder.clock import Timing
from packwitness.station.recorder.store import PartStore
from packwitness.station.spool.parts import OpenPartStore
from packwitness.station.spool.rows import FilmRow, SoundRow
from packwitness.station.spool.seal import close
from tests.station.spool.station_of_one import START_NS, Facts, SoundFacts, Spool


def test_it_is_the_store_that_a_recorder_asks_for(spool: Spool) -> None:
    store: PartStore = spool.store

    assert store is spool.store


def test_each_row_has_its_file_and_the_chain_of_the_evidence_page(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=3)

    rows = spool.ledger.parts(take, "overhead")
    chain = PartChain(take, "overhead")
    init = spool.ledger.inits(take, "overhead")[0]
    for row in rows:
        data = spool.layout.part_file(take, "overhead", row.n).read_bytes()
        assert (row.size, row.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert row.chain == chain.append(init.sha256, row.sha256)
    assert [row.n for row in rows] == [0, 1, 2]
    assert [(row.start, row.duration, row.key) for row in rows] == [
        (0, 90_000, True),
        (90_000, 90_000, False),
        (180_000, 90_000, True),
    ]


def test_the_same_init_again_is_the_row_there_is(spool: Spool) -> None:
    take = spool.begin()
    first = spool.store.put_init(take=take, camera="overhead", data=b"a", info=Facts(), origin_ns=START_NS)
    spool.store.put_part(take=take, camera="overhead", init=0, data=b"p", start=0, duration=1, key=True)

    again = spool.store.put_init(
        take=take, camera="overhead", data=b"a", info=Facts(), origin_ns=START_NS + 9
    )
    other = spool.store.put_init(
        take=take, camera="overhead", data=b"b", info=Facts(), origin_ns=START_NS + 9
    )

    assert (first.k, again.k, other.k) == (0, 0, 1)
    assert spool.ledger.cameras(take)[0].first_ns == START_NS


def test_an_init_that_no_part_used_gives_up_its_number(spool: Spool) -> None:
    take = spool.begin()
    spool.store.put_init(take=take, camera="overhead", data=b"lost", info=Facts(), origin_ns=START_NS)

    row = spool.store.put_init(take=take, camera="overhead", data=b"used", info=Facts(), origin_ns=START_NS)

    assert row.k == 0
    assert [init.sha256 for init in spool.ledger.inits(take, "overhead")] == [row.sha256]
    assert spool.layout.init_file(take, "overhead", 0).read_bytes() == b"used"


def test_nothing_is_taken_for_a_take_that_is_not_recording(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)

    with pytest.raises(OSError, match="closed, not recording"):
        spool.store.put_part(
            take=take, camera="overhead", init=0, data=b"late", start=1, duration=1, key=True
        )
    with pytest.raises(OSError, match="closed, not recording"):
        spool.store.put_init(take=take, camera="label", data=b"late", info=Facts(), origin_ns=START_NS)
    with pytest.raises(OSError, match="unknown, not recording"):
        spool.store.add_gap(take="bench1-77", camera="overhead", at_ms=0, duration_ms=1, reason="overflow")
    assert len(spool.ledger.parts(take, "overhead")) == 1


def test_a_part_without_its_init_is_the_callers_mistake(spool: Spool) -> None:
    take = spool.begin()

    with pytest.raises(ValueError, match="no init 0"):
        spool.store.put_part(take=take, camera="overhead", init=0, data=b"p", start=0, duration=1, key=True)


def test_a_full_disk_leaves_no_row(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    folder = spool.layout.parts(take, "overhead")
    # /dev/full answers every write with "no space left", as a full disk does.
    (folder / "00000001.m4s").symlink_to("/dev/full")

    with pytest.raises(OSError, match="No space left") as caught:
        spool.store.put_part(
            take=take, camera="overhead", init=0, data=b"p" * 9, start=9, duration=1, key=False
        )

    assert caught.value.errno == errno.ENOSPC
    assert [row.n for row in spool.ledger.parts(take, "overhead")] == [0]
    (folder / "00000001.m4s").unlink()
    spool.film(take, parts=1)
    assert [row.n for row in spool.ledger.parts(take, "overhead")] == [0, 1]


def test_gaps_and_dropped_packets_add_up(spool: Spool) -> None:
    take = spool.begin()
    spool.store.add_gap(take=take, camera="label", at_ms=500, duration_ms=80, reason="overflow", dropped=4)
    spool.store.add_gap(take=take, camera="label", at_ms=900, duration_ms=90, reason="reconnect", dropped=3)

    assert [(gap.camera, gap.at_ms, gap.duration_ms, gap.reason) for gap in spool.ledger.gaps(take)] == [
        ("label", 500, 80, "overflow"),
        ("label", 900, 90, "reconnect"),
    ]
    assert [camera.dropped_packets for camera in spool.ledger.cameras(take)] == [0, 7]


def test_the_opener_travels_to_another_process_and_opens_there(spool: Spool, tmp_path: Path) -> None:
    take = spool.begin()
    opener = OpenPartStore(tmp_path / "data")
    store = pickle.loads(pickle.dumps(opener))()  # noqa: S301 - we wrote it ourselves

    store.put_init(take=take, camera="overhead", data=b"i", info=Facts(), origin_ns=START_NS)
    store.close()

    assert len(spool.ledger.inits(take, "overhead")) == 1


def test_file_and_folder_are_on_disk_before_the_row_says_so(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    synced: list[tuple[str, int]] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        fsync(handle)
        name = Path(os.readlink(f"/proc/self/fd/{handle}")).name
        synced.append((name, len(spool.ledger.parts(take, "overhead"))))

    monkeypatch.setattr(os, "fsync", watched)
    spool.film(take, parts=1)

    assert synced == [("00000001.m4s", 1), ("overhead", 1)]
    assert len(spool.ledger.parts(take, "overhead")) == 2


def test_folders_that_another_camera_made_are_on_disk_before_the_row(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = spool.begin()
    spool.layout.parts(take, "label").mkdir(parents=True)
    synced: list[str] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        fsync(handle)
        assert spool.ledger.inits(take, "overhead") == []
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)

    monkeypatch.setattr(os, "fsync", watched)
    spool.store.put_init(take=take, camera="overhead", data=b"i", info=Facts(), origin_ns=START_NS)

    assert {"init-000.mp4", "overhead", "parts", take, "takes"} <= set(synced)


def test_a_commit_is_an_fsync(spool: Spool) -> None:
    assert [row[0] for row in spool.ledger.rows("PRAGMA synchronous")] == [2]
    assert [row[0] for row in spool.ledger.rows("PRAGMA journal_mode")] == ["wal"]


def test_counts_add_up_over_recorders_and_the_film_so_far_is_known(spool: Spool) -> None:
    take = spool.begin()
    first, second = (OpenPartStore(spool.layout.root)() for _ in range(2))
    assert first.so_far(take=take, camera="overhead") is None
    first.note(
        take=take, camera="overhead", lost=3, stalls=1, reconnects=1, timing=Timing("rtp", None, 40, 12)
    )
    second.note(
        take=take, camera="overhead", lost=4, stalls=0, reconnects=1, timing=Timing("rtp", -7, 9, None)
    )
    second.note(take=take, camera="overhead", lost=0, stalls=1, reconnects=0, timing=None, dropped=5)
    second.add_gap(take=take, camera="overhead", at_ms=0, duration_ms=9, reason="overflow", dropped=2)
    (row,) = [one for one in spool.ledger.cameras(take) if one.camera == "overhead"]
    assert (row.lost_packets, row.stalls, row.reconnects, row.dropped_packets) == (7, 2, 2, 7)
    assert (row.timing, row.drift_ppm, row.jitter_ms, row.clock_offset_ms) == ("rtp", -7, 40, 12)
    first.put_init(take=take, camera="overhead", data=b"init", info=Facts(), origin_ns=77)
    assert second.so_far(take=take, camera="overhead") == FilmRow(77, 0, 0)
    for start in (0, 90_000):
        first.put_part(
            take=take, camera="overhead", init=0, data=b"part", start=start, duration=45_000, key=True
        )
    assert second.so_far(take=take, camera="overhead") == FilmRow(77, 135_000, 2)
    sound = SoundRow("mp4a.40.2", 8_000, 1, "pcm_alaw")
    first.put_init(take=take, camera="overhead", data=b"more", info=Facts(audio=SoundFacts()), origin_ns=77)
    assert second.so_far(take=take, camera="overhead") == FilmRow(77, 135_000, 2, sound)
    first.close()
    second.close()
