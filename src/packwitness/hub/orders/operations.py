"""Orders come in, change and are cancelled.

Invariant: every change of an order takes the organisation's next ``seq`` under a lock held until the commit,
so changes become visible in the order of their numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import transaction

from packwitness.hub.audit import operations as audit
from packwitness.hub.orders import csv_file
from packwitness.hub.orders.changes import FACTS, Changes, compare
from packwitness.hub.orders.input import OrderInput
from packwitness.hub.orders.models import Order, OrderCounter, OrderLine, Shipment, Status
from packwitness.hub.outbox import operations as outbox
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope
from packwitness.hub.tenants import queries as tenants

CHUNK = 500
"""Orders per round: keeps statements below every database's limit of parameters."""


@dataclass(frozen=True)
class ImportResult:
    """What an import did. With ``errors`` nothing was stored."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: list[csv_file.LineError] = field(default_factory=list)


def put_order(*, scope: Scope, order: OrderInput, at: datetime) -> tuple[Order, bool]:
    """Store an order or what changed about it; return it and whether it is new.

    The same order again changes nothing and tells nobody. A cancelled order stays cancelled.
    """
    access.require(scope, "order.change")
    [done] = _put(scope=scope, orders=[order], at=at)
    return done.orders[0]


@transaction.atomic
def cancel_order(*, scope: Scope, number: str, channel: str = "", at: datetime) -> Order:
    """Mark an order cancelled; again changes nothing.

    Raises:
        Http404: the organisation has no such order.
    """
    access.require(scope, "order.change")
    counter = _locked_counter(scope)
    order = access.one(Order, scope, channel=channel, number=number)
    if order.status == Status.CANCELLED:
        return order
    counter.last += 1
    counter.save(update_fields=["last"])
    order.status, order.seq, order.changed_at = Status.CANCELLED, counter.last, at
    order.save(update_fields=["status", "seq", "changed_at"])
    audit.record(scope=scope, action="order.cancelled", subject=f"order:{order.id}", at=at)
    codes = [shipment.code_key for shipment in order.shipments.all()]
    outbox.emit(
        organisation_id=scope.organisation_id,
        name="order.cancelled",
        subject=f"order:{order.id}",
        body={"order": order.id, "codes": codes},
        at=at,
    )
    return order


def import_csv(*, scope: Scope, data: bytes, channel: str = "", at: datetime) -> ImportResult:
    """Store the orders of a spreadsheet saved as CSV: all of them, or none and the errors by line.

    ``channel`` is used for rows that name none.
    """
    access.require(scope, "order.change")
    zone = ZoneInfo(tenants.organisation(scope=scope).time_zone)
    sheet = csv_file.read(data, channel=channel, zone=zone)
    if sheet.errors:
        return ImportResult(errors=sheet.errors)
    with transaction.atomic():
        done = _put(scope=scope, orders=sheet.orders, at=at)
        created, changed = sum(len(part.new) for part in done), sum(len(part.changed) for part in done)
        result = ImportResult(created, changed, len(sheet.orders) - created - changed)
        detail = {"created": created, "changed": changed, "unchanged": result.unchanged}
        audit.record(scope=scope, action="orders.imported", subject="orders", detail=detail, at=at)
    return result


@transaction.atomic
def _put(*, scope: Scope, orders: Sequence[OrderInput], at: datetime) -> list[Changes]:
    """Store orders in one transaction; each (channel, number) may occur once."""
    counter = _locked_counter(scope)
    done = []
    for start in range(0, len(orders), CHUNK):
        given = orders[start : start + CHUNK]
        stored = (
            access.rows(Order, scope)
            .filter(number__in=[order.number for order in given])
            .prefetch_related("lines", "shipments")
        )
        changes = compare(given=given, stored=stored, counter=counter, at=at)
        _write(changes)
        _tell(scope=scope, changes=changes, at=at)
        done.append(changes)
    counter.save(update_fields=["last"])
    return done


def _locked_counter(scope: Scope) -> OrderCounter:
    """Return the organisation's counter, locked until the transaction ends."""
    OrderCounter.objects.get_or_create(organisation_id=scope.organisation_id)
    return OrderCounter.objects.select_for_update().get(organisation_id=scope.organisation_id)


def _tell(*, scope: Scope, changes: Changes, at: datetime) -> None:
    """Tell what changed, in one event for all: an import of 100,000 orders is 200 events, not 100,000."""
    changed = [*changes.new, *changes.changed]
    if not changed:
        return
    [only] = changed if len(changed) == 1 else [None]
    outbox.emit(
        organisation_id=scope.organisation_id,
        name="order.changed",
        subject=f"order:{only.id}" if only else "orders",
        body={
            "order": only.id if only else "",
            "codes": list(dict.fromkeys(code for order in changed for code in changes.codes[order.id])),
        },
        at=at,
    )


def _write(changes: Changes) -> None:
    OrderLine.objects.filter(order_id__in=changes.lines_gone_of).delete()
    Shipment.objects.filter(pk__in=changes.shipments_gone).delete()
    Order.objects.bulk_create(changes.new)
    Order.objects.bulk_update(changes.changed, [*FACTS, "seq", "changed_at"], batch_size=100)
    OrderLine.objects.bulk_create(changes.lines, batch_size=CHUNK)
    Shipment.objects.bulk_create(changes.shipments, batch_size=CHUNK)
    Shipment.objects.bulk_update(
        changes.shipments_renamed, ["position", "courier", "tracking_number"], batch_size=CHUNK
    )
