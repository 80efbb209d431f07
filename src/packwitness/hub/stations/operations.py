"""Stations: how a machine becomes one, and how it says that it lives."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from packwitness.evidence.keys import PublicKey
from packwitness.hub.audit import operations as audit
from packwitness.hub.notary import operations as notary
from packwitness.hub.scope import access
from packwitness.hub.scope.ids import new_id
from packwitness.hub.scope.scope import Actor, Scope
from packwitness.hub.stations.models import Bench, EnrolmentCode, Station
from packwitness.hub.tenants.models import Organisation, Site
from packwitness.hub.tenants.operations import secret_hash
from packwitness.protocol import EnrolRequest, Heartbeat

CODE_LIFE = timedelta(hours=1)
MOST_BENCHES = 200


class EnrolmentRefused(Exception):
    """The code is unknown, used or expired: which of them is told to nobody."""


@dataclass(frozen=True)
class NewStation:
    """What an enrolment made; ``token`` is told this once."""

    station: Station
    benches: list[Bench]
    token: str


def plain_code(code: str) -> str:
    """Return a code as it is compared: people type it with and without dashes, in capitals or not."""
    return "".join(letter for letter in code.lower() if letter.isalnum())


@transaction.atomic
def mint_enrolment_code(
    *, scope: Scope, site_id: str, station_name: str, bench_names: Sequence[str], at: datetime
) -> tuple[EnrolmentCode, str]:
    """Make a code that makes one machine a station within the hour; return its row and the code, shown this
    once.

    Raises:
        ValidationError: no station name, no bench, too many, or two of one name.
        Http404: the organisation has no such site.
    """
    access.require(scope, "bench.manage")
    site = access.one(Site, scope, pk=site_id)
    names = [name.strip()[:200] for name in bench_names if name.strip()]
    if not station_name.strip():
        raise ValidationError(_("Give the station a name, such as that of the computer."))
    if not 1 <= len(names) <= MOST_BENCHES or len(set(names)) < len(names):
        raise ValidationError(_("Name from 1 to 200 benches, each differently."))
    secret = new_id()
    code = "-".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    row = EnrolmentCode.objects.create(
        organisation_id=scope.organisation_id,
        site=site,
        station_name=station_name.strip()[:200],
        bench_names=names,
        code_hash=secret_hash(plain_code(code)),
        expires_at=at + CODE_LIFE,
        created_at=at,
    )
    audit.record(scope=scope, action="enrolment_code.made", subject=f"enrolment_code:{row.id}", at=at)
    return row, code


@transaction.atomic
def enrol(*, request: EnrolRequest, ip: str = "", at: datetime) -> NewStation:
    """Make the caller a station: use up its code, certify its key, give it a token.

    A key that this organisation knows already keeps its station and benches and gets a new token: the first
    answer may have been lost on its way.

    Raises:
        EnrolmentRefused: the code opens nothing.
        Malformed: the public key is none.
    """
    key = PublicKey.from_text(request.public_key)
    open_codes = EnrolmentCode.objects.filter(
        code_hash=secret_hash(plain_code(request.code)), used_at=None, expires_at__gt=at
    )
    code = open_codes.first()
    if code is None or not open_codes.filter(pk=code.pk).update(used_at=at):
        raise EnrolmentRefused
    organisation = Organisation.objects.get(pk=code.organisation_id)
    station = Station.objects.filter(organisation=organisation, key_id=key.key_id, revoked_at=None).first()
    station = station or Station(
        organisation=organisation, created_at=at, public_key=key.raw, key_id=key.key_id
    )
    token = secrets.token_urlsafe(32)
    station.site, station.name, station.token_hash = code.site, code.station_name, secret_hash(token)
    station.host_name, station.software, station.last_seen_at = request.host_name, request.software, at
    station.certificate = notary.certify_station(
        organisation_id=organisation.id,
        organisation_name=organisation.name,
        station_id=station.id,
        station_name=station.name,
        public_key=key.raw,
        at=at,
    ).to_value()
    station.save()
    benches = []
    for name in code.bench_names:
        defaults = {"organisation": organisation, "site": code.site, "created_at": at}
        benches.append(Bench.objects.get_or_create(station=station, name=name, defaults=defaults)[0])
    actor = Actor(kind="station", id=station.id, name=station.name)
    scope = Scope(organisation_id=organisation.id, actor=actor, role="station", ip=ip)
    detail = {"key": key.key_id, "benches": [bench.id for bench in benches]}
    audit.record(
        scope=scope, action="station.enrolled", subject=f"station:{station.id}", detail=detail, at=at
    )
    return NewStation(station, benches, token)


def heartbeat(*, station: Station, beat: Heartbeat, at: datetime) -> None:
    """Note how the station and its benches are. A bench that is not this station's is passed over."""
    offset = beat.station_time - at
    Station.objects.filter(pk=station.pk).update(
        last_seen_at=at,
        software=beat.software,
        disk_free_bytes=max(0, min(beat.disk_free_bytes, 2**62)),
        clock_offset_ms=offset // timedelta(milliseconds=1),
    )
    status = {one.bench: one.model_dump(mode="json") for one in beat.benches}
    benches = list(Bench.objects.filter(station=station, pk__in=status))
    for bench in benches:
        bench.status, bench.last_seen_at = status[bench.id], at
    Bench.objects.bulk_update(benches, ["status", "last_seen_at"])


@transaction.atomic
def revoke_station(*, scope: Scope, station_id: str, at: datetime) -> Station:
    """Let a station's token open nothing any more. Its films, benches and journal stay."""
    access.require(scope, "bench.manage")
    station = access.one(Station, scope, pk=station_id)
    if station.revoked_at is None:
        station.revoked_at = at
        station.save(update_fields=["revoked_at"])
        audit.record(scope=scope, action="station.revoked", subject=f"station:{station.id}", at=at)
    return station
