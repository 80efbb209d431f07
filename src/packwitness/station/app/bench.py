"""One bench: what happens there goes through the workflow engine, one event after the other, and is done."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from packwitness.protocol import BenchState, BenchStatus, StationOrder
from packwitness.station.app.camera_warnings import camera_warnings, short
from packwitness.station.app.legibility import Legibility
from packwitness.station.app.live import LivePicture
from packwitness.station.app.quality import About, Quality
from packwitness.station.app.takes import Running, StorageRefuses, Takes
from packwitness.station.config import BenchSettings, CameraSettings
from packwitness.station.kiosk.view import (
    BenchView,
    CameraView,
    Cue,
    DiskState,
    HubState,
    LastTakeView,
    LineView,
    OrderView,
    RunningView,
    StatusView,
    WarningView,
)
from packwitness.station.recorder.messages import Look, Sighting
from packwitness.station.spool.moments import from_ms, to_ms
from packwitness.station.triggers.code_in_view import CodeInView
from packwitness.station.triggers.heard import SeenCode
from packwitness.station.workflow.codes import CodeRefused, read_scan
from packwitness.station.workflow.effects import (
    Answer,
    Effect,
    LookUpOrder,
    Note,
    Refuse,
    Say,
    Show,
    StartTake,
    StopReason,
    StopTake,
    Tone,
    refusal,
)
from packwitness.station.workflow.engine import step
from packwitness.station.workflow.events import (
    CameraBack,
    CameraLost,
    DiskChanged,
    DiskLevel,
    Event,
    OrderKnown,
    Source,
    TakeFailed,
    Tick,
    Unreadable,
)
from packwitness.station.workflow.logic import Logic
from packwitness.station.workflow.state import State

TROUBLE_NS = 30_000_000_000
"""How long lost packets stay on the screen after the last."""

log = structlog.get_logger(__name__)

type FindOrder = Callable[[str], Awaitable[StationOrder | None]]
"""Returns the order of a code, None where nobody knows it; raises LookupError where nobody can be asked."""


def moment() -> tuple[datetime, int]:
    """Return now, as UTC and on the monotonic clock."""
    return datetime.now(UTC), time.monotonic_ns()


class LiveBench:
    """Implements ``kiosk.view.Bench`` on real cameras, ledger and hub. Used in the event loop only."""

    def __init__(
        self,
        *,
        settings: BenchSettings,
        logic: Logic,
        cameras: list[CameraSettings],
        takes: Takes,
        find_order: FindOrder,
        watch: Callable[[str, bool], None],
        lookers: Sequence[CameraSettings] = (),
        look: Callable[[Look], None] = lambda order: None,
        now: Callable[[], tuple[datetime, int]] = moment,
    ) -> None:
        self._settings = settings
        self._now = now
        self._logic = logic
        self._cameras = cameras
        self._takes = takes
        self._find_order = find_order
        self._one_by_one = asyncio.Lock()
        self._state = State()
        self._shown = self._state.show()
        self._cue = Cue()
        self._running: Running | None = None
        self._order: OrderView | None = None
        self._up: set[str] = set()
        self._down: set[str] = set()  # heard to give none: before a word comes, a camera is in neither
        self._troubles: dict[tuple[str, str], int] = {}
        """What went wrong lately with which camera, and until when it is shown (monotonic ns)."""
        self._legibility = Legibility(lookers, look, watches=logic.watches)
        self.recorder_lost = False
        self._changed = asyncio.Event()
        self._lookups: set[asyncio.Task[None]] = set()
        self._in_view = CodeInView(
            logic.label.accepts,
            hits=logic.parameters["hits"],
            hit_window_ms=logic.parameters["hit_window_ms"],
            gone_ms=logic.parameters["gone_ms"],
        )
        self._live = {camera.id: LivePicture(partial(watch, camera.id)) for camera in cameras}
        self.last_takes: tuple[LastTakeView, ...] = ()
        self.warnings: tuple[WarningView, ...] = ()
        """The station's, beside those of this bench's cameras."""
        self._second = {camera.id for camera in lookers if camera.look_url}
        """Cameras that watch for labels in a smaller stream of theirs."""
        self._second_lost: set[str] = set()
        self.quality = Quality()
        self.status = StatusView(HubState.OFFLINE, DiskState.FINE, 0, None)

    # --- kiosk.view.Bench ---

    @property
    def id(self) -> str:
        return self._settings.id

    @property
    def name(self) -> str:
        return self._settings.name

    def view(self) -> BenchView:
        """Return the bench as it is now."""
        unreadable = self._legibility.warns
        wrong = camera_warnings(
            self._cameras,
            up=self._up,
            quality=self.quality,
            troubles=self._troubles,
            unreadable=unreadable,
            second_lost=self._second_lost,
        )
        return BenchView(
            bench=self.id,
            name=self.name,
            logic=self._logic.id,
            phase=self._shown.phase,
            tone=Tone.WARNING if unreadable and self._shown.tone is Tone.CALM else self._shown.tone,
            message=self._shown.message,
            values=self._values(),
            running=self._running_view(),
            last_takes=self.last_takes,
            warnings=(*wrong, *self.warnings),
            cameras=tuple(
                CameraView(camera.id, camera.title, camera.id in self._up) for camera in self._cameras
            ),
            status=self.status,
            cue=self._cue,
        )

    async def changes(self) -> AsyncIterator[BenchView]:
        """Yield the view now and whenever it has changed; a slow reader gets the newest."""
        while True:
            changed = self._changed
            yield self.view()
            await changed.wait()

    async def scan(self, code: str, source: Source, ago_ms: int = 0) -> Answer:
        """Take a code exactly as it arrived, or as it was read some time ago."""
        utc, now_ns = self._now()
        utc, now_ns = utc - timedelta(milliseconds=ago_ms), now_ns - ago_ms * 1_000_000
        event: Event
        try:
            event = read_scan(code, source=source, utc=utc, monotonic_ns=now_ns)
        except CodeRefused as refused:
            event = Unreadable(reason=refused.reason, source=source, utc=utc, monotonic_ns=now_ns)
        return await self.happen(event)

    def live(self, camera: str) -> AsyncIterator[bytes]:
        """Yield a camera's live picture as fragmented MP4."""
        return self._live[camera].watch()

    # --- what happens ---

    async def happen(self, event: Event) -> Answer:
        """Let the engine judge an event and do what it says; return what became of it."""
        async with self._one_by_one:
            effects = await self._step(event)
            refused = refusal(effects)
            return Answer(
                accepted=refused is None,
                state=self._state.phase,
                message=refused.reason if refused else self._state.face.message,
                take=self._running.take if self._running else None,
                values=self._state.face.values,
            )

    async def _step(self, event: Event) -> tuple[Effect, ...]:
        self._state, effects = step(self._logic, self._state, event)
        notes: list[Note] = []
        for effect in effects:
            if isinstance(effect, Note):
                notes += [effect] if self._running is not None else []
                continue
            if isinstance(effect, StopTake):
                await self._write(notes)
            try:
                await self._carry_out(effect, event)
            except StorageRefuses as error:
                # R1: without a durable start nothing turns green; what the engine wanted next is void.
                log.error("take not started", bench=self.id, reason=str(error))
                failed = TakeFailed(reason="disk", utc=event.utc, monotonic_ns=event.monotonic_ns)
                return await self._step(failed)
        if effects:
            self.touch()
        # After the screen has turned and before whoever scanned has the answer: a commit costs an fsync.
        await self._write(notes)
        return effects

    async def _write(self, notes: list[Note]) -> None:
        """Write the notes gathered so far into the take they belong to."""
        if notes and self._running is not None:
            await self._takes.note(self._running, *notes)
        notes.clear()

    async def _carry_out(self, effect: Effect, event: Event) -> None:
        match effect:
            case StartTake():
                self._order = None
                self._running = await self._takes.begin(
                    bench=self.id,
                    logic=self._logic,
                    start=effect,
                    cameras=self._cameras,
                    up=self._up,
                    notes=self.quality.notes(self._live),
                )
                self._legibility.begin(self._running)
            case StopTake():
                self._stop(effect)
            case Refuse():
                utc_ms = to_ms(event.utc)
                await self._takes.refuse(bench=self.id, reason=effect.reason, code=effect.code, utc_ms=utc_ms)
            case Show():
                self._shown = effect
            case Say():
                self._cue = Cue(self._cue.number + 1, effect.sound)
            case LookUpOrder():
                task = asyncio.create_task(self._look_up(effect.code))
                self._lookups.add(task)
                task.add_done_callback(self._lookups.discard)

    def _stop(self, effect: StopTake) -> None:
        if self._running is None:
            return
        cancelled = effect.reason is StopReason.CANCELLED
        self._legibility.end()
        self._takes.end(
            self._running,
            outcome="discarded" if cancelled else "completed",
            at_ns=effect.at_ns,
            reason=effect.reason.value,
            post_roll_ms=0 if cancelled else self._logic.parameters["post_roll_ms"],
        )
        self._running = self._order = None

    async def _look_up(self, code: str) -> None:
        try:
            order = await self._find_order(code)
        except StorageRefuses as error:
            log.error("order not looked up", bench=self.id, reason=str(error))
            return
        except LookupError:
            return
        if order is not None and self._running is not None and self._running.code == code:
            self._order = _order_view(order)
        utc, now_ns = self._now()
        await self.happen(OrderKnown(code=code, order=order, utc=utc, monotonic_ns=now_ns))
        self.touch()

    async def tick(self) -> None:
        """Let time pass."""
        utc, now_ns = self._now()
        self._legibility.tick(now_ns)
        over = [trouble for trouble, until_ns in self._troubles.items() if until_ns <= now_ns]
        for trouble in over:
            del self._troubles[trouble]
        if over:
            self.touch()
        await self.happen(Tick(utc=utc, monotonic_ns=now_ns))

    async def disk(self, level: DiskLevel) -> None:
        """Say how much room there is."""
        utc, now_ns = self._now()
        await self.happen(DiskChanged(level=level, utc=utc, monotonic_ns=now_ns))

    async def camera_up(self, camera: str) -> None:
        """A camera gives pictures."""
        if camera in self._up:
            return
        self._up.add(camera)
        self._down.discard(camera)
        utc, now_ns = self._now()
        await self.happen(CameraBack(camera=camera, left=len(self._up), utc=utc, monotonic_ns=now_ns))
        self.touch()

    async def quality_heard(self, report: About) -> None:
        """What a camera gives is less than it should be, or as it should be again."""
        note = self.quality.heard(report)
        if note is not None and self._running is not None:
            await self._takes.note(self._running, note)
        self.touch()

    def second_stream(self, camera: str, *, lost: bool) -> None:
        """A camera's stream that is only looked at gives no pictures, or does again."""
        (self._second_lost.add if lost else self._second_lost.discard)(camera)
        self.touch()

    async def camera_down(self, camera: str, code: str = "") -> None:
        """A camera gives none (any more, or from the beginning); ``code`` is the recorder's."""
        self._up.discard(camera)
        self.quality.camera_gone(camera, code)
        self._live[camera].lost()
        if camera not in self._down:  # another reason is news for the screen, not for the film
            self._down.add(camera)
            utc, now_ns = self._now()
            await self.happen(CameraLost(camera=camera, left=len(self._up), utc=utc, monotonic_ns=now_ns))
        self.touch()

    def trouble(self, code: str, camera: str) -> None:
        """Warn for a while that something went wrong with a camera's film."""
        self._troubles[code, camera] = self._now()[1] + TROUBLE_NS
        self.touch()

    async def sighted(self, sighting: Sighting) -> None:
        """Look at what a camera sees; most pictures change nothing."""
        codes = [code for code in sighting.codes if isinstance(code, SeenCode)]
        if sighting.film and self._legibility.saw(sighting.camera, codes, sighting.monotonic_ns):
            self.touch()
        if not self._logic.watches or sighting.second is not (sighting.camera in self._second):
            return
        utc, now_ns = self._now()
        seen = utc - timedelta(microseconds=(now_ns - sighting.monotonic_ns) / 1000)
        for event in self._in_view.look(codes, monotonic_ns=sighting.monotonic_ns, utc=seen):
            await self.happen(event)

    def picture(self, camera: str) -> LivePicture:
        """Return where a camera's live fragments go."""
        return self._live[camera]

    def has(self, camera: str) -> bool:
        """Say whether the camera is one of this bench's."""
        return camera in self._live

    def touch(self) -> None:
        """Tell whoever watches that something has changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    def report(self, *, journal_head: int, pending_parts: int) -> BenchStatus:
        """Return the bench as the hub is told of it."""
        return BenchStatus(
            bench=self.id,
            state=BenchState(self._shown.phase.value),
            take=self._running.take if self._running else None,
            cameras_up=sorted(self._up),
            cameras_down=sorted(set(self._live) - self._up),
            warnings=[short(warning) for warning in self.view().warnings],
            journal_head=journal_head,
            pending_parts=pending_parts,
        )

    def _values(self) -> dict[str, str]:
        titles = {camera.id: camera.title for camera in self._cameras}
        values = dict(self._shown.values)
        if "camera" in values:
            values["camera"] = titles.get(values["camera"], values["camera"])
        return values

    def _running_view(self) -> RunningView | None:
        running = self._running
        if running is None:
            return None
        elapsed = (self._now()[1] - running.started_ns) // 1_000_000
        return RunningView(running.take, running.code, from_ms(running.started_ms), elapsed, self._order)


def _order_view(order: StationOrder) -> OrderView:
    lines = tuple(LineView(line.name, line.quantity, line.sku, line.image_url) for line in order.lines)
    return OrderView(order.number, order.channel, lines, order.cancelled)
