"""A bench on a real ledger and journal, with a recorder that only notes what it is told."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from packwitness.evidence.manifest import GAP_LIMIT
from packwitness.protocol import OrderLine, StationOrder
from packwitness.station.app.bench import LiveBench
from packwitness.station.app.clock import HubClock, Measurement
from packwitness.station.app.takes import Takes
from packwitness.station.config import BenchSettings, CameraSettings
from packwitness.station.kiosk.view import Bench
from packwitness.station.recorder import messages as recorder
from packwitness.station.spool.journal import Journal
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.triggers.heard import SeenCode
from packwitness.station.workflow.effects import Phase, Sound
from packwitness.station.workflow.events import Source
from packwitness.station.workflow.logics import catalogue
from tests.station.spool.audit import audit
from tests.station.spool.station_of_one import BENCH, IDENTITY, STATION_KEY, Spool, close_all, make

pytestmark = pytest.mark.anyio
CODE = "607812345678"
CAMERAS = [CameraSettings(id="overhead", url="rtsp://h/1"), CameraSettings(id="label", url="rtsp://h/2")]


@dataclass
class Recorder:
    """Says that it films, and closes each take as soon as it is told to."""

    heard: Callable[[recorder.Report], None] = lambda report: None
    orders: list[recorder.Order] = field(default_factory=list)

    def send(self, order: recorder.Order) -> None:
        self.orders.append(order)
        loop = asyncio.get_running_loop()
        if isinstance(order, recorder.StartTake):
            for camera in order.cameras:
                part = recorder.PartWritten(order.take, camera, 0, 0, 0, 90_000, True, 9, "", "", 0)
                loop.call_soon(self.heard, part)
        if isinstance(order, recorder.StopTake):
            loop.call_soon(self.heard, recorder.TakeClosed(order.take))


@dataclass
class Place:
    spool: Spool
    front: Ledger
    takes: Takes
    bench: LiveBench
    recorder: Recorder
    orders: dict[str, StationOrder]
    watched: list[tuple[str, bool]]

    def kinds(self) -> list[str]:
        return [entry["payload"]["kind"] for entry in self.spool.ledger.entries(BENCH, first=1, limit=99)]

    async def sealed(self, take: str) -> None:
        async with asyncio.timeout(5):
            while self.takes.running(take) is not None:  # noqa: ASYNC110 - nobody tells a test
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        await self.takes.interrupt_all(seconds=5)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    spool = make(tmp_path / "data")
    front = Ledger(spool.layout.ledger)
    clock = HubClock()
    clock.add(Measurement(-4, 12, 1_795_341_600_000))
    takes = Takes(
        front=(front, Journal(front, STATION_KEY)),
        back=(spool.ledger, spool.journal),
        layout=spool.layout,
        identity=IDENTITY,
        clock=clock,
        changed=lambda take: None,
    )
    told = Recorder(takes.heard)
    takes.film_with(told)
    orders: dict[str, StationOrder] = {}
    watched: list[tuple[str, bool]] = []

    async def find(code: str) -> StationOrder | None:
        if code == "AWAY00000000":
            raise LookupError("nobody can be asked")
        if code == "DISK00000000":
            raise sqlite3.OperationalError("database or disk is full")
        return orders.get(code)

    bench = LiveBench(
        settings=BenchSettings(id=BENCH, name="Bench 1"),
        logic=catalogue()["scan-rescan"],
        cameras=CAMERAS,
        takes=takes,
        find_order=find,
        watch=lambda camera, on: watched.append((camera, on)),
    )
    place = Place(spool, front, takes, bench, told, orders, watched)
    yield place
    await place.end()
    front.close()
    close_all(spool)


async def cameras_up(place: Place) -> None:
    for camera in CAMERAS:
        await place.bench.camera_down(camera.id)
    for camera in CAMERAS:
        await place.bench.camera_up(camera.id)


async def test_it_is_the_bench_that_the_kiosk_shows(place: Place) -> None:
    bench: Bench = place.bench

    assert (bench.id, bench.name) == (BENCH, "Bench 1")


async def test_a_parcel_is_journaled_filmed_and_sealed(place: Place) -> None:
    await cameras_up(place)
    started = await place.bench.scan(CODE, Source.SCANNER)
    assert (started.accepted, started.state, started.take) == (True, Phase.RECORDING, "bench1-1")
    assert place.kinds() == ["start"], "durable before anybody is told"
    order = place.recorder.orders[0]
    assert isinstance(order, recorder.StartTake)
    assert (order.take, order.cameras, order.pre_roll_ns) == (
        "bench1-1",
        ("overhead", "label"),
        3_000_000_000,
    )
    view = place.bench.view()
    assert view.running is not None
    assert (view.running.code, view.message, view.cue.sound) == (CODE, "filming", Sound.START)

    stopped = await place.bench.scan(CODE, Source.SCANNER)
    assert (stopped.accepted, stopped.state, stopped.take) == (True, Phase.IDLE, None)
    await place.sealed("bench1-1")
    row = place.spool.ledger.take("bench1-1")
    assert row is not None
    assert (row.outcome, row.clock["offset_ms"]) == ("completed", -4)
    audit(place.spool)


async def test_without_a_camera_nothing_starts_and_the_journal_says_so(place: Place) -> None:
    for camera in CAMERAS:
        await place.bench.camera_down(camera.id)

    answer = await place.bench.scan(CODE, Source.SCANNER)

    assert (answer.accepted, answer.message, answer.state) == (False, "no_camera", Phase.BLOCKED)
    (entry,) = place.spool.ledger.entries(BENCH, first=1, limit=9)
    assert (entry["payload"]["kind"], entry["payload"]["data"]["reason"]) == ("refusal", "no_camera")
    assert CODE not in str(entry)
    assert place.recorder.orders == []
    lost = [warning.values["camera"] for warning in place.bench.view().warnings]
    assert lost == ["Overhead", "Label"]


async def test_a_start_that_cannot_be_made_durable_turns_nothing_green(place: Place) -> None:
    await cameras_up(place)
    # SQLite's own "database or disk is full".
    place.front.rows("PRAGMA max_page_count = 1")
    for number in range(100):
        code = f"60781234{number:04}"
        answer = await place.bench.scan(code, Source.SCANNER)
        if not answer.accepted:
            break
        await place.bench.scan(code, Source.SCANNER)

    assert (answer.accepted, answer.message, answer.take) == (False, "take_failed", None)
    view = place.bench.view()
    assert (view.running, view.phase, view.cue.sound) == (None, Phase.IDLE, Sound.REFUSE)
    started = [order.take for order in place.recorder.orders if isinstance(order, recorder.StartTake)]
    assert len(started) == audit(place.spool, all_sealed=False), "what is not durable is not filmed"


async def test_a_cancelled_parcel_is_discarded_and_kept(place: Place) -> None:
    await cameras_up(place)
    await place.bench.scan(CODE, Source.SCANNER)
    await place.bench.scan("PWCMD:CANCEL", Source.MANUAL)
    await place.sealed("bench1-1")

    row = place.spool.ledger.take("bench1-1")
    assert row is not None
    assert row.outcome == "discarded"
    assert place.kinds() == ["start", "discard", "seal"]
    audit(place.spool)


async def test_personal_values_go_into_events_as_commitments(place: Place) -> None:
    await cameras_up(place)
    await place.bench.scan(CODE, Source.SCANNER)
    await place.bench.scan("999912345678", Source.SCANNER)
    await place.end()

    events = place.spool.ledger.events("bench1-1")
    assert [event.kind for event in events] == ["take_started", "label_scanned", "warning", "take_stopped"]
    assert set(events[1].data) == {"code", "symbology", "source"}
    assert set(events[1].data["code"]) == {"commitment"}
    values = {value for _, _, value in place.spool.ledger.disclosures("bench1-1")}
    assert values == {CODE, "999912345678"}
    assert not any(value in str(event.data) for event in events for value in values)


async def shown(place: Place, what: Callable[[Any], bool]) -> None:
    async with asyncio.timeout(5):
        async for view in place.bench.changes():
            if what(view):
                return


async def test_an_order_is_shown_when_it_is_found_and_stops_the_packer_when_cancelled(place: Place) -> None:
    await cameras_up(place)
    lines = [OrderLine(sku="S1", name="Mug", quantity=2)]
    order = StationOrder(number="A-1", codes=[CODE], lines=lines)
    place.orders[CODE] = order
    await place.bench.scan(CODE, Source.SCANNER)
    await shown(place, lambda view: view.running is not None and view.running.order is not None)
    await place.bench.scan(CODE, Source.SCANNER)
    assert place.bench.view().running is None

    other = "607812345679"
    place.orders[other] = replace_order(order, other)
    await place.bench.scan(other, Source.SCANNER)
    await shown(place, lambda view: view.message == "order_cancelled")


def replace_order(order: StationOrder, code: str) -> StationOrder:
    return order.model_copy(update={"codes": [code], "cancelled": True})


async def test_a_hub_that_cannot_be_asked_delays_nothing(place: Place) -> None:
    await cameras_up(place)

    answer = await place.bench.scan("AWAY00000000", Source.SCANNER)

    assert answer.accepted
    await asyncio.sleep(0.05)
    assert place.bench.view().message == "filming"


async def test_a_look_up_that_the_disk_refuses_ends_nothing(
    place: Place,
) -> None:
    await cameras_up(place)

    await place.bench.scan("DISK00000000", Source.SCANNER)
    await asyncio.gather(*place.bench._lookups)

    assert place.bench.view().message == "filming"


async def test_a_label_in_view_counts_from_when_the_picture_was_taken(place: Place) -> None:
    place.bench._logic = catalogue()["laid-lifted"]
    await cameras_up(place)
    now_ns = time.monotonic_ns()
    code = SeenCode(CODE, "Code128")
    for late_ms in (400, 350):
        await place.bench.sighted(recorder.Sighting("label", (code,), now_ns - late_ms * 1_000_000))

    running = place.bench.view().running
    assert running is not None
    early = (datetime.now(UTC) - running.started_at).total_seconds()
    assert 0.35 <= early < 2


async def test_what_the_hub_is_told(place: Place) -> None:
    await cameras_up(place)
    await place.bench.camera_down("label")
    await place.bench.scan(CODE, Source.SCANNER)

    status = place.bench.report(journal_head=1, pending_parts=7)

    assert status.model_dump() == {
        "bench": BENCH,
        "state": "recording",
        "take": "bench1-1",
        "cameras_up": ["overhead"],
        "cameras_down": ["label"],
        "warnings": ["camera_lost:Label"],
        "journal_head": 1,
        "pending_parts": 7,
    }


async def test_the_live_picture_is_asked_of_the_right_camera(place: Place) -> None:
    stream = place.bench.live("label")
    first = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    place.bench.picture("label").push(recorder.Frame("label", b"init", True, False, "avc1.64001f", 0))

    assert (await first, place.watched) == (b"init", [("label", True)])
    with pytest.raises(KeyError):
        place.bench.live("nowhere")
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_take_that_cannot_be_sealed_is_set_aside_and_the_packer_told(place: Place) -> None:
    await cameras_up(place)
    take = (await place.bench.scan(CODE, Source.SCANNER)).take
    assert take is not None
    with place.spool.ledger.transaction() as db:
        gaps = [(take, "overhead", n, 1, "reconnect") for n in range(GAP_LIMIT + 1)]
        db.executemany("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", gaps)
    await place.bench.scan(CODE, Source.SCANNER)
    await place.sealed(take)

    assert [name for name, _ in Outgoing(place.spool.ledger).troubles()] == [take]
    again = await place.bench.scan(CODE, Source.SCANNER)
    assert (again.accepted, again.take) == (True, "bench1-2")
