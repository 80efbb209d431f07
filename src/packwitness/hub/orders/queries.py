from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from packwitness.hub.orders.codes import code_key, digits
from packwitness.hub.orders.models import Order, Shipment, Status
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope

STATION_WINDOW = timedelta(days=60)
"""Orders untouched for longer are not sent to a station that starts afresh; a scan of one is looked up
instead.
"""


def orders(*, scope: Scope) -> QuerySet[Order]:
    """Return the organisation's orders with lines and shipments, the last changed first."""
    return access.rows(Order, scope).prefetch_related("lines", "shipments").order_by("-seq")


def order(*, scope: Scope, number: str, channel: str = "") -> Order:
    """Return one order by its number.

    Raises:
        Http404: the organisation has none of this number and channel.
    """
    return access.one(Order, scope, number=number, channel=channel)


def by_id(*, scope: Scope, order_id: str) -> Order:
    """Return one order by its id, or raise ``Http404``."""
    return access.one(Order, scope, pk=order_id)


def by_code(*, scope: Scope, code: str) -> Order | None:
    """Return the order that a scanned code belongs to: by tracking number, else by order number.

    Of several, an open one comes before a cancelled one, and the last changed before older ones.
    """
    key = code_key(code)
    if not key:
        return None
    found = access.rows(Order, scope).prefetch_related("lines", "shipments")
    shipped = access.rows(Shipment, scope).filter(code_key=key).values("order_id")
    for candidates in (found.filter(pk__in=shipped), found.filter(number=code.strip())):
        best = sorted(candidates, key=lambda order: (order.status == Status.OPEN, order.seq))
        if best:
            return best[-1]
    return None


def shipment_by_code(*, scope: Scope, code: str) -> Shipment | None:
    """Return the shipment with this tracking number; of several, as ``by_code`` chooses."""
    found = access.rows(Shipment, scope).filter(code_key=code_key(code)).select_related("order")
    best = sorted(found, key=lambda shipment: (shipment.order.status == Status.OPEN, shipment.order.seq))
    return best[-1] if best else None


def search(*, scope: Scope, text: str) -> QuerySet[Order]:
    """Return orders that hold ``text`` in their number, tracking number, telephone number, e-mail or buyer's
    name.

    Empty text finds everything. The last changed come first.
    """
    found = orders(scope=scope)
    text = text.strip()
    if not text:
        return found
    wanted = Q(number__icontains=text) | Q(buyer_name__icontains=text) | Q(buyer_email__icontains=text)
    key = code_key(text)
    if key:
        wanted |= Q(pk__in=access.rows(Shipment, scope).filter(code_key__contains=key).values("order_id"))
    numbers = digits(text)
    if len(numbers) >= 4:
        wanted |= Q(phone_digits__contains=numbers)
    return found.filter(wanted)


def page_for_station(*, scope: Scope, after: str, limit: int, at: datetime) -> tuple[list[Order], str, bool]:
    """Return orders changed since cursor ``after`` ("": from the start), the next cursor, and whether more
    wait.

    From the start only open orders come; later a cancelled one comes too, so that the station learns of it.

    Raises:
        ValueError: ``after`` is no cursor of ours.
    """
    found = access.rows(Order, scope).prefetch_related("lines", "shipments").order_by("seq")
    seen = int(after) if after else 0
    if seen:
        found = found.filter(seq__gt=seen)
    else:
        found = found.filter(status=Status.OPEN, changed_at__gte=at - STATION_WINDOW)
    page = list(found[: limit + 1])
    more = len(page) > limit
    page = page[:limit]
    return page, str(page[-1].seq) if page else after, more
