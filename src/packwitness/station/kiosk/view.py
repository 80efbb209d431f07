"""What the kiosk needs of a bench: one frozen picture of it, news of changes, a way to scan, the live
picture.

Nothing here is translated: messages and warnings are keys of ``kiosk.messages``, times are UTC, sizes are
bytes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from packwitness.station.workflow.effects import Answer, Phase, Sound, Tone
from packwitness.station.workflow.events import Source


class FilmState(StrEnum):
    """How safe a finished take is."""

    WAITING = "waiting"
    """On this station only."""
    UPLOADING = "uploading"
    SAFE = "safe"
    """The hub has given its receipt."""
    DISCARDED = "discarded"
    NEEDS_HELP = "needs_help"
    """The hub refused it; kept here until a person looks."""


class HubState(StrEnum):
    """How the hub answers."""

    ONLINE = "online"
    OFFLINE = "offline"
    NONE = "none"
    """This station has no hub."""


class DiskState(StrEnum):
    """How much room the spool has."""

    FINE = "fine"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class CameraView:
    """A camera of the bench. ``live`` says whether ``Bench.live`` can show it."""

    id: str
    name: str
    up: bool
    live: bool = True


@dataclass(frozen=True, slots=True)
class LineView:
    """One product of the order. ``image_url`` is a path of this server or an allowed picture origin, or
    empty."""

    name: str
    quantity: int
    sku: str = ""
    image_url: str = ""


@dataclass(frozen=True, slots=True)
class OrderView:
    """The running parcel's order."""

    number: str
    channel: str
    lines: tuple[LineView, ...]
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class RunningView:
    """The take that is being filmed."""

    take: str
    code: str
    started_at: datetime
    elapsed_ms: int
    """At the moment the view was made: the page's clock runs on from here, so its own clock may be wrong."""
    order: OrderView | None = None


@dataclass(frozen=True, slots=True)
class LastTakeView:
    """A finished take, newest first."""

    take: str
    code: str
    stopped_at: datetime
    duration_s: int
    state: FilmState
    parts_left: int = 0


@dataclass(frozen=True, slots=True)
class WarningView:
    """Something that stays wrong until somebody mends it: ``camera_lost``, ``disk_low``, ``hub_away``,
    ``clock_off`` …"""

    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusView:
    """The strip at the edge of the screen."""

    hub: HubState
    disk: DiskState
    disk_free_bytes: int
    clock_offset_ms: int | None
    """Station minus hub; None while unmeasured."""
    pending_parts: int = 0
    clock_ok: bool = True
    disk_hours_left: int | None = None
    """Until nothing more can be filmed at today's rate; None while there is no rate."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A sound to be made once: the page plays it when ``number`` is new to it. 0 means none yet."""

    number: int = 0
    sound: Sound | None = None


@dataclass(frozen=True, slots=True)
class BenchView:
    """A bench as it is now."""

    bench: str
    name: str
    logic: str
    """Id of the recording logic: ``scan-rescan``, ``scan-next``, ``laid-lifted`` …"""
    phase: Phase
    tone: Tone
    message: str
    values: Mapping[str, str] = field(default_factory=dict)
    running: RunningView | None = None
    last_takes: tuple[LastTakeView, ...] = ()
    warnings: tuple[WarningView, ...] = ()
    cameras: tuple[CameraView, ...] = ()
    status: StatusView = StatusView(HubState.NONE, DiskState.FINE, 0, None)
    cue: Cue = Cue()


type OnScan = Callable[[str, Source, int], Awaitable[Answer]]
"""``Bench.scan``, for whoever needs no more of a bench than that."""


class Bench(Protocol):
    """What ``make_kiosk`` is given for each bench; ``kiosk.fake.FakeBench`` is one without cameras."""

    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...

    def view(self) -> BenchView:
        """Return the bench as it is now."""
        ...

    def changes(self) -> AsyncIterator[BenchView]:
        """Yield the view now and whenever it has changed; a slow reader gets the newest, never a backlog."""
        ...

    async def scan(self, code: str, source: Source, ago_ms: int = 0) -> Answer:
        """Hand over a code exactly as it arrived (a command barcode too); never raises for what the code
        holds."""
        ...

    def live(self, camera: str) -> AsyncIterator[bytes]:
        """Yield fragmented MP4: first an init (begins with an ``ftyp`` box), then fragments, the first at
        a keyframe.

        A new init may come at any time, again followed by a keyframe. The iterator ends when the camera is
        lost; the
        page asks again. Raises KeyError for a camera that is not of this bench.
        """
        ...
