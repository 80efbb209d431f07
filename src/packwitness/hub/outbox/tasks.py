"""Background work of the outbox. Thin: each task parses and makes one call."""

from datetime import timedelta

from django.core.management import call_command
from django.db import transaction
from django.tasks import task
from django.utils import timezone

from packwitness.hub.outbox import delivery

KEEP_EVENTS = timedelta(days=30)
KEEP_TASKS = "2d"
"""Tasks that succeeded; those that failed for good stay until a person has seen them."""


@task
def deliver(delivery_id: str) -> None:
    """Hand one event to one hearer."""
    delivery.deliver(delivery_id=delivery_id, at=timezone.now())


@task
def sweep() -> None:
    """Take up abandoned deliveries again; drop events and tasks that are long done (scheduled hourly)."""
    now = timezone.now()
    with transaction.atomic():
        for delivery_id in delivery.claim_abandoned(at=now):
            deliver.enqueue(delivery_id=delivery_id)
    delivery.forget_delivered(before=now - KEEP_EVENTS)
    call_command("ox_prune", older_than=KEEP_TASKS, verbosity=0)
