"""A bench on a real ledger and journal, with a recorder that only notes what it is told."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from packwitness.evidence.manifest import GAP_LIMIT, Legibility, Manifest
from packwitness.protocol import OrderLine, StationOrder
from packwitness.station.app.bench import LiveBench
from packwitness.station.app.clock import HubClock, Measurement
from packwitness.station.app.legibility import Legibility as Watch
from packwitness.station.app.takes import Takes
from packwitness.station.config import BenchSettings, CameraSettings
from packwitness.station.kiosk.view import Bench
from packwitness.station.recorder import messages as recorder
from packwitness.station.spool.journal import Journal
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.triggers.heard import SeenCode
from packwitness.station.workflow.effects import Phase, Sound, Tone
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
class BenchClock:
    """Real time, moved on or set back as a test wants."""

    ahead: timedelta = timedelta(0)
    set_back: timedelta = timedelta(0)

    def now(self) -> tuple[datetime, int]:
        ns = time.monotonic_ns() + self.ahead // timedelta(microseconds=1) * 1000
        return datetime.now(UTC) + self.ahead - self.set_back, ns


@dataclass
class Place:
    spool: Spool
    front: Ledger
    takes: Takes
    bench: LiveBench
    recorder: Recorder
    orders: dict[str, StationOrder]
    watched: list[tuple[str, bool]]
    clock: BenchClock

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
    bench_clock = BenchClock()

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
        now=bench_clock.now,
    )
    place = Place(spool, front, takes, bench, told, orders, watched, bench_clock)
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


async def test_one_outage_is_one_moment_of_the_film_whatever_is_found_out_about_it(place: Place) -> None:
    await cameras_up(place)
    take = (await place.bench.scan(CODE, Source.SCANNER)).take
    assert take is not None
    await place.bench.camera_down("label", "stalled")
    await place.bench.camera_down("label", "timeout")
    await place.bench.camera_up("label")
    await place.bench.camera_down("label", "refused")
    kinds = [event.kind for event in place.spool.ledger.events(take)]
    assert [kind for kind in kinds if kind.startswith("camera_")] == [
        "camera_lost",
        "camera_back",
        "camera_lost",
    ]


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
    place.spool.film(take, parts=1)
    with place.spool.ledger.transaction() as db:
        gaps = [(take, "overhead", n, 1, "reconnect") for n in range(GAP_LIMIT + 1)]
        db.executemany("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", gaps)
    await place.bench.scan(CODE, Source.SCANNER)
    await place.sealed(take)

    assert [name for name, _ in Outgoing(place.spool.ledger).troubles()] == [take]
    again = await place.bench.scan(CODE, Source.SCANNER)
    assert (again.accepted, again.take) == (True, "bench1-2")


async def test_a_camera_that_stalls_is_told_apart_from_one_that_is_gone(place: Place) -> None:
    await cameras_up(place)
    await place.bench.camera_down("label", "stalled")
    await place.bench.camera_down("overhead", "refused")
    told = [(warning.code, warning.values["camera"]) for warning in place.bench.view().warnings]
    assert told == [("camera_refused", "Overhead"), ("camera_stalled", "Label")]
    await place.bench.camera_up("label")
    assert [warning.code for warning in place.bench.view().warnings] == ["camera_refused"]


async def test_lost_packets_are_shown_for_a_while(place: Place) -> None:
    await cameras_up(place)
    place.bench.trouble("packets_lost", "overhead")
    await place.bench.tick()
    assert [warning.code for warning in place.bench.view().warnings] == ["packets_lost"]
    place.clock.ahead = timedelta(seconds=31)
    await place.bench.tick()
    assert place.bench.view().warnings == ()


async def test_a_late_scan_cuts_its_film_backwards(place: Place) -> None:
    await cameras_up(place)
    before = time.monotonic_ns()
    answer = await place.bench.scan(CODE, Source.HTTP, 4000)
    assert answer.take is not None
    order = place.recorder.orders[0]
    assert isinstance(order, recorder.StartTake)
    assert 0 <= order.t_start_ns - (before - 4_000_000_000) < 1_000_000_000
    row = place.spool.ledger.take(answer.take)
    assert row is not None
    assert 3900 <= time.time_ns() // 1_000_000 - row.started_ms < 6000


async def test_events_stand_on_the_takes_own_line_although_the_clock_is_set(place: Place) -> None:
    await cameras_up(place)
    take = (await place.bench.scan(CODE, Source.SCANNER)).take
    assert take is not None
    running = place.takes.running(take)
    assert running is not None

    place.clock.set_back = timedelta(hours=1)
    await place.bench.camera_down("label", "stalled")
    await place.takes.film_not_kept(recorder.WriteFailed(take, "label", "disk"))
    await place.bench.scan(CODE, Source.SCANNER)
    await place.sealed(take)
    events = place.spool.ledger.events(take)
    assert [event.kind for event in events] == [
        "take_started", "label_scanned", "camera_lost", "warning", "warning", "take_stopped"
    ]  # fmt: skip
    times = [event.utc_ms for event in events]
    assert times == sorted(times)
    row = place.spool.ledger.take(take)
    assert row is not None
    assert row.stopped_ms is not None
    assert row.started_ms <= row.stopped_ms <= row.started_ms + 60_000
    audit(place.spool)


async def test_post_roll_films_on_while_the_next_parcel_begins(place: Place) -> None:
    logic = place.bench._logic
    place.bench._logic = replace(logic, parameters={**logic.parameters, "post_roll_ms": 2000})
    await cameras_up(place)
    await place.bench.scan(CODE, Source.SCANNER)
    await place.bench.scan(CODE, Source.SCANNER)
    stopped_ns = time.monotonic_ns()
    stop = place.recorder.orders[-1]
    assert isinstance(stop, recorder.StopTake)
    assert 1_000_000_000 < stop.t_stop_ns - stopped_ns <= 2_000_000_000
    assert (await place.bench.scan("999912345678", Source.SCANNER)).take == "bench1-2"
    await place.takes.interrupt_all(seconds=5)
    # No time for the rest of the post-roll: the parcel is done all the same.
    last = [order for order in place.recorder.orders if isinstance(order, recorder.StopTake)]
    assert all(order.t_stop_ns <= time.monotonic_ns() for order in last[1:])
    row = place.spool.ledger.take("bench1-1")
    assert row is not None
    assert (row.outcome, row.state) == ("completed", "sealed")


async def parcel(place: Place, code: str, *, looks: int, readable: int) -> str:
    """Pack a parcel whose label the camera reads in some of its looks; return its take."""
    take = (await place.bench.scan(code, Source.SCANNER)).take
    assert take is not None
    for number in range(looks):
        codes = (SeenCode(code if number < readable else "111100001111", "Code128"),)
        await place.bench.sighted(recorder.Sighting("label", codes, time.monotonic_ns()))
    await place.bench.scan(code, Source.SCANNER)
    await place.sealed(take)
    return take


async def test_labels_that_turn_unreadable_turn_the_bench_amber(place: Place) -> None:
    await cameras_up(place)
    for number in range(3):
        assert place.bench.view().tone is Tone.CALM or number == 0
        take = await parcel(place, f"60781234567{number}", looks=5, readable=0)
        manifest = manifest_of(place, take)
        assert manifest.legibility == Legibility(camera="label", looks=5, readable=0)
        # What the last parcel's end showed has passed.
        place.bench._shown = replace(place.bench._shown, tone=Tone.CALM)
    assert place.bench.view().tone is Tone.WARNING
    assert [warning.code for warning in place.bench.view().warnings] == ["label_unreadable"]
    take = await parcel(place, CODE, looks=5, readable=2)
    assert manifest_of(place, take).legibility == Legibility(camera="label", looks=5, readable=2)
    assert place.bench.view().warnings == ()


async def test_a_take_that_nobody_looked_at_says_nothing_of_its_label(place: Place) -> None:
    await cameras_up(place)
    assert manifest_of(place, await parcel(place, CODE, looks=0, readable=0)).legibility is None


async def test_where_a_scanner_begins_the_film_the_camera_looks_until_it_has_read(place: Place) -> None:
    orders: list[recorder.Look] = []
    place.bench._legibility = Watch([CAMERAS[1]], orders.append, watches=False)
    await cameras_up(place)
    await parcel(place, CODE, looks=4, readable=4)
    assert [(order.camera, order.on, order.interval_ns) for order in orders] == [
        ("label", True, 500_000_000), ("label", False, 50_000_000)
    ]  # fmt: skip
    start = place.recorder.orders[0]
    assert isinstance(start, recorder.StartTake)
    assert orders[0].since_ns == start.t_start_ns - 1_000_000_000


async def test_what_a_smaller_stream_shows_begins_films_and_says_nothing_of_them(place: Place) -> None:
    """Where labels are watched for in another stream, whether the film shows them is looked at beside."""
    orders: list[recorder.Look] = []
    camera = CAMERAS[1].model_copy(update={"look": "rtsp://127.0.0.1/smaller"})
    bench = place.bench
    bench._logic = catalogue()["laid-lifted"]
    bench._in_view.is_label = bench._logic.label.accepts
    bench._legibility, bench._second = Watch([camera], orders.append, watches=True), {camera.id}
    await cameras_up(place)

    async def sees(codes: tuple[SeenCode, ...], *, second: bool, film: bool) -> bool:
        await bench.sighted(recorder.Sighting("label", codes, time.monotonic_ns(), second=second, film=film))
        return bench.view().running is not None

    code = (SeenCode(CODE, "Code128"),)
    assert [await sees(code, second=False, film=True) for _ in range(3)] == [False] * 3
    assert [await sees(code, second=True, film=False) for _ in range(3)] == [False, True, True]
    assert [(order.camera, order.on, order.second) for order in orders] == [("label", True, False)]
    running = bench._running
    assert running is not None
    assert running.looks == {}, "the smaller stream says nothing of the film"
    for _ in range(3):
        await sees(code, second=False, film=True)
    await sees((), second=True, film=True)
    assert running.looks == {"label": [4, 3]}
    assert orders[-1].on is False


def manifest_of(place: Place, take: str) -> Manifest:
    text = place.spool.ledger.rows("SELECT manifest FROM proof WHERE take = ?", take)[0]["manifest"]
    return Manifest.from_payload(json.loads(text)["payload"])
