"""The station's calls about itself, under ``/api/station/v1/`` (docs/design/protocol.md)."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from packwitness.evidence.errors import EvidenceError
from packwitness.hub.notary import queries as notary
from packwitness.hub.stations import journal, operations
from packwitness.hub.stations.access import StationRequest
from packwitness.hub.ui.addresses import client_address
from packwitness.hub.ui.problems import Problem
from packwitness.protocol import (
    BenchGranted,
    Enrolled,
    EnrolRequest,
    Heartbeat,
    HeartbeatAnswer,
    JournalAnswer,
    JournalBatch,
)

station = Router()


@station.post("enrol", response=Enrolled, auth=None)
def enrol(request: HttpRequest, body: EnrolRequest) -> Enrolled:
    """Make the caller a station with a one-time code."""
    try:
        made = operations.enrol(request=body, ip=client_address(request), at=timezone.now())
    except operations.EnrolmentRefused as error:
        raise Problem(
            403,
            "enrolment_code_invalid",
            "This enrolment code opens nothing.",
            "Make a new one in the hub, under Benches, or with `packwitness hub enrolment-code`.",
        ) from error
    except EvidenceError as error:
        raise Problem(422, "invalid", "The public key is not an Ed25519 key.", str(error)) from error
    row = made.station
    certificates = notary.certificates(
        organisation_id=row.organisation_id, station_certificate=row.certificate
    )
    return Enrolled(
        organisation_id=row.organisation_id,
        organisation_name=row.organisation.name,
        station_id=row.id,
        station_name=row.name,
        benches=[BenchGranted(id=bench.id, name=bench.name) for bench in made.benches],
        token=made.token,
        certificates=[statement.to_value() for statement in certificates],
        hub_key=notary.hub_key_id(),
    )


@station.post("heartbeat", response=HeartbeatAnswer)
def heartbeat(request: StationRequest, body: Heartbeat) -> HeartbeatAnswer:
    """Note that the station lives; tell it the time."""
    now = timezone.now()
    operations.heartbeat(station=request.station, beat=body, at=now)
    return HeartbeatAnswer(hub_time=timezone.now())


@station.post("benches/{bench}/journal", response=JournalAnswer)
def store_journal(request: StationRequest, bench: str, body: JournalBatch) -> JournalAnswer:
    """Store consecutive entries of a bench's journal."""
    try:
        following = journal.store_journal(
            scope=request.scope,
            station=request.station,
            bench_id=bench,
            entries=body.entries,
            at=timezone.now(),
        )
    except journal.EntryInvalid as error:
        raise Problem(422, "entry_invalid", "An entry cannot be believed.", str(error)) from error
    except journal.JournalFork as error:
        raise Problem(
            409, "journal_fork", "The journal contradicts the one stored here.", str(error)
        ) from error
    return JournalAnswer(next=following)
