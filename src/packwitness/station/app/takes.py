"""The running takes of all benches: begun in the journal, filmed by the recorder, sealed from the ledger.

Two connections to the ledger: the *front* one serves what a packer waits for, in one thread of its own, so
that neither uploads nor the signing of a long take stand before it; the *back* one serves everything else.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from packwitness.evidence.commitments import Disclosure
from packwitness.evidence.errors import EvidenceError
from packwitness.station.app.clock import HubClock
from packwitness.station.app.quality import silent
from packwitness.station.config import CameraSettings
from packwitness.station.recorder import messages as recorder
from packwitness.station.spool.journal import Journal, TakeStart
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger, TakeNotOpen
from packwitness.station.spool.moments import from_ms, to_ms
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.rows import NewEvent, Outcome
from packwitness.station.spool.seal import Identity, close, seal
from packwitness.station.workflow.effects import Note, StartTake
from packwitness.station.workflow.logic import Logic

CHECKPOINT_SECONDS = 5.0
BEGIN_SECONDS = 1.5
"""How long the cameras that give pictures have to say where their film begins."""
SEAL_AGAIN_SECONDS = 5.0
PRE_ROLL_SHORT_MS = 100
"""Less film than promised by more than this is worth a line."""
CLOSE_SECONDS = 20.0
"""How long the recorder may take to close a take; a hanging one is killed and replaced well within."""

log = structlog.get_logger(__name__)

StorageRefuses = (OSError, sqlite3.Error)
"""What a disk that is full or gone raises."""


class Recorder(Protocol):
    """What takes need of the recorder: ``RecorderSupervisor`` is one."""

    def send(self, order: recorder.Order) -> None: ...


@dataclass(slots=True)
class Running:
    """A take that is being filmed, or whose film is being closed."""

    take: str
    bench: str
    code: str
    started_ms: int
    started_ns: int
    unheard: set[str]
    """Cameras that give pictures and have not said where their film begins."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    ending: bool = False
    film_stop_ns: int = 0
    """Until when it is filmed; later than its end where there is post-roll."""
    looks: dict[str, list[int]] = field(default_factory=dict)
    """For each camera: in how many pictures the label was looked for, and in how many it was read. All."""
    kept_looks: dict[str, list[int]] = field(default_factory=dict)
    """Of those, what is in the ledger."""
    pre_roll_ms: int = 0

    def utc_ms(self, at_ns: int) -> int:
        """UTC of a monotonic moment on this take's own line, which a clock that is set meanwhile does not
        bend.
        """
        return self.started_ms + (at_ns - self.started_ns) // 1_000_000


class Takes:
    """Begins, notes, ends and seals. All methods run in the event loop."""

    def __init__(
        self,
        *,
        front: tuple[Ledger, Journal],
        back: tuple[Ledger, Journal],
        layout: Layout,
        identity: Identity,
        clock: HubClock,
        changed: Callable[[str], None],
    ) -> None:
        self._front_ledger, self._front_journal = front
        self._ledger, self._journal = back
        self._layout = layout
        self._identity = identity
        self._clock = clock
        self._changed = changed
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._recorder: Recorder | None = None
        self._running: dict[str, Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def film_with(self, recorder: Recorder) -> None:
        """Name the recorder; takes can begin from now on."""
        self._recorder = recorder

    def running(self, take: str) -> Running | None:
        """Return a take that has not been sealed yet."""
        return self._running.get(take)

    async def _at_front[Answer](self, call: Callable[..., Answer], /, **arguments: Any) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._hand, lambda: call(**arguments))

    # --- a take's life ---

    async def begin(
        self,
        *,
        bench: str,
        logic: Logic,
        start: StartTake,
        cameras: list[CameraSettings],
        up: set[str],
        notes: Sequence[Note] = (),
    ) -> Running:
        """Make the start durable, then have it filmed; return only then (R1). ``notes`` are what its manifest
        has to say from the beginning.

        Raises:
            OSError, sqlite3.Error: the journal could not be written: there is no take.
        """
        if self._closing:
            raise OSError("the station is ending")
        entry = TakeStart(
            bench=bench,
            kind=start.kind,
            code=start.code,
            code_kind=start.code_kind,
            logic=logic.id,
            logic_version=logic.version,
            cameras=tuple((camera.id, camera.title) for camera in cameras),
            started_ms=to_ms(start.utc),
            started_ns=start.at_ns,
            pre_roll_ms=start.pre_roll_ms,
            clock=self._clock.statement(),
        )
        take = await self._at_front(self._start, entry=entry)
        waited = (time.monotonic_ns() - start.at_ns) / 1e6
        log.info("take started", take=take, scan_to_durable_ms=round(waited, 1), source=start.source.value)
        running = Running(
            *(take, bench, start.code, entry.started_ms, start.at_ns, set(up)), pre_roll_ms=start.pre_roll_ms
        )
        self._running[take] = running
        self._send(
            recorder.StartTake(
                take, tuple(camera.id for camera in cameras), start.at_ns, start.pre_roll_ms * 1_000_000
            )
        )
        self._spawn(self._settle(running))
        if notes:
            self._spawn(self.note(running, *notes))
        return running

    def _start(self, entry: TakeStart) -> str:
        """Begin a take in the journal, unless its film would land on a disk that is not ours."""
        if not self._front_ledger.owns(self._layout.spool_id):
            raise OSError(f"{self._layout.takes} is not this station's any more: is its disk mounted?")
        return self._front_journal.start_take(entry, utc_ms=entry.started_ms)

    async def note(self, running: Running, *notes: Note) -> None:
        """Write events into a take, in one commit; personal values go in as commitments."""
        events = [
            NewEvent(note.kind, running.utc_ms(note.at_ns), *_committed(note.data, note.personal))
            for note in notes
        ]
        try:
            await self._at_front(self._front_ledger.record_events, take=running.take, events=events)
        except (*StorageRefuses, TakeNotOpen) as error:
            # The film itself goes on; a full disk is shown by the guard's alarm.
            kinds = [note.kind for note in notes]
            log.error("events not kept", take=running.take, kinds=kinds, reason=str(error))

    async def refuse(self, *, bench: str, reason: str, code: str, utc_ms: int) -> None:
        """Write a refused start into the bench's journal."""
        try:
            await self._at_front(
                self._front_journal.refusal,
                bench=bench,
                reason=reason,
                code=code,
                code_kind="tracking_number",
                utc_ms=utc_ms,
            )
        except StorageRefuses as error:
            log.error("refusal not journaled", bench=bench, reason=str(error))

    def end(
        self, running: Running, *, outcome: Outcome, at_ns: int, reason: str, post_roll_ms: int = 0
    ) -> None:
        """Have a take closed as of ``at_ns`` and sealed, its film ``post_roll_ms`` later; returns at once."""
        if running.ending:
            return
        running.ending = True
        running.film_stop_ns = at_ns + post_roll_ms * 1_000_000
        self._send(recorder.StopTake(running.take, running.film_stop_ns))
        self._spawn(self._finish(running, outcome, at_ns, reason))

    async def _settle(self, running: Running) -> None:
        """Fix where the film begins once every camera has said so, or after a while without those that have
        not.
        """
        if running.unheard:
            try:
                await asyncio.wait_for(running.begun.wait(), BEGIN_SECONDS)
            except TimeoutError:
                log.warning("camera late", take=running.take, cameras=sorted(running.unheard))
        try:
            await asyncio.to_thread(
                self._ledger.fix_film_from, take=running.take, fallback_ms=running.started_ms
            )
        finally:
            running.settled.set()
        self._changed(running.take)

    async def _finish(self, running: Running, outcome: Outcome, at_ns: int, reason: str) -> None:
        take, stopped_ms = running.take, running.utc_ms(at_ns)
        try:
            left = max(0.0, (running.film_stop_ns - time.monotonic_ns()) / 1e9)
            await asyncio.wait_for(running.closed.wait(), left + CLOSE_SECONDS)
        except TimeoutError:
            log.error("the recorder did not close a take; sealed with what is on disk", take=take)
        await running.settled.wait()
        # A disk that refuses tells nobody when it takes again, so it is asked.
        while not await asyncio.to_thread(self._sealed, running, outcome, stopped_ms, reason):  # noqa: ASYNC110
            await asyncio.sleep(SEAL_AGAIN_SECONDS)
        self._running.pop(take, None)
        waited = (time.monotonic_ns() - at_ns) / 1e6
        log.info("take ended", take=take, outcome=outcome, stop_to_sealed_ms=round(waited, 1))
        self._changed(take)

    def _sealed(self, running: Running, outcome: Outcome, stopped_ms: int, reason: str) -> bool:
        """Close and seal; return False if the disk refuses for now. What was done is not done again.

        One that cannot be sealed at all is set aside for a person.
        """
        take, now_ms = running.take, running.utc_ms(time.monotonic_ns())
        try:
            row = self._ledger.take(take)
            if row is not None and row.state == "recording":
                self._keep_looks(running)
                clock = self._clock.statement()
                close(self._ledger, take=take, outcome=outcome, stopped_ms=stopped_ms, clock=clock)
                if outcome == "discarded":
                    self._journal.discard(take=take, bench=running.bench, reason=reason, utc_ms=now_ms)
            seal(self._ledger, self._journal, self._layout, self._identity, take=take, utc_ms=now_ms)
        except StorageRefuses as error:
            log.error("take not sealed; trying again", take=take, reason=str(error))
            return False
        except EvidenceError as error:
            # More than a manifest may hold, for instance. Trying again does not help; all of it is kept.
            log.error("take cannot be sealed; it needs a person", take=take, reason=str(error))
            Outgoing(self._ledger).trouble(take, f"cannot be sealed: {error}")
        return True

    def _keep_looks(self, running: Running) -> None:
        """Bring what was seen of the label into the ledger."""
        for camera, (looks, readable) in list(running.looks.items()):
            kept = running.kept_looks.setdefault(camera, [0, 0])
            if looks > kept[0]:
                self._ledger.add_looks(
                    take=running.take, camera=camera, looks=looks - kept[0], readable=readable - kept[1]
                )
                running.kept_looks[camera] = [looks, readable]

    # --- what the recorder tells ---

    def heard(self, report: recorder.Report) -> None:
        """Take a recorder's report."""
        match report:
            case recorder.PartWritten():
                running = self._running.get(report.take)
                if running is not None:
                    running.unheard.discard(report.camera)
                    if not running.unheard:
                        running.begun.set()
                    if report.n == 0:
                        self._began(running, report)
                self._changed(report.take)
            case recorder.TakeClosed():
                if running := self._running.get(report.take):
                    running.closed.set()
            case _:
                pass

    def _began(self, running: Running, report: recorder.PartWritten) -> None:
        """Say in the manifest where a film lacks some of its pre-roll: the camera was just up, or the ring's
        memory too small.
        """
        there_ms = (running.started_ns - report.origin_ns) // 1_000_000
        if there_ms < running.pre_roll_ms - PRE_ROLL_SHORT_MS and not running.ending:
            data: dict[str, str | int] = {
                "note": "pre_roll_short",
                "camera": report.camera,
                "there_ms": there_ms,
            }
            utc = from_ms(running.started_ms)
            self._spawn(self.note(running, Note("note", utc, time.monotonic_ns(), data)))

    async def sound_silent(self, report: recorder.SoundSilent) -> None:
        """Say in the manifest where a film, which may be ending, holds silence in the place of sound."""
        if running := self._running.get(report.take):
            await self.note(running, silent(report))

    async def film_not_kept(self, report: recorder.WriteFailed) -> None:
        """Say in the manifest, for ever, that pictures could not be written."""
        if (running := self._running.get(report.take)) and not running.ending:
            data = {"warning": "film_not_kept", "camera": report.camera}
            await self.note(running, Note("warning", datetime.now(UTC), time.monotonic_ns(), data))

    # --- all the while ---

    async def keep_checkpoints(self) -> None:
        """Sign each running take's chain heads every few seconds."""
        while True:
            await asyncio.sleep(CHECKPOINT_SECONDS)
            for running in [one for one in self._running.values() if not one.ending]:
                try:
                    await asyncio.to_thread(self._keep_looks, running)
                    await asyncio.to_thread(
                        self._journal.checkpoint,
                        take=running.take,
                        utc_ms=running.utc_ms(time.monotonic_ns()),
                    )
                except (*StorageRefuses, TakeNotOpen) as error:
                    log.error("no checkpoint", take=running.take, reason=str(error))

    async def interrupt_all(self, *, seconds: float) -> None:
        """Close and seal whatever runs; what does not manage in time is sealed at the next start."""
        self._closing = True
        utc, now_ns = datetime.now(UTC), time.monotonic_ns()
        for running in [one for one in self._running.values() if not one.ending]:
            await self.note(running, Note("take_stopped", utc, now_ns, {"reason": "station_stopped"}))
            self.end(running, outcome="interrupted", at_ns=now_ns, reason="station_stopped")
        for running in self._running.values():
            if running.film_stop_ns > now_ns:  # no time for its post-roll
                running.film_stop_ns = now_ns
                self._send(recorder.StopTake(running.take, now_ns))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        self._hand.shutdown(wait=True)

    def _send(self, order: recorder.Order) -> None:
        if self._recorder is None:
            raise RuntimeError("takes begin only after film_with()")
        self._recorder.send(order)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The take stays open in the ledger, so the next start closes and seals it.
            log.error("take not finished", exc_info=error)


def _committed(
    data: Mapping[str, str | int], personal: frozenset[str]
) -> tuple[dict[str, Any], tuple[tuple[str, str, str], ...]]:
    """Return the data with commitments in the place of personal values, and what opens them."""
    stated: dict[str, Any] = {}
    disclosures: list[tuple[str, str, str]] = []
    for name, value in data.items():
        if name not in personal:
            stated[name] = value
        elif str(value):
            opened = Disclosure.make(str(value))
            stated[name] = {"commitment": opened.commitment}
            written = opened.to_value()
            disclosures.append((written["commitment"], written["salt"], written["value"]))
    return stated, tuple(disclosures)
