"""What the engine asks for. The bench carries effects out **in the order given**.

If ``StartTake`` cannot be made durable, the effects after it are dropped (the screen must not turn green) and
the engine is told ``TakeFailed``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from packwitness.station.workflow.events import Source


class Phase(StrEnum):
    """Where a bench stands. The names are those of ``protocol.BenchState``."""

    IDLE = "idle"
    RECORDING = "recording"
    PAUSED = "paused"
    """The packer is away from the parcel. The film runs on; only what would end the take is held back."""
    BLOCKED = "blocked"
    """Nothing can be started: no camera gives a picture, or the disk is full."""


class Tone(StrEnum):
    """The one colour that fills the screen."""

    CALM = "calm"
    RECORDING = "recording"
    WARNING = "warning"
    REFUSED = "refused"


class Sound(StrEnum):
    """What the packer hears."""

    START = "start"
    STOP = "stop"
    WARN = "warn"
    REFUSE = "refuse"
    PAUSE = "pause"
    RESUME = "resume"


class StopReason(StrEnum):
    """Why a take ended; ``CANCELLED`` makes its outcome *discarded*, all others *completed*."""

    SAME_CODE = "same_code"
    NEXT_CODE = "next_code"
    LIFTED = "lifted"
    COMMAND = "command"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class StartTake:
    """Journal the start, then film. ``at_ns`` is the moment of the code that started it; pre-roll counts
    from there."""

    code: str
    code_kind: str
    kind: str
    source: Source
    symbology: str
    utc: datetime
    at_ns: int
    pre_roll_ms: int


@dataclass(frozen=True, slots=True)
class StopTake:
    """Close the running take as of ``at_ns``."""

    reason: StopReason
    utc: datetime
    at_ns: int


@dataclass(frozen=True, slots=True)
class Note:
    """Write an event into the running take's manifest.

    ``kind`` is one of evidence.md's event kinds; the values of ``data`` named in ``personal`` go in as
    commitments only.
    """

    kind: str
    utc: datetime
    at_ns: int
    data: Mapping[str, str | int] = field(default_factory=dict)
    personal: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Show:
    """What the kiosk shows from now on. ``message`` is a key of ``kiosk.messages``; ``values`` fill its
    places."""

    phase: Phase
    tone: Tone
    message: str
    code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """Sound it; the kiosk speaks the message shown with it where there is a voice."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class Refuse:
    """A start (or command) was refused: the bench's journal gets a refusal entry. ``code`` may be empty."""

    reason: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class LookUpOrder:
    """Find the order of ``code`` (cache first, then hub) and answer with ``OrderKnown``. Filming does not
    wait for it."""

    code: str


Effect = StartTake | StopTake | Note | Show | Say | Refuse | LookUpOrder


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one scan, for whoever sent it. ``message`` is a key of ``kiosk.messages``, ``take``
    the running take."""

    accepted: bool
    state: Phase
    message: str
    take: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def refusal(effects: Iterable[Effect]) -> Refuse | None:
    """Return the refusal among ``effects``, None if all was accepted."""
    return next((effect for effect in effects if isinstance(effect, Refuse)), None)
