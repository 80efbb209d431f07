"""The manifest: what a station says about one take, in the form it signs.

The models refuse what a verdict could not be built on: unknown fields, other types, numbers that do not fit
together. Whether the chains hold is ``verify``'s to say.
"""

from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from packwitness.evidence.chain import EventChain, PartChain
from packwitness.evidence.record import (
    Count,
    Digest,
    Identifier,
    Integer,
    KeyId,
    Record,
    Text,
    Time,
)

TYPE: Final = "packwitness/manifest/1"

CAMERA_LIMIT = 16
PART_LIMIT = 200_000
"""Most parts of one camera: 55 hours of one-second parts."""
EVENT_LIMIT = 50_000
GAP_LIMIT = 10_000
INIT_LIMIT = 1_000
PART_SIZE_LIMIT = 32 << 20
INIT_SIZE_LIMIT = 1 << 20

Outcome = Literal["completed", "interrupted", "discarded"]
EventKind = Literal[
    "take_started",
    "label_scanned",
    "item_scanned",
    "take_paused",
    "take_resumed",
    "take_stopped",
    "camera_lost",
    "camera_back",
    "warning",
    "note",
]


class OrganisationRef(Record):
    """The organisation, by id alone: its name is in its certificate."""

    id: Identifier


class Bench(Record):
    """The place where the parcel was handled."""

    id: Identifier
    name: Text


class Station(Record):
    """The program that filmed, and the id of the key that seals."""

    id: Identifier
    key: KeyId


class CommittedSubject(Record):
    """What the take is about, as a commitment."""

    kind: Text
    commitment: Digest


class Workflow(Record):
    """The recording logic; ``version`` is the SHA-256 of its TOML file."""

    logic: Text
    version: Digest


class Software(Record):
    """What made the manifest."""

    name: Text
    version: Text


class Clock(Record):
    """How good the station's clock was. ``offset_ms``: station minus reference."""

    source: Text
    reference: Text
    offset_ms: Integer | None
    uncertainty_ms: Count | None
    measured_at: Time | None


class JournalPoint(Record):
    """An entry of the bench's journal: its number and digest."""

    n: Annotated[Count, Field(ge=1)]
    digest: Digest


class JournalPosition(Record):
    """``start``: the entry that began the take; ``head``: the one just before its seal entry."""

    start: JournalPoint
    head: JournalPoint


class Init(Record):
    """An init segment, valid from part ``first_part`` until the next init."""

    size: Annotated[int, Field(ge=1, le=INIT_SIZE_LIMIT)]
    sha256: Digest
    first_part: Count


class Part(Record):
    """One part; ``start`` and ``duration`` in the camera's timescale, ``key``: begins at a keyframe."""

    size: Annotated[int, Field(ge=1, le=PART_SIZE_LIMIT)]
    sha256: Digest
    start: Count
    duration: Count
    key: bool


class Gap(Record):
    """A hole in a camera's film, from ``at_ms`` after ``film_from``."""

    at_ms: Integer
    duration_ms: Count
    reason: Text


class Audio(Record):
    """The sound in a camera's film. ``codec`` as in RFC 6381; ``encoded_from`` names what the camera sent
    where that cannot lie in an MP4 as it is and was encoded anew, None where it is the camera's own.
    """

    codec: Text
    sample_rate: Annotated[int, Field(ge=1, le=192_000)]
    channels: Annotated[int, Field(ge=1, le=8)]
    encoded_from: Text | None


class Timing(Record):
    """Where a camera's times come from and how good they were, None where that could not be measured.

    ``drift_ppm``: how much faster than the station's clock the camera's time stamps ran, in millionths.
    ``jitter_ms``: how much later than the promptest the latest picture came. ``clock_offset_ms``: the
    camera's own clock minus the station's.
    """

    source: Literal["rtp", "stream", "arrival"]
    drift_ppm: Integer | None
    jitter_ms: Count | None
    clock_offset_ms: Integer | None


class Legibility(Record):
    """Whether the label could be read in the film itself: in ``readable`` of ``looks`` pictures."""

    camera: Identifier
    looks: Count
    readable: Count


class Camera(Record):
    """One camera's film. ``dropped_packets`` reached the station and were not kept; ``lost_packets`` never
    reached it, which the network's sequence numbers told; ``stalls``: times that it was connected and gave no
    picture.
    """

    id: Identifier
    name: Text
    codec: Text
    width: Annotated[int, Field(ge=0, le=65_535)]
    height: Annotated[int, Field(ge=0, le=65_535)]
    timescale: Annotated[int, Field(ge=1, le=2**32 - 1)]
    offset_ms: Integer
    audio: Audio | None
    timing: Timing
    inits: Annotated[list[Init], Field(max_length=INIT_LIMIT)]
    parts: Annotated[list[Part], Field(max_length=PART_LIMIT)]
    chain: Digest
    gaps: Annotated[list[Gap], Field(max_length=GAP_LIMIT)]
    dropped_packets: Count
    lost_packets: Count
    stalls: Count
    reconnects: Count

    @model_validator(mode="after")
    def _inits_fit_parts(self) -> Self:
        firsts = [init.first_part for init in self.inits]
        if bool(self.parts) != bool(firsts) or (firsts and firsts[0] != 0):
            raise ValueError("the first init must belong to part 0, and no init may stand without parts")
        if any(later <= earlier for earlier, later in pairwise(firsts)):
            raise ValueError("each init must begin at a later part than the one before")
        if firsts and firsts[-1] >= len(self.parts):
            raise ValueError("the last init belongs to no part")
        return self

    def init_of_parts(self) -> list[int]:
        """Return for each part the number of the init it is decoded with."""
        numbers: list[int] = []
        for number, init in enumerate(self.inits):
            until = self.inits[number + 1].first_part if number + 1 < len(self.inits) else len(self.parts)
            numbers.extend([number] * (until - init.first_part))
        return numbers

    def chain_heads(self, take: str) -> list[str]:
        """Return the chain's head after each part, computed from the listed digests."""
        chain = PartChain(take, self.id)
        return [
            chain.append(self.inits[number].sha256, part.sha256)
            for number, part in zip(self.init_of_parts(), self.parts, strict=True)
        ]

    @property
    def film_size(self) -> int:
        """Bytes of the joined film."""
        return sum(init.size for init in self.inits) + sum(part.size for part in self.parts)


class Event(Record):
    """Something that happened; ``at_ms`` counts from the take's ``film_from``."""

    n: Count
    kind: EventKind
    utc: Time
    at_ms: Integer
    data: dict[Annotated[str, StringConstraints(max_length=64)], Any]


class Manifest(Record):
    """The payload ``packwitness/manifest/1``."""

    type: Literal["packwitness/manifest/1"] = TYPE
    take: Identifier
    organisation: OrganisationRef
    bench: Bench
    station: Station
    kind: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    outcome: Outcome
    subject: CommittedSubject | None
    workflow: Workflow
    software: Software
    film_from: Time
    started_at: Time
    stopped_at: Time
    film_until: Time
    clock: Clock
    journal: JournalPosition
    cameras: Annotated[list[Camera], Field(min_length=1, max_length=CAMERA_LIMIT)]
    events: Annotated[list[Event], Field(max_length=EVENT_LIMIT)]
    events_chain: Digest
    legibility: Legibility | None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len({camera.id for camera in self.cameras}) != len(self.cameras):
            raise ValueError("two cameras have the same id")
        if [event.n for event in self.events] != list(range(len(self.events))):
            raise ValueError("events are not numbered 0, 1, 2 …")
        if self.film_from > self.film_until or self.started_at > self.stopped_at:
            raise ValueError("the take ends before it begins")
        seen = self.legibility
        if seen is not None and (self.camera(seen.camera) is None or seen.readable > seen.looks):
            raise ValueError("legibility names no camera of the take, or more readable pictures than looks")
        return self

    def camera(self, camera: str) -> Camera | None:
        """Return the camera with this id."""
        return next((one for one in self.cameras if one.id == camera), None)

    def event_heads(self) -> list[str]:
        """Return the event chain's head after each event, computed from the listed events."""
        chain = EventChain(self.take)
        return [chain.append(event.payload()) for event in self.events]
