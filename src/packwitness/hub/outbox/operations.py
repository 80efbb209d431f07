"""Domain events: stored with what caused them, handed to each hearer at least once.

Invariants: an event exists if and only if the transaction that caused it was committed; each of its hearers
has a ``Delivery`` from the same transaction; a delivery that failed is tried again for ever, and holds up no
other.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from packwitness.hub.outbox import tasks
from packwitness.hub.outbox.models import Delivery, Event


class NotInTransaction(RuntimeError):
    """``emit`` was called outside ``transaction.atomic()``: the event could outlive a rolled-back cause."""


def emit(*, organisation_id: str, name: str, subject: str, body: Mapping[str, Any], at: datetime) -> Event:
    """Store an event and enqueue one delivery per hearer of ``name`` in ``settings.OUTBOX_SUBSCRIBERS``.

    Raises:
        NotInTransaction: there is no transaction around the call.
    """
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction(f"{name} was emitted outside transaction.atomic()")
    event = Event.objects.create(
        organisation_id=organisation_id, name=name, subject=subject, body=dict(body), at=at
    )
    for hearer in settings.OUTBOX_SUBSCRIBERS.get(name, ()):
        delivery = Delivery.objects.create(event=event, hearer=hearer, created_at=at, enqueued_at=at)
        tasks.deliver.enqueue(delivery_id=delivery.id)
    return event
