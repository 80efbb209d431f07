"""Copies for viewing: asked for when a browser cannot show the original, made once, never in its place.

1. Ask: one row a film, ``waiting``, and a task for it in the same transaction. A film that has a row is not
   asked for again; an organisation has at most ``WAITING_LIMIT`` under way.
2. Claim: one conditional UPDATE to ``converting``, with a lease that each report of progress renews. Whoever
   changes the row converts; no more than ``settings.CONVERSIONS`` do so at once, counted behind one lock.
3. Convert (``converting``).
4. Put the copy into the vault, then the hub's statement of it, under names made of all digests. A run that
   comes again makes the same bytes, but states them at another time.
5. Settle: one conditional UPDATE to ``ready``, which only the holder of the claim can make, and only while
   the take is sealed.
6. Delete whatever else lies in the film's folder of copies: what earlier runs left at 4.

A worker that dies in 2–4 leaves a lease that runs out; its task is handed on, claims the row anew and begins
from 3. A take that is deleted meanwhile takes its row along, so 5 changes nothing, and the copy is deleted.
"""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.module_loading import import_string

from packwitness.converter.contract import Settings
from packwitness.evidence.renditions import Rendition as Stated
from packwitness.evidence.statements import Statement
from packwitness.hub.notary import operations as notary
from packwitness.hub.notary import queries as notary_queries
from packwitness.hub.recordings import converting, names, playback, stored
from packwitness.hub.recordings.converting import ConversionFailed, Copy
from packwitness.hub.recordings.layout import Layout, of_copy
from packwitness.hub.recordings.models import Rendition, RenditionState, Take, TakeState
from packwitness.hub.tenants.models import Organisation
from packwitness.hub.vault.interface import VaultError, VaultMissing
from packwitness.hub.vault.store import vault

WAITING_LIMIT: Final = 20
"""Most copies that one organisation may have under way: what buyers' pages ask for costs the shop's CPU."""
LEASE: Final = timedelta(seconds=45)
ATTEMPTS: Final = 3
TRY_AGAIN_AFTER: Final = timedelta(days=1)
"""A copy that failed is not asked for again sooner."""
CONVERT_TASK: Final = "packwitness.hub.recordings.tasks.convert_film"
"""Named, not imported: the task's module imports this one."""
UNDER_WAY: Final = (RenditionState.WAITING, RenditionState.CONVERTING)


@dataclass(frozen=True)
class Offer:
    """How far a film's copy is.

    ``state``: ``needless`` (any browser shows the original), ``none`` (not asked for), ``waiting``,
    ``converting``, ``ready``, ``failed``, ``busy`` (too many wait; ask later), ``off`` (this hub converts
    nothing).
    """

    state: str
    percent: int = 0
    codec: str = ""


def needs_copy(codec: str) -> bool:
    """Say whether browsers may lack this codec (RFC 6381): H.265."""
    return codec[:4] in ("hvc1", "hev1")


def offered() -> bool:
    """Say whether this hub makes copies at all."""
    return settings.CONVERSIONS > 0 and converting.installed()


def offer(take: Take, camera: str) -> Offer:
    """Say how far a film's copy is, and ask for nothing."""
    if not needs_copy(str((take.camera(camera) or {}).get("codec", ""))) or take.state != TakeState.SEALED:
        return Offer("needless")
    row = Rendition.objects.filter(take=take, camera=camera).first()
    if row is not None and row.state == RenditionState.READY:
        return Offer("ready", 100, row.codec)
    if not offered():
        return Offer("off")
    if row is None:
        return Offer("none")
    return Offer(row.state, 100 * row.done // max(1, row.total))


def ask(*, take: Take, camera: str, at: datetime) -> Offer:
    """Have a film's copy made unless there is one, or it is being made. Asked again, it changes nothing."""
    found = offer(take, camera)
    if found.state == "failed":
        failed = Rendition.objects.filter(take=take, camera=camera, state=RenditionState.FAILED)
        # What failed a day ago may succeed with another version or more memory.
        failed.filter(failed_at__lt=at - TRY_AGAIN_AFTER).delete()
        found = offer(take, camera)
    if found.state != "none":
        return found
    with transaction.atomic():
        # Twenty buyers at once: what is under way is counted behind one lock.
        list(Organisation.objects.select_for_update().filter(pk=take.organisation_id).values("pk"))
        under_way = Rendition.objects.filter(organisation_id=take.organisation_id, state__in=UNDER_WAY)
        if under_way.count() >= WAITING_LIMIT:
            return Offer("busy")
        row, made = Rendition.objects.get_or_create(
            take=take,
            camera=camera,
            defaults={
                "organisation_id": take.organisation_id,
                "created_at": at,
                "total": int((take.camera(camera) or {}).get("parts", 0)),
            },
        )
        if made:
            import_string(CONVERT_TASK).enqueue(rendition=row.id)
    return offer(take, camera)


def convert(*, rendition: str, clock: Callable[[], datetime]) -> datetime | None:
    """Make a copy that was asked for. Return when to come back, None if that is not needed.

    Done again, it finishes what an earlier run left; done once, it changes nothing.
    """
    row = Rendition.objects.select_related("take").filter(pk=rendition).first()
    if row is None or row.state not in UNDER_WAY:
        return None
    claim, at = secrets.token_hex(16), clock()
    if not settings.CONVERSIONS:
        return None
    if not _has_turn(row, claim, at):
        return at + LEASE / 3
    row.refresh_from_db()
    if row.claim != claim:
        return row.lease_until
    if row.attempts > ATTEMPTS:
        _fail(row.id, claim, "gave_up", clock())
        return None
    try:
        try:
            _make(row, claim, clock)
        except VaultError as error:
            raise ConversionFailed("store", str(error), retry=True) from error
    except ConversionFailed as error:
        if error.retry and row.attempts < ATTEMPTS:
            _held(row.id, claim).update(state=RenditionState.WAITING, claim="", lease_until=None)
            return clock() + LEASE / 3 * row.attempts
        _fail(row.id, claim, error.reason, clock())
    return None


def forget(*, take: str, organisation_id: str) -> None:
    """Delete a take's copies, rows and bytes: they go where their original goes."""
    Rendition.objects.filter(take=take, organisation_id=organisation_id).delete()
    store = vault()
    for info in list(store.list(f"{organisation_id}/renditions/{take}/")):
        store.delete(info.key)


def forget_unnamed() -> int:
    """Delete bytes of copies that no row names; return how many objects. For the sweep alone."""
    store, unnamed = vault(), list[str]()
    for organisation_id in Organisation.objects.values_list("id", flat=True):
        # Listed before the rows are read: a copy has its row before it has bytes.
        keys = [info.key for info in store.list(f"{organisation_id}/renditions/")]
        rows = Rendition.objects.filter(organisation_id=organisation_id)
        named = set(rows.values_list("take_id", "camera")) if keys else set()
        unnamed += [key for key in keys if tuple(key.split("/")[2:4]) not in named]
    for key in unnamed:
        store.delete(key)
    return len(unnamed)


def orphaned() -> list[tuple[str, str]]:
    """Return take and organisation of copies whose original is no longer sealed film: for the sweep alone."""
    rows = Rendition.objects.exclude(take__state=TakeState.SEALED)
    return list(rows.order_by("take_id").values_list("take_id", "organisation_id").distinct())


def abandoned(*, at: datetime) -> list[str]:
    """Return ids of copies under way that nobody holds: for the sweep alone."""
    # A row that waits for its turn has its own task, which comes back: younger ones are left to it.
    waiting = Rendition.objects.filter(state__in=UNDER_WAY).filter(
        Q(lease_until=None, created_at__lt=at) | Q(lease_until__lt=at)
    )
    return list(waiting.order_by("created_at").values_list("id", flat=True)[:200])


def statement(row: Rendition) -> Statement:
    """Return what the hub has signed about a copy.

    Raises:
        NoFilm: the vault holds no such statement.
    """
    found = _read_statement(_statement_key(row))
    if found.digest != row.statement_digest:
        raise stored.NoFilm(f"what is said of the copy of {row} is not what was signed")
    return found


def record(take: Take, camera: str) -> bytes:
    """Return the file that ``packwitness verify`` reads beside a copy: statement and certificates.

    Raises:
        NoFilm: there is no copy.
    """
    row = ready(take, camera)
    certificates = notary_queries.certificates(organisation_id=row.organisation_id)
    told = {
        "rendition": statement(row).to_value(),
        "certificates": [one.to_value() for one in certificates],
    }
    return json.dumps(told, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def ready(take: Take, camera: str) -> Rendition:
    """Return a film's copy that can be played.

    Raises:
        NoFilm: there is none, or its original may not be seen.
    """
    row = Rendition.objects.filter(take=take, camera=camera, state=RenditionState.READY).first()
    if row is None or take.state != TakeState.SEALED:
        raise stored.NoFilm(f"camera {camera} of take {take.id} has no copy")
    return row


def film(take: Take, camera: str, from_ms: int = 0, to_ms: int | None = None) -> playback.FilmSource:
    """Return a copy between two moments, as ``playback.film`` returns the original: the same parts of it.

    Raises:
        NoFilm: there is no copy, or nothing to show in between.
    """
    row = ready(take, camera)
    layout = _layout(row, stored.layout(take, camera))
    return playback.of_object(layout, _base(row) + ".mp4", from_ms, to_ms)


def _layout(row: Rendition, original: Layout) -> Layout:
    told = _read_stated(_statement_key(row), row.statement_digest)
    return of_copy(
        original,
        init=(told.init.size, told.init.sha256),
        parts=[(part.size, part.sha256) for part in told.parts],
    )


@lru_cache(maxsize=64)
def _read_stated(key: str, digest: str) -> Stated:
    found = _read_statement(key)
    if found.digest != digest:
        raise stored.NoFilm(f"{key} is not what was signed")
    return Stated.from_payload(dict(found.payload))


def _read_statement(key: str) -> Statement:
    try:
        with vault().open(key) as file:
            return Statement.from_json(file.read())
    except VaultMissing as error:
        raise stored.NoFilm(f"{key} is not in the vault") from error


def _claimable(rendition: str, at: datetime) -> "QuerySet[Rendition]":
    free = Q(state=RenditionState.WAITING) | Q(state=RenditionState.CONVERTING, lease_until__lt=at)
    return Rendition.objects.filter(free, pk=rendition)


def _has_turn(row: Rendition, claim: str, at: datetime) -> bool:
    """Step 2: claim the row unless another holds it. Return False where too many others are converted."""
    with transaction.atomic():
        # Two workers claim two rows at once: what is converted is counted behind one lock. Whoever comes
        # later finds the other's row locked among these, and then the claim.
        under_way = Rendition.objects.filter(state__in=UNDER_WAY)
        list(under_way.order_by("pk").select_for_update().values("pk"))
        others = Rendition.objects.filter(state=RenditionState.CONVERTING, lease_until__gte=at)
        if others.exclude(pk=row.pk).count() >= settings.CONVERSIONS:
            return False
        _claimable(row.id, at).update(
            state=RenditionState.CONVERTING,
            claim=claim,
            lease_until=at + LEASE,
            attempts=F("attempts") + 1,
            done=0,
        )
        return True


def _held(rendition: str, claim: str) -> "QuerySet[Rendition]":
    return Rendition.objects.filter(pk=rendition, claim=claim, state=RenditionState.CONVERTING)


def _fail(rendition: str, claim: str, reason: str, at: datetime) -> None:
    _held(rendition, claim).update(
        state=RenditionState.FAILED, reason=reason, failed_at=at, claim="", lease_until=None
    )


def _make(row: Rendition, claim: str, clock: Callable[[], datetime]) -> None:
    take = row.take
    try:
        source, layout = playback.film(take, row.camera), stored.layout(take, row.camera)
    except stored.NoFilm as error:
        raise ConversionFailed("film_gone", str(error)) from error
    seconds = converting.seconds_for(layout.end_ms - layout.offset_ms)
    how = Settings(cpu_seconds=max(60, seconds // 3))

    def still_wanted(done: int) -> bool:
        return bool(_held(row.id, claim).update(done=done, lease_until=clock() + LEASE))

    with converting.converted(
        source=source,
        layout=layout,
        settings=how,
        scratch=Path(settings.DATA_DIR),
        seconds=seconds,
        still_wanted=still_wanted,
    ) as copy:
        _store(row, claim, copy, how, clock())


def _store(row: Rendition, claim: str, copy: Copy, how: Settings, at: datetime) -> None:
    """Steps 4 to 6."""
    row.original_sha256, row.sha256 = copy.original.sha256, copy.whole.sha256
    signed = notary.state_rendition(
        organisation_id=row.organisation_id, fields=_fields(row, copy, how), at=at
    )
    row.statement_digest = signed.digest
    shown, said = _base(row) + ".mp4", _statement_key(row)
    data, store = signed.to_json(), vault()
    store.put(shown, copy.file, sha256=bytes.fromhex(copy.whole.sha256))  # type: ignore[arg-type]  # it is one
    store.put(said, data, sha256=hashlib.sha256(data).digest())
    settled = _held(row.id, claim).filter(take__state=TakeState.SEALED)
    kept = settled.update(
        state=RenditionState.READY,
        done=row.total,
        claim="",
        lease_until=None,
        reason="",
        original_sha256=copy.original.sha256,
        sha256=copy.whole.sha256,
        size=copy.whole.size,
        codec=copy.done.codec,
        encoder=copy.done.encoder,
        settings=how.words,
        statement_digest=signed.digest,
        made_at=at,
    )
    keep = {shown, said} if kept else _another_keeps(row, said)
    for info in list(store.list(_folder(row))):
        if info.key not in keep:
            store.delete(info.key)


def _another_keeps(row: Rendition, said: str) -> set[str]:
    """Return what whoever lost the claim must leave in the film's folder: to whoever holds it, all but what
    the loser stated, for the same pictures make the same name; of a copy that is ready, what its row names.
    """
    wanted = Rendition.objects.filter(take=row.take_id, camera=row.camera, take__state=TakeState.SEALED)
    other = wanted.filter(state__in=(*UNDER_WAY, RenditionState.READY)).first()
    if other is None:
        return set()
    if other.state == RenditionState.READY:
        return {_base(other) + ".mp4", _statement_key(other)}
    return {info.key for info in vault().list(_folder(row))} - {said}


def _fields(row: Rendition, copy: Copy, how: Settings) -> dict[str, Any]:
    return {
        "take": row.take_id,
        "camera": row.camera,
        "manifest": row.take.manifest_digest,
        "original": copy.original.to_value(),
        "copy": copy.whole.to_value(),
        "codec": copy.done.codec,
        "width": copy.done.width,
        "height": copy.done.height,
        "encoder": copy.done.encoder,
        "settings": how.words,
        "init": copy.init.to_value(),
        "parts": [part.to_value() for part in copy.parts],
    }


def _folder(row: Rendition) -> str:
    return names.rendition_folder(organisation_id=row.organisation_id, take=row.take_id, camera=row.camera)


def _base(row: Rendition) -> str:
    return _folder(row) + names.rendition_leaf(original=row.original_sha256, copy=row.sha256)


def _statement_key(row: Rendition) -> str:
    return f"{_base(row)}-{row.statement_digest}.json"
