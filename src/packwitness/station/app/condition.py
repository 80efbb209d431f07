"""How the station is: hub, clock, disk, uploads. What the strip at the kiosk's edge and the hub's heartbeat
say.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from packwitness import __version__
from packwitness.protocol import Heartbeat
from packwitness.station.app.bench import LiveBench
from packwitness.station.app.clock import HubClock, measure
from packwitness.station.kiosk.view import (
    DiskState,
    FilmState,
    HubState,
    LastTakeView,
    StatusView,
    WarningView,
)
from packwitness.station.spool.guard import Disk, DiskGuard, Room
from packwitness.station.spool.hub import Hub, HubAway, HubError
from packwitness.station.spool.moments import from_ms
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.rows import TakeRow
from packwitness.station.spool.uploader import Uploader
from packwitness.station.workflow.events import DiskLevel

BEAT_SECONDS = 10.0
AWAY_SECONDS = 30.0
"""How long the hub may be silent before the packer is told."""
DISK_SECONDS = 5.0
LAST_TAKES = 6

log = structlog.get_logger(__name__)


def utc_ms() -> int:
    """Return this computer's idea of UTC, in milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Limits:
    """What counts as wrong."""

    clock_ms: int


class Condition:
    """Looks after the station's health and shows it on each bench."""

    def __init__(
        self,
        *,
        benches: Sequence[LiveBench],
        hub: Hub,
        clock: HubClock,
        guard: DiskGuard,
        outgoing: Outgoing,
        uploader: Uploader,
        limits: Limits,
    ) -> None:
        self._benches = benches
        self._hub = hub
        self._clock = clock
        self._guard = guard
        self._outgoing = outgoing
        self._uploader = uploader
        self._limits = limits
        self._disk = guard.look()
        self._heard = time.monotonic()
        """When the hub last answered, or the program began."""
        self._online = False
        self._dirty = asyncio.Event()
        self._stuck = False

    def changed(self) -> None:
        """Something in the ledger changed: look again soon."""
        self._dirty.set()

    # --- for ever ---

    async def keep_beating(self) -> None:
        """Tell the hub how the benches are, and measure the clock by its answer."""
        while True:
            await self._beat()
            self.changed()
            await asyncio.sleep(BEAT_SECONDS)

    async def _beat(self) -> None:
        statuses = []
        for bench in self._benches:
            head = await asyncio.to_thread(self._outgoing.ledger.head, bench.id)
            pending = await asyncio.to_thread(self._outgoing.pending_parts, bench.id)
            status = bench.report(journal_head=head.n, pending_parts=pending)
            if self._uploader.detour:
                # No packer can mend that, so only the hub is told.
                status = status.model_copy(update={"warnings": [*status.warnings, "store_away"]})
            statuses.append(status)
        sent, began = utc_ms(), time.monotonic_ns()
        beat = Heartbeat(
            station_time=from_ms(sent),
            software=f"packwitness {__version__}",
            disk_free_bytes=self._disk.free_bytes,
            benches=statuses,
        )
        try:
            answer = await self._hub.heartbeat(beat)
        except HubError as error:
            self._online = isinstance(error, HubAway) and error.answered
            log.debug("heartbeat not answered", reason=str(error))
            return
        # The round trip on the monotonic clock: a clock set meanwhile must not look like a slow network.
        answered = sent + (time.monotonic_ns() - began) / 1e6
        hub_ms = answer.hub_time.timestamp() * 1000
        self._clock.add(measure(sent_ms=sent, answered_ms=answered, hub_ms=hub_ms))
        if not self._online:
            log.info("hub answers", clock_offset_ms=self._offset())
        self._online, self._heard = True, time.monotonic()

    async def keep_disk(self) -> None:
        """Delete what may go, and tell the benches when the disk runs low."""
        told: Room | None = None
        while True:
            try:
                self._disk = await asyncio.to_thread(self._guard.tidy, utc_ms=utc_ms())
            except (OSError, sqlite3.Error) as error:
                log.error("disk not tidied", reason=str(error))
                self._disk = Disk(Room.FULL, 0)
            if self._disk.dropped:
                log.info("dropped receipted takes", takes=len(self._disk.dropped))
            if self._disk.room is not told:
                told = self._disk.room
                say = log.info if told is Room.FINE else log.warning
                say("disk", room=told.value, free_bytes=self._disk.free_bytes)
                for bench in self._benches:
                    await bench.disk(DiskLevel(told.value))
                self.changed()
            await asyncio.sleep(DISK_SECONDS)

    async def keep_showing(self) -> None:
        """Bring what the benches show up to date, at most twice a second."""
        while True:
            await self._show()
            try:
                await asyncio.wait_for(self._dirty.wait(), BEAT_SECONDS)
            except TimeoutError:
                continue
            finally:
                self._dirty.clear()
            await asyncio.sleep(0.5)

    # --- what is shown ---

    async def _show(self) -> None:
        for bench in self._benches:
            takes, pending = await asyncio.to_thread(self._look_up, bench.id)
            bench.last_takes = takes
            bench.status = self._status(pending)
            bench.warnings = self._warnings(bench)
            bench.touch()

    def _look_up(self, bench: str) -> tuple[tuple[LastTakeView, ...], int]:
        rows = self._outgoing.last_finished(bench, limit=LAST_TAKES)
        takes = tuple(_last(row, self._outgoing.parts_left(row.take)) for row in rows)
        self._stuck = self._outgoing.has_trouble()
        return takes, self._outgoing.pending_parts(bench)

    def _status(self, pending: int) -> StatusView:
        return StatusView(
            hub=HubState.ONLINE if self._online else HubState.OFFLINE,
            disk=DiskState(self._disk.room.value),
            disk_free_bytes=self._disk.free_bytes,
            disk_hours_left=None if self._disk.hours_left is None else int(self._disk.hours_left),
            clock_offset_ms=self._offset(),
            pending_parts=pending,
            clock_ok=self._clock_ok(),
        )

    def _warnings(self, bench: LiveBench) -> tuple[WarningView, ...]:
        wrong = {
            "recorder_lost": bench.recorder_lost,
            "spool_gone": self._disk.gone,
            "disk_full": self._disk.room is Room.FULL and not self._disk.gone,
            "disk_low": self._disk.room is Room.LOW,
            "hub_away": not self._online and time.monotonic() - self._heard > AWAY_SECONDS,
            "hub_refused": self._stuck or self._uploader.unauthorised,
            "clock_off": not self._clock_ok(),
        }
        return tuple(WarningView(code) for code, is_wrong in wrong.items() if is_wrong)

    def _offset(self) -> int | None:
        best = self._clock.best
        return None if best is None else best.offset_ms

    def _clock_ok(self) -> bool:
        best = self._clock.best
        return best is None or abs(best.offset_ms) - best.uncertainty_ms <= self._limits.clock_ms


def _last(row: TakeRow, parts_left: int) -> LastTakeView:
    stopped_ms = row.stopped_ms if row.stopped_ms is not None else row.started_ms
    return LastTakeView(
        take=row.take,
        code=row.code or row.take,  # a dropped take keeps no code
        stopped_at=from_ms(stopped_ms),
        duration_s=(stopped_ms - row.started_ms) // 1000,
        state=_film_state(row),
        parts_left=parts_left,
    )


def _film_state(row: TakeRow) -> FilmState:
    if row.trouble is not None:
        return FilmState.NEEDS_HELP
    if row.outcome == "discarded":
        return FilmState.DISCARDED
    if row.state in ("receipted", "dropped"):
        return FilmState.SAFE
    return FilmState.UPLOADING if row.announced else FilmState.WAITING
