"""What may be read of takes and recordings. Everything but the sweeps takes a scope."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from packwitness.evidence.verdict import Note, Verdict
from packwitness.evidence.verify import verify
from packwitness.hub.notary import queries as notary
from packwitness.hub.orders import queries as orders
from packwitness.hub.orders.codes import code_key
from packwitness.hub.recordings import filing, proof
from packwitness.hub.recordings.layout import Window
from packwitness.hub.recordings.models import FilmState, Outcome, Recording, Span, Take, TakeState
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope

SILENT_AFTER: Final = timedelta(seconds=60)
"""A running take whose parts stop for this long waits for its station."""


def takes(
    *, scope: Scope, text: str = "", state: str = "", outcome: str = "", bench: str = ""
) -> QuerySet[Take]:
    """Return takes, the newest first, whose code or order holds ``text``; empty arguments do not narrow."""
    found = access.rows(Take, scope).select_related("bench", "bench__site").order_by("-started_at", "-id")
    narrowed = {"state": state, "outcome": outcome, "bench": bench}
    found = found.filter(**{field: value for field, value in narrowed.items() if value})
    if not text.strip():
        return found
    filed = Span.objects.filter(recording__in=_matching(scope, text)).values("take_id")
    return found.filter(_code_holds(text) | Q(pk__in=filed))


def take(*, scope: Scope, take: str) -> Take:
    """Return one take with its bench and station, or raise ``Http404``."""
    return _one_take(scope, take)


def recordings(*, scope: Scope, text: str = "", kind: str = "") -> QuerySet[Recording]:
    """Return recordings that have something to show, the newest first, whose code or order holds ``text``."""
    found = access.rows(Recording, scope) if not text.strip() else _matching(scope, text)
    if kind:
        found = found.filter(kind=kind)
    shown = found.filter(pk__in=_spans(scope).values("recording_id"))
    return (
        shown.select_related("shipment", "shipment__order")
        .prefetch_related(_with_takes())
        .order_by("-filmed_at", "-id")
    )


def recording(*, scope: Scope, recording: str) -> Recording:
    """Return one recording with its shipment and spans, or raise ``Http404``."""
    found = access.rows(Recording, scope).select_related("shipment", "shipment__order")
    row = found.prefetch_related(_with_takes()).filter(pk=recording).first()
    return row if row is not None else access.one(Recording, scope, pk=recording)


def recording_for_code(*, scope: Scope, code: str, kind: str = "") -> Recording | None:
    """Return the newest recording that is filed under a code and has something to show."""
    key = code_key(code)
    return recordings(scope=scope, kind=kind).filter(code_key=key).first() if key else None


def recordings_for_order(*, scope: Scope, order: str) -> QuerySet[Recording]:
    """Return the recordings of an order's parcels, given the order's id."""
    return recordings(scope=scope).filter(shipment__order=order)


def finished_for_codes(*, scope: Scope, codes: Iterable[str]) -> list[Recording]:
    """Return the recordings under these codes that have a completed take.

    They are bound to their shipments on the way: whoever hears that an order changed may hear it before this
    room does.
    """
    keys = {key for code in codes if (key := code_key(code))}
    with transaction.atomic():
        filing.bind_codes(scope=scope, codes=keys)
    completed = _spans(scope).filter(take__state=TakeState.SEALED, take__outcome=Outcome.COMPLETED)
    return list(recordings(scope=scope).filter(code_key__in=keys, pk__in=completed.values("recording_id")))


def spans(*, scope: Scope, recording: str) -> list[Span]:
    """Return what a recording shows, in the order of time, each span with its take."""
    return list(_spans(scope).filter(recording=recording).select_related("take", "take__bench"))


def window(span: Span) -> Window:
    """Return what of its take a span may show."""
    return Window(span.from_ms, span.to_ms)


def with_orders() -> "Prefetch[str, QuerySet[Span]]":
    """Return what takes are prefetched with, to tell their orders."""
    return Prefetch("spans", Span.objects.select_related("recording__shipment__order"))


def running(*, scope: Scope) -> QuerySet[Take]:
    """Return takes that are being filmed, or were when their station fell silent."""
    return takes(scope=scope, state=TakeState.RECORDING)


def waits_for_station(take: Take, *, at: datetime) -> bool:
    """Say whether a take should be running but nothing has come for a while."""
    heard = take.last_part_at or take.created_at
    return take.state == TakeState.RECORDING and at - heard > SILENT_AFTER


def verdict(*, scope: Scope, take: str, at: datetime, films: bool = False) -> Verdict:
    """Judge a sealed take as a stranger would who trusts this organisation's key.

    Args:
        scope: the organisation's.
        take: the take's id.
        at: now.
        films: hash the films again, too. Else the verdict has the note ``film_not_checked`` for each camera:
        they were
            checked when they arrived and when they were joined.

    Raises:
        Http404: there is no such take.
        NoFilm: it is not sealed.
    """
    row = _one_take(scope, take)
    trust = notary.organisation_fingerprint(organisation_id=row.organisation_id)
    with proof.TakeBundle(row, films=films) as bundle:
        found = verify(bundle, trust, at, authorities=proof.authorities())
    if films:
        return found
    unseen = [one for one in found.integrity.findings if one.code == "camera_missing"]
    kept = tuple(one for one in found.integrity.findings if one.code != "camera_missing")
    notes = (*found.notes, *(Note("film_not_checked", one.camera) for one in unseen))
    return replace(found, integrity=replace(found.integrity, findings=kept), notes=notes)


def unjoined(*, before: datetime) -> QuerySet[Take]:
    """Return takes of all organisations that were sealed before then and are not joined: for the sweep
    alone.
    """
    return Take.objects.filter(state=TakeState.SEALED, film_state=FilmState.PARTS, sealed_at__lt=before)


def _one_take(scope: Scope, take: str) -> Take:
    found = access.rows(Take, scope).select_related("bench", "bench__station", "bench__site")
    row = found.filter(pk=take).first()
    return row if row is not None else access.one(Take, scope, pk=take)


def _spans(scope: Scope) -> QuerySet[Span]:
    return access.rows(Span, scope).exclude(take__state=TakeState.DELETED)


def _with_takes() -> "Prefetch[str, QuerySet[Span]]":
    return Prefetch("spans", Span.objects.exclude(take__state=TakeState.DELETED).select_related("take"))


def _code_holds(text: str) -> Q:
    key = code_key(text)
    return Q(code_key__contains=key) if key else Q(pk__in=())


def _matching(scope: Scope, text: str) -> QuerySet[Recording]:
    found = orders.search(scope=scope, text=text).values("pk")
    return access.rows(Recording, scope).filter(_code_holds(text) | Q(shipment__order__in=found))
