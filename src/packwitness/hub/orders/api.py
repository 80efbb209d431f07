"""The calls about orders: for integrators under ``/api/v1/orders``, for stations under
``/api/station/v1/orders``.
"""

from datetime import datetime
from typing import Annotated

from django.utils import timezone
from ninja import Path, Query, Router, Schema, Status

from packwitness.hub.orders import operations, queries
from packwitness.hub.orders.input import BuyerInput, LineInput, OrderBody, OrderInput, ShipmentInput
from packwitness.hub.orders.models import Order
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.ui.problems import Problem
from packwitness.protocol import OrderFound, OrderLine, OrderPage, StationOrder

integrators = Router(tags=["orders"])
station = Router()

Number = Annotated[str, Path(max_length=200)]
Channel = Annotated[str, Query(max_length=100, description="Tells apart shops whose numbers may be the same")]
Limit = Annotated[int, Query(ge=1, le=500, description="Most orders in one answer")]


class OrderOut(Schema):
    """An order as an integrator sees it."""

    id: str
    number: str
    channel: str
    status: str
    buyer: BuyerInput
    placed_at: datetime | None
    changed_at: datetime
    lines: list[LineInput]
    shipments: list[ShipmentInput]


class OrderList(Schema):
    """Orders, the last changed first; ``next`` goes into ``before`` and is null at the end."""

    orders: list[OrderOut]
    next: str | None


def shown(order: Order) -> OrderOut:
    """Return an order as an integrator sees it."""
    return OrderOut(
        id=order.id,
        number=order.number,
        channel=order.channel,
        status=order.status,
        buyer=BuyerInput(
            name=order.buyer_name,
            email=order.buyer_email,
            phone=order.buyer_phone,
            language=order.buyer_language,
        ),
        placed_at=order.placed_at,
        changed_at=order.changed_at,
        lines=[
            LineInput(sku=line.sku, name=line.name, quantity=line.quantity, image_url=line.image_url)
            for line in order.lines.all()
        ],
        shipments=[
            ShipmentInput(tracking_number=shipment.tracking_number, courier=shipment.courier)
            for shipment in order.shipments.all()
        ],
    )


@integrators.get("", response=OrderList, operation_id="list_orders", summary="List orders")
def list_orders(
    request: ScopedRequest,
    before: str = "",
    limit: Limit = 100,
    search: Annotated[str, Query(max_length=200)] = "",
) -> OrderList:
    """List orders, the last changed first.

    Ask again with ``before`` = the answer's ``next`` for older ones.
    """
    found = queries.search(scope=request.scope, text=search)
    if before:
        found = found.filter(seq__lt=cursor(before))
    page = list(found[: limit + 1])
    more = len(page) > limit
    return OrderList(
        orders=[shown(order) for order in page[:limit]], next=str(page[limit - 1].seq) if more else None
    )


@integrators.post(
    "/{path:number}/cancel", response=OrderOut, operation_id="cancel_order", summary="Cancel an order"
)
def cancel(request: ScopedRequest, number: Number, channel: Channel = "") -> OrderOut:
    """Mark an order cancelled, so that the bench warns when its parcel is scanned. Again changes nothing."""
    return shown(
        operations.cancel_order(scope=request.scope, number=number, channel=channel, at=timezone.now())
    )


@integrators.get("/{path:number}", response=OrderOut, operation_id="get_order", summary="Read an order")
def get(request: ScopedRequest, number: Number, channel: Channel = "") -> OrderOut:
    """Return one order."""
    return shown(queries.order(scope=request.scope, number=number, channel=channel))


@integrators.put(
    "/{path:number}",
    response={200: OrderOut, 201: OrderOut},
    operation_id="put_order",
    summary="Store an order",
)
def put(request: ScopedRequest, number: Number, body: OrderBody, channel: Channel = "") -> Status[OrderOut]:
    """Store an order, or what changed about it. The same call again changes nothing."""
    order = OrderInput(number=number, channel=channel, **dict(body))
    stored, created = operations.put_order(scope=request.scope, order=order, at=timezone.now())
    return Status(201 if created else 200, shown(queries.by_id(scope=request.scope, order_id=stored.id)))


def cursor(text: str) -> int:
    """Read a cursor of ours."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Problem(400, "cursor_invalid", "This cursor is not ours.", "Begin again without a cursor.")
    return int(text)


def for_station(order: Order) -> StationOrder:
    """Return what a bench needs to know of an order: no name, address or telephone."""
    return StationOrder(
        number=order.number,
        channel=order.channel,
        codes=[shipment.tracking_number for shipment in order.shipments.all()],
        cancelled=order.status == "cancelled",
        lines=[
            OrderLine(sku=line.sku, name=line.name, quantity=line.quantity, image_url=line.image_url)
            for line in order.lines.all()
        ],
    )


@station.get("orders", response=OrderPage)
def changed_orders(request: ScopedRequest, after: str = "", limit: Limit = 200) -> OrderPage:
    """Return orders changed since ``after``, for the station's cache."""
    seen = str(cursor(after)) if after else ""
    page, following, more = queries.page_for_station(
        scope=request.scope, after=seen, limit=limit, at=timezone.now()
    )
    return OrderPage(orders=[for_station(order) for order in page], cursor=following, more=more)


@station.get("orders/lookup", response=OrderFound)
def look_up(request: ScopedRequest, code: Annotated[str, Query(min_length=1, max_length=200)]) -> OrderFound:
    """Return the order that a scanned code belongs to."""
    order = queries.by_code(scope=request.scope, code=code)
    if order is None:
        raise Problem(
            404, "order_unknown", "No order has this code.", "The parcel can be filmed without an order."
        )
    return OrderFound(order=for_station(order))
