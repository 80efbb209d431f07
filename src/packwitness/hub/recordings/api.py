"""The station's calls about takes (docs/design/protocol.md), and the integrators' about recordings."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import ValidationError

from packwitness.hub.notary import queries as notary
from packwitness.hub.recordings import bodies, direct, operations, queries, seal
from packwitness.hub.recordings.models import Recording, Take
from packwitness.hub.recordings.names import InitName, PartName
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.stations.access import StationRequest
from packwitness.hub.tenants import queries as tenants
from packwitness.hub.ui.problems import Problem
from packwitness.hub.vault.interface import BadKey, DigestMismatch, Ticket, VaultConflict
from packwitness.protocol import (
    INIT_LIMIT,
    PART_LIMIT,
    PartsNamed,
    PartStanding,
    PartStandings,
    PartState,
    Receipted,
    TakeAccepted,
    TakeSealed,
    TakeStarted,
)

station = Router()
integrators = Router(tags=["recordings"])

Count = Annotated[int, Query(ge=0, le=2**53 - 1)]
Search = Annotated[str, Query(max_length=200, description="Part of a tracking, order or phone number")]
Limit = Annotated[int, Query(ge=1, le=200)]
MOST_PARTS = 99_999_999


REFUSALS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (operations.TakeUnknown, 404, "take_unknown", "There is no such take here."),
    (operations.TakeIsSealed, 409, "take_sealed", "The take takes no more parts."),
    (operations.PartDiffers, 409, "part_differs", "Other bytes are stored under this number."),
    (VaultConflict, 409, "part_differs", "Other bytes are stored under this number."),
    (operations.TakeDiffers, 409, "take_differs", "The take is known otherwise."),
    (operations.StartInvalid, 422, "start_invalid", "The start cannot be believed."),
    (direct.DirectOff, 409, "direct_off", "Parts go through the hub here."),
    (BadKey, 404, "take_unknown", "There is no such take here."),
)


@contextmanager
def problems() -> Iterator[None]:
    """Answer every refusal of an operation as the protocol names it."""
    try:
        yield
    except seal.PartsMissing as error:
        missing = [one.model_dump() for one in error.missing]
        raise Problem(
            409,
            "parts_missing",
            "The manifest names parts that are not here.",
            "Send them, then the manifest again.",
            retry=True,
            extra={"missing": missing},
        ) from error
    except seal.ManifestInvalid as error:
        findings = [one.to_value() for one in error.findings[:100]]
        raise Problem(
            422, "manifest_invalid", "The manifest does not hold.", str(error), extra={"findings": findings}
        ) from error
    except DigestMismatch as error:
        raise Problem(
            400, "digest_mismatch", "The bytes are not those of the digest.", str(error), retry=True
        ) from error
    except (operations.IngestError, VaultConflict, BadKey) as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> Problem:
    for kind, status, code, title in REFUSALS:
        if isinstance(error, kind):
            return Problem(status, code, title, str(error))
    raise error


@station.put("takes/{take}", response=TakeAccepted)
def start_take(request: StationRequest, take: str) -> TakeAccepted:
    """Announce a running take."""
    body = bodies.json_of(request)
    try:
        started = TakeStarted.model_validate(body)
    except ValidationError as error:
        raise _invalid(error) from error
    with problems():
        row = operations.start_take(
            scope=request.scope, station=request.station, take=take, started=started, at=timezone.now()
        )
    return TakeAccepted(take=row.id, sealed=row.state != "recording")


@station.put("takes/{take}/cameras/{camera}/inits/{int:number}")
def put_init(request: StationRequest, take: str, camera: str, number: int) -> HttpResponse:
    """Make an init segment durable."""
    size = bodies.size_of(request, limit=INIT_LIMIT, code="part_too_large")
    name = InitName(number, size, bodies.digest_of(request))
    with problems():
        done = operations.put_init(
            scope=request.scope,
            station=request.station,
            take=take,
            camera=camera,
            name=name,
            data=bodies.Body(request, size),
            at=timezone.now(),
        )
    return HttpResponse(status=201 if done.new else 200)


@station.put("takes/{take}/cameras/{camera}/parts/{int:number}")
def put_part(
    request: StationRequest,
    take: str,
    camera: str,
    number: int,
    init: Count,
    start: Count,
    duration: Count,
    key: Annotated[int, Query(ge=0, le=1)],
) -> HttpResponse:
    """Make a part durable."""
    if number > MOST_PARTS:
        raise Problem(422, "invalid", "No take has so many parts.")
    size = bodies.size_of(request, limit=PART_LIMIT, code="part_too_large")
    name = PartName(number, init, start, duration, bool(key), size, bodies.digest_of(request))
    with problems():
        done = operations.put_part(
            scope=request.scope,
            station=request.station,
            take=take,
            camera=camera,
            name=name,
            data=bodies.Body(request, size),
            at=timezone.now(),
        )
    return HttpResponse(status=201 if done.new else 200)


@station.post("tickets", response=PartStandings)
def tickets(request: StationRequest) -> PartStandings:
    """Say where parts shall be put."""
    named = _named(request)
    with problems():
        given = direct.tickets(scope=request.scope, station=request.station, parts=named.parts)
    return PartStandings(parts=[_standing(one) for one in given])


@station.post("stored", response=PartStandings)
def stored(request: StationRequest) -> PartStandings:
    """Say which of the parts that were put are durable."""
    named = _named(request)
    with problems():
        given = direct.confirm(
            scope=request.scope, station=request.station, parts=named.parts, at=timezone.now()
        )
    return PartStandings(parts=[_standing(one) for one in given])


def _named(request: StationRequest) -> PartsNamed:
    try:
        return PartsNamed.model_validate(bodies.json_of(request))
    except ValidationError as error:
        raise _invalid(error) from error


def _standing(given: Ticket | operations.IngestError | bool | None) -> PartStanding:
    match given:
        case Ticket():
            return PartStanding(state=PartState.PUT, url=given.url, headers=given.headers)
        case operations.IngestError():
            problem = _refusal(given)
            return PartStanding(state=PartState.REFUSED, code=problem.code, detail=str(given)[:1000])
        case False:
            return PartStanding(state=PartState.MISSING)
        case _:
            return PartStanding(state=PartState.STORED)


@station.put("takes/{take}/manifest", response=Receipted)
def seal_take(request: StationRequest, take: str) -> Receipted:
    """Seal a take and hand out the receipt."""
    body = bodies.json_of(request)
    try:
        sealed = TakeSealed.model_validate(body)
    except ValidationError as error:
        raise _invalid(error) from error
    with problems():
        receipt = seal.seal_take(
            scope=request.scope, station=request.station, take=take, sealed=sealed, at=timezone.now()
        )
    return Receipted(receipt=receipt.to_value())


class FilmOut(Schema):
    """One camera's film of a span."""

    camera: str
    name: str
    url: str


class SpanOut(Schema):
    """A take, or the part of it that shows this parcel, in ms after ``film_from``."""

    take: str
    bench: str
    state: str
    outcome: str
    film_from: datetime
    started_at: datetime
    stopped_at: datetime | None
    from_ms: int
    to_ms: int | None
    films: list[FilmOut]


class RecordingOut(Schema):
    """What is filed under a code."""

    id: str
    kind: str
    code: str
    order: str | None
    filmed_at: datetime
    spans: list[SpanOut]


class RecordingList(Schema):
    """Recordings, the newest first."""

    recordings: list[RecordingOut]


def shown(request: HttpRequest, recording: Recording) -> RecordingOut:
    """Return a recording as an integrator sees it."""
    return RecordingOut(
        id=recording.id,
        kind=recording.kind,
        code=recording.code,
        order=recording.shipment.order.number if recording.shipment else None,
        filmed_at=recording.filmed_at,
        spans=[
            SpanOut(
                take=span.take_id,
                bench=span.take.bench_id,
                state=span.take.state,
                outcome=span.take.outcome,
                film_from=span.take.film_from,
                started_at=span.take.started_at,
                stopped_at=span.take.stopped_at,
                from_ms=span.from_ms,
                to_ms=span.to_ms,
                films=[
                    FilmOut(
                        camera=camera["id"],
                        name=camera["name"],
                        url=request.build_absolute_uri(f"/takes/{span.take_id}/film/{camera['id']}.mp4"),
                    )
                    for camera in span.take.cameras
                    if span.take.state == "sealed" and camera.get("parts")
                ],
            )
            for span in recording.spans.all()
        ],
    )


class CameraOut(Schema):
    """A camera of a take."""

    id: str
    name: str


class TakeOut(Schema):
    """One continuous filming."""

    id: str
    bench: str
    code: str
    kind: str
    state: str
    outcome: str
    started_at: datetime
    stopped_at: datetime | None
    sealed_at: datetime | None
    order_number: str | None
    cameras: list[CameraOut]


class TakeList(Schema):
    """Takes, the newest first."""

    takes: list[TakeOut]


class OrganisationOut(Schema):
    """Whose key this is. ``fingerprint`` is what a verifier is told to trust; it is empty until a station is
    enrolled.
    """

    id: str
    name: str
    fingerprint: str


@integrators.get("/organisation", response=OrganisationOut, operation_id="get_organisation")
def get_organisation(request: ScopedRequest) -> OrganisationOut:
    """Return the organisation that the key belongs to."""
    row = tenants.organisation(scope=request.scope)
    fingerprint = notary.organisation_fingerprint(organisation_id=row.id)
    return OrganisationOut(id=row.id, name=row.name, fingerprint=fingerprint)


@integrators.get("/takes", response=TakeList, operation_id="list_takes")
def list_takes(
    request: ScopedRequest,
    search: Search = "",
    state: Annotated[str, Query(pattern="^(recording|sealed|deleted)?$")] = "",
    limit: Limit = 50,
) -> TakeList:
    """List takes, the newest first."""
    found = queries.takes(scope=request.scope, text=search, state=state)
    return TakeList(takes=[take_shown(one) for one in found.prefetch_related(queries.with_orders())[:limit]])


def take_shown(take: Take) -> TakeOut:
    """Return a take as an integrator sees it."""
    shipments = [span.recording.shipment for span in take.spans.all() if span.recording.shipment]
    return TakeOut(
        id=take.id,
        bench=take.bench_id,
        code=take.code,
        kind=take.kind,
        state=take.state,
        outcome=take.outcome,
        started_at=take.started_at,
        stopped_at=take.stopped_at,
        sealed_at=take.sealed_at,
        order_number=shipments[0].order.number if shipments else None,
        cameras=[CameraOut(id=camera["id"], name=camera["name"]) for camera in take.cameras],
    )


@integrators.get("/recordings", response=RecordingList, operation_id="list_recordings")
def list_recordings(
    request: ScopedRequest,
    search: Search = "",
    limit: Limit = 50,
) -> RecordingList:
    """List recordings, the newest first."""
    found = queries.recordings(scope=request.scope, text=search)[:limit]
    return RecordingList(recordings=[shown(request, one) for one in found])


@integrators.get("/recordings/{recording}", response=RecordingOut, operation_id="get_recording")
def get_recording(request: ScopedRequest, recording: str) -> RecordingOut:
    """Return one recording."""
    return shown(request, queries.recording(scope=request.scope, recording=recording))


def _invalid(error: ValidationError) -> Problem:
    lines = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10]]
    return Problem(422, "invalid", "The request is not valid.", "; ".join(lines))
