"""Background work of the outbox. Thin: each task parses and makes one call."""

from datetime import timedelta

from django.db import transaction
from django.tasks import task
from django.utils import timezone

from packwitness.hub.outbox import delivery

KEEP_EVENTS = timedelta(days=30)


@task
def deliver(delivery_id: str) -> None:
    """Hand one event to one hearer."""
    delivery.deliver(delivery_id=delivery_id, at=timezone.now())


@task
def sweep() -> None:
    """Take up abandoned deliveries again and drop what is long done (scheduled hourly)."""
    now = timezone.now()
    with transaction.atomic():
        for delivery_id in delivery.claim_abandoned(at=now):
            deliver.enqueue(delivery_id=delivery_id)
    delivery.forget_delivered(before=now - KEEP_EVENTS)
