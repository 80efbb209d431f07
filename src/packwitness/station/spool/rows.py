"""What the ledger answers with: one frozen record for each table."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

TakeState = Literal["recording", "closed", "sealed", "receipted", "dropped"]
Outcome = Literal["completed", "interrupted", "discarded"]


@dataclass(frozen=True, slots=True)
class CameraRow:
    """A camera's place in a take. ``first_ns`` is its first packet's monotonic time, None while it has
    given nothing.

    ``timing``, ``drift_ppm``, ``jitter_ms``, ``clock_offset_ms`` as in the manifest; ``looks`` and
    ``readable``: in how many of its pictures the take's label was looked for and read.
    """

    camera: str
    name: str
    first_ns: int | None
    dropped_packets: int
    lost_packets: int
    stalls: int
    reconnects: int
    timing: str
    drift_ppm: int | None
    jitter_ms: int | None
    clock_offset_ms: int | None
    looks: int
    readable: int


@dataclass(frozen=True, slots=True)
class InitRow:
    """A durable init segment (``ftyp`` + ``moov``); ``sha256`` is hex, ``audio`` the manifest's JSON
    of its sound, if it has any.
    """

    take: str
    camera: str
    k: int
    size: int
    sha256: str
    codec: str
    width: int
    height: int
    timescale: int
    audio: str | None
    uploaded: bool


@dataclass(frozen=True, slots=True)
class PartRow:
    """A durable part; ``start`` and ``duration`` count in its init's timescale, ``chain`` is the chain's
    head after it.
    """

    take: str
    camera: str
    n: int
    init: int
    size: int
    sha256: str
    start: int
    duration: int
    key: bool
    chain: str
    uploaded: bool


@dataclass(frozen=True, slots=True)
class SoundRow:
    """A film's sound as its manifest states it."""

    codec: str
    sample_rate: int
    channels: int
    encoded_from: str | None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a take ends: when it was stopped, when its last film ends (UTC ms), and what no film shows."""

    stopped_ms: int
    film_until_ms: int
    gaps: list["GapRow"]


@dataclass(frozen=True, slots=True)
class FilmRow:
    """How far a camera's film is: the monotonic moment of its media time 0, its end in media time, its
    parts, and its sound.
    """

    origin_ns: int
    end: int
    parts: int
    audio: SoundRow | None = None


@dataclass(frozen=True, slots=True)
class GapRow:
    """A time in which a camera gave no picture."""

    camera: str
    at_ms: int
    duration_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be appended. ``disclosures``: ``(commitment, salt, value)`` of the commitments in
    ``data``.
    """

    kind: str
    utc_ms: int
    data: Mapping[str, Any]
    disclosures: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event; ``body`` and ``chain`` are None until the take's ``film_from`` is known."""

    take: str
    n: int
    kind: str
    utc_ms: int
    data: dict[str, Any]
    body: dict[str, Any] | None
    chain: str | None


@dataclass(frozen=True, slots=True)
class TakeRow:
    """A take. ``*_ms`` are UTC milliseconds, ``started_ns`` is monotonic in the boot in which the take
    began.

    ``trouble`` is set where a person has to look: the hub refuses something that trying again does not
    change.
    """

    take: str
    bench: str
    n: int
    state: TakeState
    kind: str
    code: str
    code_kind: str
    subject: dict[str, Any]
    logic: str
    logic_version: str
    started_ms: int
    started_ns: int
    pre_roll_ms: int
    film_from_ms: int | None
    stopped_ms: int | None
    film_until_ms: int | None
    outcome: Outcome | None
    clock: dict[str, Any]
    manifest_digest: str | None
    receipted_ms: int | None
    announced: bool
    trouble: str | None


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a bench's journal; number 0 and 64 zeros where there is none yet."""

    n: int
    digest: str


NO_ENTRY = Head(0, "0" * 64)


def build[Row](kind: type[Row], row: sqlite3.Row, **changed: Any) -> Row:
    """Make a record from a database row whose columns carry the record's field names."""
    return kind(**{**dict(row), **changed})
