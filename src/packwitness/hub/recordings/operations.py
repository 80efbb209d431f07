"""What a station does to takes, in the order in which it does it. Each call may come again.

1. ``start_take`` announces; the row exists from here on.
2. ``put_init`` and ``put_part`` make bytes durable; they write no rows, the names in the vault say it all.
3. ``seal_take`` (``seal``) checks the manifest against those names and gives the receipt.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final

from django.db import transaction
from django.db.models import Q
from django.http import Http404

from packwitness.evidence.errors import EvidenceError
from packwitness.evidence.journal import Entry, take_id
from packwitness.evidence.keys import PublicKey
from packwitness.evidence.statements import Statement
from packwitness.hub.orders.codes import code_key
from packwitness.hub.outbox import operations as outbox
from packwitness.hub.recordings import filing, stored
from packwitness.hub.recordings.models import FilmState, Take, TakeState
from packwitness.hub.recordings.names import InitName, PartName
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope
from packwitness.hub.stations.models import Bench, JournalEntry, Station
from packwitness.hub.vault.store import vault
from packwitness.protocol import TakeStarted

SEEN_EVERY: Final = timedelta(seconds=2)
"""How exactly ``last_part_at`` is kept: a row written for each part would cost more than the part."""
TAKE_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)


class IngestError(Exception):
    """A station's call is refused; the text says why. Repeating the same call cannot help.

    IngestError
    ├── TakeUnknown    ├── StartInvalid    ├── TakeDiffers
    ├── TakeIsSealed   └── PartDiffers     (``seal``: ManifestInvalid, PartsMissing; ``direct``: DirectOff)
    """


class TakeUnknown(IngestError):
    """There is no such take, bench or camera of this station."""


class StartInvalid(IngestError):
    """What announces the take cannot be believed."""


class TakeDiffers(IngestError):
    """The take is known with another start or another manifest."""


class TakeIsSealed(IngestError):
    """The take is sealed and takes no more parts."""


class PartDiffers(IngestError):
    """Under this number other bytes are stored."""


@dataclass(frozen=True, slots=True)
class Stored:
    """``new``: the bytes were not there before."""

    new: bool


def station_take(*, scope: Scope, station: Station, take: str) -> Take:
    """Return a take of this station.

    Raises:
        TakeUnknown: there is none; another's looks the same.
    """
    try:
        return access.one(Take, scope, pk=take, bench__station=station)
    except Http404 as error:
        raise TakeUnknown(f"This station has no take {take[:80]}.") from error


def start_take(*, scope: Scope, station: Station, take: str, started: TakeStarted, at: datetime) -> Take:
    """Store a take that begins, file it under its code and tell who wants to know.

    Raises:
        TakeUnknown: the bench is not this station's.
        StartInvalid: the start entry does not fit, or contradicts the stored journal.
        TakeDiffers: the take is known with another start entry.
    """
    bench = access.rows(Bench, scope).filter(pk=started.bench, station=station).first()
    if bench is None:
        raise TakeUnknown(f"This station has no bench {started.bench}.")
    statement, entry = _start_entry(station, bench, take, started.start)
    if started.film_from > started.started_at:
        raise StartInvalid("The film begins after the take.")
    journaled = JournalEntry.objects.filter(bench=bench, n=entry.n).first()
    if journaled is not None and journaled.digest != statement.digest:
        raise StartInvalid(f"The journal holds another entry {entry.n}.")
    with transaction.atomic():
        row, created = Take.objects.get_or_create(
            pk=take,
            organisation_id=scope.organisation_id,
            defaults={
                "created_at": at,
                "bench": bench,
                "number": entry.n,
                "kind": started.kind,
                "code": started.code,
                "code_kind": started.code_kind,
                "code_key": code_key(started.code),
                "started_at": started.started_at,
                "film_from": started.film_from,
                "start_digest": statement.digest,
                "cameras": [{"id": camera.id, "name": camera.name} for camera in started.cameras],
            },
        )
        if row.start_digest != statement.digest:
            raise TakeDiffers(f"Take {take} is known with another start.")
        if created:
            filing.file_take(scope=scope, take=row, at=at)
            outbox.emit(
                organisation_id=scope.organisation_id,
                name="take.started",
                subject=f"take:{take}",
                body={"take": take},
                at=at,
            )
    return row


def put_init(
    *, scope: Scope, station: Station, take: str, camera: str, name: InitName, data: BinaryIO, at: datetime
) -> Stored:
    """Make an init segment durable.

    Raises:
        TakeUnknown, TakeIsSealed, PartDiffers: see there.
        DigestMismatch: the bytes are not those of the name; nothing was stored.
    """
    row = open_take(scope=scope, station=station, take=take, camera=camera)
    prefix = stored.folder(row, camera)
    return _put(row, prefix, f"{prefix}init-{name.number:03d}-", str(name), name.sha256, data)


def put_part(
    *, scope: Scope, station: Station, take: str, camera: str, name: PartName, data: BinaryIO, at: datetime
) -> Stored:
    """Make a part durable.

    Raises:
        TakeUnknown, TakeIsSealed, PartDiffers: see there.
        DigestMismatch: the bytes are not those of the name; nothing was stored.
    """
    row = open_take(scope=scope, station=station, take=take, camera=camera)
    prefix = stored.folder(row, camera)
    done = _put(row, prefix, f"{prefix}{name.number:08d}-", str(name), name.sha256, data)
    seen(row, at=at)
    return done


def seen(row: Take, *, at: datetime) -> None:
    """Remember that a part of a running take has come."""
    long_ago = Q(last_part_at=None) | Q(last_part_at__lt=at - SEEN_EVERY)
    if row.last_part_at is None or row.last_part_at < at - SEEN_EVERY:
        Take.objects.filter(long_ago, pk=row.pk).update(last_part_at=at)


def _start_entry(
    station: Station, bench: Bench, take: str, value: Mapping[str, Any]
) -> tuple[Statement, Entry]:
    """Return the signed journal entry that began the take."""
    try:
        statement = Statement.from_value(dict(value))
        entry = Entry.from_payload(dict(statement.payload))
    except EvidenceError as error:
        raise StartInvalid(f"The start is no journal entry: {str(error)[:300]}") from error
    if not TAKE_ID.fullmatch(take) or take != take_id(bench.id, entry.n):
        raise StartInvalid(f"Entry {entry.n} of bench {bench.id} begins another take.")
    if entry.kind != "start" or entry.bench != bench.id or entry.data.get("take") != take:
        raise StartInvalid("The entry is not the start of this take.")
    if not statement.verified_by(PublicKey(bytes(station.public_key))):
        raise StartInvalid("The entry is not signed by this station's key.")
    return statement, entry


def open_take(*, scope: Scope, station: Station, take: str, camera: str) -> Take:
    """Return a running take of this station that has this camera.

    Raises:
        TakeUnknown, TakeIsSealed: see there.
    """
    row = station_take(scope=scope, station=station, take=take)
    if row.camera(camera) is None:
        raise TakeUnknown(f"Take {take} was announced without camera {camera[:80]}.")
    if row.state != TakeState.RECORDING:
        raise TakeIsSealed(f"Take {take} is {row.state}.")
    return row


def _put(row: Take, prefix: str, number: str, leaf: str, sha256: str, data: BinaryIO) -> Stored:
    """Store bytes under ``prefix + leaf``, unless ``number`` (a prefix, too) names other bytes already."""
    store = vault()
    there = [info.key for info in store.list(number)]
    if there and there != [prefix + leaf]:
        raise PartDiffers(f"Take {row.id} holds other bytes under this number.")
    store.put(prefix + leaf, data, sha256=bytes.fromhex(sha256))
    if not there:
        now = Take.objects.only("state", "film_state").get(pk=row.pk)
        if now.state != TakeState.RECORDING:
            # Sealed while these bytes came in, late and for the second time. After the join nobody looks at
            # them again.
            if now.film_state == FilmState.JOINED:
                store.delete(prefix + leaf)
            raise TakeIsSealed(f"Take {row.id} is {now.state}.")
    return Stored(new=not there)
