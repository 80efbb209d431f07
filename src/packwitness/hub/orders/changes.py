"""What has to be written so that the database holds the orders given. Decides; writes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from packwitness.hub.orders.codes import code_key, digits
from packwitness.hub.orders.input import OrderInput
from packwitness.hub.orders.models import Order, OrderCounter, OrderLine, Shipment

FACTS = ("buyer_name", "buyer_email", "buyer_phone", "phone_digits", "buyer_language", "placed_at")
"""The columns of an order that its giver decides."""


@dataclass
class Changes:
    """Rows to write for some orders."""

    orders: list[tuple[Order, bool]] = field(default_factory=list)
    """Each order given, in turn, with whether it is new."""
    new: list[Order] = field(default_factory=list)
    changed: list[Order] = field(default_factory=list)
    lines: list[OrderLine] = field(default_factory=list)
    lines_gone_of: list[str] = field(default_factory=list)
    """Ids of orders whose stored lines go."""
    shipments: list[Shipment] = field(default_factory=list)
    shipments_renamed: list[Shipment] = field(default_factory=list)
    shipments_gone: list[str] = field(default_factory=list)
    codes: dict[str, list[str]] = field(default_factory=dict)
    """Order id -> every code it has or had."""


def compare(
    *,
    given: Sequence[OrderInput],
    stored: Iterable[Order],
    counter: OrderCounter,
    at: datetime,
) -> Changes:
    """Compare orders given with those stored (with lines and shipments); each change takes a ``seq``."""
    known = {(order.channel, order.number): order for order in stored}
    changes = Changes()
    for wanted in given:
        order = known.get((wanted.channel, wanted.number))
        new = order is None
        if order is None:
            order = Order(
                organisation_id=counter.organisation_id,
                created_at=at,
                number=wanted.number,
                channel=wanted.channel,
            )
        parts = (
            _facts_differ(order, wanted),
            _lines_differ(changes, order, wanted, new=new, at=at),
            _shipments_differ(changes, order, wanted, new=new, at=at),
        )
        if new or any(parts):
            counter.last += 1
            order.seq, order.changed_at = counter.last, at
            (changes.new if new else changes.changed).append(order)
        changes.orders.append((order, new))
    return changes


def _facts_differ(order: Order, wanted: OrderInput) -> bool:
    buyer = wanted.buyer
    values = (buyer.name, buyer.email, buyer.phone, digits(buyer.phone), buyer.language, wanted.placed_at)
    differ = tuple(getattr(order, name) for name in FACTS) != values
    for name, value in zip(FACTS, values, strict=True):
        setattr(order, name, value)
    return differ


def _lines_differ(changes: Changes, order: Order, wanted: OrderInput, *, new: bool, at: datetime) -> bool:
    """Lines have no life of their own: where one differs, all are written again."""
    names = ("sku", "name", "quantity", "image_url")
    has = [] if new else [[getattr(line, name) for name in names] for line in order.lines.all()]
    if has == [[getattr(line, name) for name in names] for line in wanted.lines]:
        return False
    if has:
        changes.lines_gone_of.append(order.id)
    for position, line in enumerate(wanted.lines):
        values: dict[str, Any] = line.model_dump()
        changes.lines.append(
            OrderLine(
                organisation_id=order.organisation_id, created_at=at, order=order, position=position, **values
            )
        )
    return True


def _shipments_differ(changes: Changes, order: Order, wanted: OrderInput, *, new: bool, at: datetime) -> bool:
    """A parcel that stays keeps its row, since recordings are bound to it."""
    has = {} if new else {shipment.code_key: shipment for shipment in order.shipments.all()}
    wants = {code_key(shipment.tracking_number): shipment for shipment in wanted.shipments}
    changes.codes[order.id] = list({**has, **wants})
    gone = [shipment.id for key, shipment in has.items() if key not in wants]
    differ = bool(gone)
    changes.shipments_gone += gone
    for position, (key, shipment) in enumerate(wants.items()):
        facts = {
            "position": position,
            "courier": shipment.courier,
            "tracking_number": shipment.tracking_number,
        }
        stored = has.get(key)
        if stored is None:
            stored = Shipment(organisation_id=order.organisation_id, created_at=at, order=order, code_key=key)
            changes.shipments.append(stored)
        elif any(getattr(stored, name) != value for name, value in facts.items()):
            changes.shipments_renamed.append(stored)
        else:
            continue
        for name, value in facts.items():
            setattr(stored, name, value)
        differ = True
    return differ
