"""The bodies of the station protocol.

Signed things (certificates, manifests, receipts, journal entries) travel as plain JSON statements: what they
mean is ``packwitness.evidence``'s to say, and this package does not know it.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from packwitness.protocol.names import NAMED_LIMIT, PART_LIMIT

StatementJSON = dict[str, Any]
"""A signed statement in its JSON form: ``{"payload": …, "signatures": […]}``."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
"""An id that is also a path component: bench, take, station or camera."""
Text = Annotated[str, StringConstraints(max_length=200)]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""What was scanned, after normalisation."""


class Message(BaseModel):
    """Base of all bodies: frozen, and unknown fields are ignored so that either side may be upgraded
    first.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class Problem(Message):
    """RFC 9457 problem; ``retry`` says whether the same call can succeed later."""

    title: str
    status: int
    detail: str
    code: str
    retry: bool = False


class EnrolRequest(Message):
    """``code`` is the one-time code from the hub; ``public_key`` the station's Ed25519 key, 32 bytes
    base64url.
    """

    code: Annotated[str, StringConstraints(min_length=8, max_length=64)]
    public_key: Annotated[str, StringConstraints(min_length=43, max_length=43)]
    host_name: Text
    software: Text


class BenchGranted(Message):
    """A bench this station serves, as the hub knows it."""

    id: Identifier
    name: Text


class Enrolled(Message):
    """The one answer that holds ``token``; the station stores it with mode 0600."""

    organisation_id: Identifier
    organisation_name: Text
    station_id: Identifier
    station_name: Text
    benches: Annotated[list[BenchGranted], Field(min_length=1, max_length=200)]
    token: Annotated[str, StringConstraints(min_length=20, max_length=200)]
    certificates: Annotated[list[StatementJSON], Field(max_length=10)]
    """Station's, organisation's and hub's certificates."""
    hub_key: Text
    """Key id of the key that signs receipts."""


class BenchState(StrEnum):
    """The kiosk's big state."""

    IDLE = "idle"
    RECORDING = "recording"
    PAUSED = "paused"
    BLOCKED = "blocked"


class BenchStatus(Message):
    """How one bench is right now; ``warnings`` are short codes such as ``camera_lost:overhead``."""

    bench: Identifier
    state: BenchState
    take: Identifier | None = None
    cameras_up: list[Identifier] = []
    cameras_down: list[Identifier] = []
    warnings: list[Text] = []
    journal_head: int = 0
    pending_parts: int = 0


class Heartbeat(Message):
    """Sent every 10 s."""

    station_time: AwareDatetime
    software: Text
    disk_free_bytes: int
    benches: Annotated[list[BenchStatus], Field(max_length=200)]


class HeartbeatAnswer(Message):
    """``hub_time`` lets the station measure its clock's offset as NTP does."""

    hub_time: AwareDatetime


class CameraStarted(Message):
    """A camera that takes part in a take."""

    id: Identifier
    name: Text


class Disclosed(Message):
    """The value behind a commitment (evidence.md, "Commitment and disclosure")."""

    commitment: Hex
    salt: Text
    value: Text


class TakeStarted(Message):
    """Announces a running take. ``start`` is the signed journal entry; ``code`` the parcel's key in the clear
    for the hub's index.
    """

    bench: Identifier
    kind: Text = "packing"
    code: Code
    code_kind: Text = "tracking_number"
    started_at: AwareDatetime
    film_from: AwareDatetime
    cameras: Annotated[list[CameraStarted], Field(min_length=1, max_length=16)]
    start: StatementJSON


class TakeAccepted(Message):
    """The hub knows the take; parts may come."""

    take: Identifier
    sealed: bool = False


class TakeSealed(Message):
    """The manifest statement and the values behind its commitments."""

    manifest: StatementJSON
    disclosures: Annotated[list[Disclosed], Field(max_length=10_000)]


class Receipted(Message):
    """The hub's signed receipt statement."""

    receipt: StatementJSON


class MissingPart(Message):
    """``part`` is None where an init is missing."""

    camera: Identifier
    init: int | None = None
    part: int | None = None


class PartsMissing(Problem):
    """Problem ``parts_missing``: what the hub still needs before it can give a receipt (at most 1,000
    named).
    """

    missing: list[MissingPart]


class PartNamed(Message):
    """A part that goes, or went, straight to the object store; times count in its init's timescale."""

    take: Identifier
    camera: Identifier
    number: Annotated[int, Field(ge=0, le=99_999_999)]
    init: Count
    start: Count
    duration: Count
    key: bool
    size: Annotated[int, Field(ge=1, le=PART_LIMIT)]
    sha256: Hex


class PartsNamed(Message):
    """Parts of any takes of this station."""

    parts: Annotated[list[PartNamed], Field(min_length=1, max_length=NAMED_LIMIT)]


class PartState(StrEnum):
    """``put``: put it at ``url``; ``stored``: it is durable; ``missing``: it is not there; ``refused``: see
    ``code``.
    """

    PUT = "put"
    STORED = "stored"
    MISSING = "missing"
    REFUSED = "refused"


class PartStanding(Message):
    """What the hub says of one part. ``headers`` are to be sent with the bytes, as they are; ``code`` and
    ``detail`` are those of the problem that a PUT to the hub would have got.
    """

    state: PartState
    url: Annotated[str, StringConstraints(max_length=4_000)] = ""
    headers: dict[str, str] = {}
    code: Text = ""
    detail: Annotated[str, StringConstraints(max_length=1_000)] = ""


class PartStandings(Message):
    """One for each part that was named, in the same order."""

    parts: list[PartStanding]


class JournalBatch(Message):
    """Consecutive signed journal entries of one bench."""

    entries: Annotated[list[StatementJSON], Field(min_length=1, max_length=500)]


class JournalAnswer(Message):
    """The number of the entry the hub wants next."""

    next: int


class OrderLine(Message):
    """One product of an order; ``image_url`` may be empty."""

    sku: Text
    name: Text
    quantity: Annotated[int, Field(ge=1, le=100_000)]
    image_url: Annotated[str, StringConstraints(max_length=2_000)] = ""


class StationOrder(Message):
    """What a bench needs to know of an order: no name, address or phone."""

    number: Text
    channel: Text = ""
    codes: list[Code]
    """Tracking numbers of its shipments."""
    cancelled: bool = False
    lines: Annotated[list[OrderLine], Field(max_length=500)]


class OrderPage(Message):
    """``cursor`` goes into the next call's ``after``; ``more`` says whether to call at once."""

    orders: list[StationOrder]
    cursor: str
    more: bool


class OrderFound(Message):
    """The order a code belongs to."""

    order: StationOrder
