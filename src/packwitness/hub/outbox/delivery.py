"""Handing events to their hearers."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.utils.module_loading import import_string

from packwitness.hub.outbox.heard import HeardEvent, Hearer
from packwitness.hub.outbox.models import Delivery, Event

log = structlog.get_logger(__name__)

ABANDONED_AFTER = timedelta(hours=6)
"""A delivery not made this long after it was enqueued has used up its task's attempts and gets a new one."""


def deliver(*, delivery_id: str, at: datetime) -> None:
    """Hand one event to one hearer, unless that is done already.

    What the hearer raises is noted and raised on.
    """
    delivery = Delivery.objects.select_related("event").filter(pk=delivery_id).first()
    if delivery is None or delivery.delivered_at is not None:
        return
    Delivery.objects.filter(pk=delivery_id).update(attempts=F("attempts") + 1)
    event = delivery.event
    try:
        hearer: Hearer = import_string(delivery.hearer)
        hearer(
            HeardEvent(
                id=event.id,
                name=event.name,
                organisation_id=event.organisation_id,
                subject=event.subject,
                body=event.body,
                at=event.at,
            )
        )
    except Exception as error:
        # A hearer may raise anything; the reason is kept where a person can see it, and the task tries again.
        Delivery.objects.filter(pk=delivery_id).update(last_error=f"{type(error).__name__}: {error}"[:500])
        log.warning("hearer_failed", event_name=event.name, event_id=event.id, hearer=delivery.hearer)
        raise
    Delivery.objects.filter(pk=delivery_id).update(delivered_at=at, last_error="")


def claim_abandoned(*, at: datetime) -> list[str]:
    """Return the ids of deliveries whose task used up its attempts, marked as enqueued at ``at``.

    To be called in the transaction that enqueues them.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("claim_abandoned was called outside transaction.atomic()")
    abandoned = Delivery.objects.filter(delivered_at=None, enqueued_at__lt=at - ABANDONED_AFTER)
    ids = list(abandoned.select_for_update().values_list("pk", flat=True)[:10_000])
    Delivery.objects.filter(pk__in=ids).update(enqueued_at=at)
    return ids


def forget_delivered(*, before: datetime) -> int:
    """Delete events older than ``before`` that every hearer has received; return how many."""
    waiting = Delivery.objects.filter(delivered_at=None).values("event_id")
    _, deleted = Event.objects.filter(at__lt=before).exclude(pk__in=waiting).delete()
    return deleted.get(Event._meta.label, 0)
