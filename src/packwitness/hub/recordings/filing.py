"""Filing takes under codes: recordings, spans, and the shipment they belong to, now or when the order comes
later.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Max, Min, Q

from packwitness.hub.orders import queries as orders
from packwitness.hub.orders.codes import code_key
from packwitness.hub.orders.models import Shipment
from packwitness.hub.recordings.models import Recording, Span, Take, TakeState
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope

ANOTHER_PARCEL_AFTER: Final = timedelta(days=45)
"""Couriers use their numbers again after some months: a take this long after the last one shows another
parcel.
"""
POST_ROLL_FROM: Final = timedelta(seconds=1.5)
"""A film that ends sooner after its stop has no post-roll: it ran on to the end of its last part."""


def file_take(*, scope: Scope, take: Take, at: datetime) -> Span:
    """File a take under its code and return its span, which is open while the take runs.

    A start ends the parcel before, whose film may run on into this one (post-roll): its span ends there, at
    once for one that runs, so that its live page shows nothing of this parcel either.
    """
    recording = _recording(scope, take, at)
    earlier = access.rows(Span, scope).filter(take__bench=take.bench_id, take__number__lt=take.number)
    running_on = Q(take__state=TakeState.RECORDING) | Q(take__film_until__gt=take.started_at)
    for span in earlier.filter(running_on).select_related("take"):
        until = next_parcel_ms(span.take, began=take.started_at)
        if until is not None and (span.to_ms is None or until < span.to_ms):
            span.to_ms = until
            span.save(update_fields=["to_ms"])
    return Span.objects.create(
        organisation_id=take.organisation_id,
        created_at=at,
        recording=recording,
        take=take,
        from_ms=begin_ms(take),
        to_ms=next_parcel_ms(take, began=_next_began(take)),
    )


def settle_take(*, scope: Scope, take: Take, end_ms: int) -> Recording | None:
    """Close a sealed take's span, and let the spans of takes that began in its last seconds begin after it.

    A discarded take is taken out of its recording; then None is returned.
    """
    spans = Span.objects.filter(take=take).select_related("recording")
    span = spans.first()
    if take.outcome == "discarded":
        spans.delete()
        span = None
    elif span is not None:
        until = next_parcel_ms(take, began=_next_began(take))
        span.from_ms, span.to_ms = begin_ms(take), end_ms if until is None else min(end_ms, until)
        span.save(update_fields=["from_ms", "to_ms"])
    reached = access.rows(Span, scope).filter(
        take__bench=take.bench_id, take__number__gt=take.number, take__film_from__lt=take.film_until
    )
    for later in reached.select_related("take"):
        later.from_ms = begin_ms(later.take)
        later.save(update_fields=["from_ms"])
    # What began while this take was not sealed had to leave out its whole pre-roll; now more may be shown.
    following = access.rows(Span, scope).filter(take__bench=take.bench_id, take__number__gt=take.number)
    nearest = following.order_by("take__number").select_related("take").first()
    if nearest is not None:
        nearest.from_ms = begin_ms(nearest.take)
        nearest.save(update_fields=["from_ms"])
    return span.recording if span else None


def next_parcel_ms(take: Take, *, began: datetime | None) -> int | None:
    """Return where in a take's film the next parcel, begun at ``began``, must not be seen, ms after
    ``film_from``; None where that is nowhere. Without post-roll, a sealed film ends with the take.
    """
    if began is None:
        return None
    if take.stopped_at is not None and take.film_until is not None:
        if take.film_until - take.stopped_at < POST_ROLL_FROM or began >= take.film_until:
            return None
        began = max(began, take.stopped_at)
    return max(0, (began - take.film_from) // timedelta(milliseconds=1))


def _next_began(take: Take) -> datetime | None:
    later = Take.objects.filter(bench=take.bench_id, number__gt=take.number)
    first: datetime | None = later.aggregate(first=Min("started_at"))["first"]
    return first


def begin_ms(take: Take) -> int:
    """Return where a take's span begins, ms after its ``film_from``.

    The pre-roll may still show the parcel before: the span begins where the earlier takes of this bench
    ended. While one of them is not sealed that is not known, and the span begins at the take's own start.
    """
    own_start = _ms(take.started_at - take.film_from)
    earlier = Take.objects.filter(bench=take.bench_id, number__lt=take.number)
    if earlier.filter(state=TakeState.RECORDING).exists():
        return max(0, own_start)
    ended = earlier.filter(film_until__gt=take.film_from).aggregate(last=Max("film_until"))["last"]
    return 0 if ended is None else max(0, _ms(ended - take.film_from))


def bind_codes(*, scope: Scope, codes: Iterable[str]) -> list[Recording]:
    """Bind recordings that were filed before their order was known; return those that now have a shipment."""
    bound: list[Recording] = []
    keys = {key for code in codes if (key := code_key(code))}
    unbound = access.rows(Recording, scope).filter(code_key__in=keys, shipment=None)
    for recording in unbound.select_for_update():
        recording.shipment = _shipment(scope, recording.code)
        if recording.shipment is not None:
            recording.save(update_fields=["shipment"])
            bound.append(recording)
    return bound


def _recording(scope: Scope, take: Take, at: datetime) -> Recording:
    """Return the recording that a take belongs to; two benches that begin at once get the same one."""
    filed = access.rows(Recording, scope).filter(kind=take.kind, code_key=take.code_key)
    for _ in range(2):
        last = filed.select_for_update().order_by("-series").first()
        if last is not None and abs(take.started_at - last.filmed_at) < ANOTHER_PARCEL_AFTER:
            if last.filmed_at < take.started_at:
                last.filmed_at = take.started_at
                last.save(update_fields=["filmed_at"])
            return last
        try:
            with transaction.atomic():
                return Recording.objects.create(
                    organisation_id=take.organisation_id,
                    created_at=at,
                    kind=take.kind,
                    code=take.code,
                    code_kind=take.code_kind,
                    code_key=take.code_key,
                    series=last.series + 1 if last else 1,
                    shipment=_shipment(scope, take.code),
                    filmed_at=take.started_at,
                )
        except IntegrityError:
            continue
    raise RuntimeError(f"take {take.id} could not be filed")


def _shipment(scope: Scope, code: str) -> Shipment | None:
    """Return the shipment that a code names: by its tracking number, or as the one parcel of the order it
    names.
    """
    found = orders.shipment_by_code(scope=scope, code=code)
    if found is not None:
        return found
    order = orders.by_code(scope=scope, code=code)
    parcels = list(order.shipments.all()[:2]) if order else []
    return parcels[0] if len(parcels) == 1 else None


def _ms(length: timedelta) -> int:
    """Return a length in ms, rounded up: a span never begins a fraction too early."""
    return -(-length // timedelta(milliseconds=1))
