"""What can happen at a bench, as the engine is told of it.

Every event carries the moment it happened twice: ``utc`` for people and the manifest, ``monotonic_ns``
(``time.monotonic_ns``, one clock for all processes of a station) for durations. The engine never reads a
clock.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from packwitness.protocol.models import StationOrder


class Source(StrEnum):
    """Where a code came from."""

    SCANNER = "scanner"
    """A hand scanner: keyboard wedge, serial."""
    CAMERA = "camera"
    """A label that lies in a camera's view; such a code is also lifted again."""
    HTTP = "http"
    """Another program: a warehouse system, a robot cell."""
    MANUAL = "manual"
    """Typed or touched by the packer."""


class CommandName(StrEnum):
    """The command barcodes: the code's text is ``PWCMD:`` and the name in capitals."""

    START = "start"
    END = "end"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


class DiskLevel(StrEnum):
    """How much room the spool has."""

    FINE = "fine"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    utc: datetime
    monotonic_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned(Event):
    """A code arrived; ``code`` is normalised (``codes.normalise``), ``symbology`` is empty where the
    source does not say."""

    code: str
    source: Source
    symbology: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable(Event):
    """Something arrived that is no code; ``reason`` is that of ``codes.CodeRefused``."""

    reason: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted(Event):
    """A code that a camera saw (``Scanned`` with source ``camera``) has left the view."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Event):
    """A command barcode, a button, or a call."""

    name: CommandName
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Event):
    """Time has passed; sent about four times a second. A logic with a time limit is judged on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraLost(Event):
    """``camera`` gives no picture any more; ``left`` cameras of this bench still do."""

    camera: str
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraBack(Event):
    """``camera`` gives a picture (again); ``left`` counts it."""

    camera: str
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskChanged(Event):
    """The spool's disk went over a limit, in either direction."""

    level: DiskLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKnown(Event):
    """The answer to ``LookUpOrder``; ``order`` is None where nobody knows the code."""

    code: str
    order: StationOrder | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeFailed(Event):
    """The last ``StartTake`` could not be made durable, or a running take can film no more. There is no
    take now."""

    reason: str
