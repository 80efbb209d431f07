"""Orders: list, one order, and taking them in from a spreadsheet."""

from collections.abc import Iterator, Sequence

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from packwitness.hub.audit import operations as audit
from packwitness.hub.desk.csv_lines import csv_line, csv_start
from packwitness.hub.desk.views.paging import page_of
from packwitness.hub.orders import operations, queries
from packwitness.hub.orders.models import Order
from packwitness.hub.recordings import queries as recordings
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.scope.scope import Scope
from packwitness.hub.watch.names import courier_name

CSV_LIMIT = 10 << 20
SHOWN_ERRORS = 100
EXPORT_LIMIT = 100_000

EXAMPLE = (
    "\ufeff주문번호,운송장번호,택배사,상품코드,상품명,수량,수취인,이메일,휴대폰\r\n"
    "20261122-0001,689012345672,kr.cjlogistics,MUG-WHT,손빚은 머그,2,"
    "김하늘,haneul@example.com,010-0000-0001\r\n"
)


class ImportForm(forms.Form):
    """A spreadsheet saved as CSV."""

    file = forms.FileField(label=_("CSV file"), allow_empty_file=False)

    def clean_file(self) -> bytes:
        """Return the file's bytes."""
        given = self.cleaned_data["file"]
        if given.size > CSV_LIMIT:
            raise forms.ValidationError(_("The file is larger than 10 MB. Split it and import the parts."))
        data = given.read()
        return bytes(data)


COLUMNS: tuple[tuple[str, str | Promise], ...] = (
    ("주문번호, order number", _("needed")),
    ("운송장번호, tracking number", _("what is scanned at the bench")),
    ("택배사, courier", _("as you write it, or its id such as kr.cjlogistics")),
    ("상품명, product", _("with 수량, quantity: what the packer sees")),
    ("상품코드, sku", _("so that scanned products are known")),
    ("수취인, recipient", _("the buyer's name")),
    ("이메일, email", _("where the film's link is sent")),
    ("휴대폰, phone", _("to find the film by")),
    ("언어, language", _("of the buyer: en or ko")),
)
"""Headings and what they mean, as the import page lists them."""


@require_safe
def orders(request: ScopedRequest) -> HttpResponse:
    """List and search orders."""
    access.require(request.scope, "order.view")
    text = request.GET.get("q", "").strip()
    page = page_of(request, queries.search(scope=request.scope, text=text))
    ids = [row.id for row in page.object_list]
    return render(
        request,
        "desk/orders.html",
        {
            "page": page,
            "text": text,
            "filmed": _filmed(request.scope, ids),
            "may_see_person": access.allows(request.scope, "person.view"),
        },
    )


def _filmed(scope: Scope, orders: Sequence[str]) -> set[str]:
    """Return which of these orders have a film, in one query."""
    found = recordings.recordings(scope=scope).filter(shipment__order__in=orders)
    return set(found.order_by().values_list("shipment__order_id", flat=True))


@require_safe
def orders_csv(request: ScopedRequest) -> StreamingHttpResponse:
    """Export the list as it is filtered; buyers' data only for who may see it."""
    access.require(request.scope, "order.view")
    found = queries.search(scope=request.scope, text=request.GET.get("q", "").strip())[:EXPORT_LIMIT]
    persons = access.allows(request.scope, "person.view")
    audit.record(
        scope=request.scope,
        action="order.listed",
        subject="orders",
        detail={"persons": persons},
        at=timezone.now(),
    )
    # Collected before it is sent: under ASGI the rows could not be read while the answer is under way.
    lines = list(_csv(found, persons=persons))
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="orders.csv"'
    return answer


def _csv(found: QuerySet[Order], *, persons: bool) -> Iterator[str]:
    """Yield a line for each product of each order, with the headings that the import understands."""
    headings = ["order number", "channel", "tracking number", "courier", "sku", "product", "quantity"]
    yield csv_start([*headings, *(("recipient", "email", "phone") if persons else ())])
    for order in found.iterator(chunk_size=500):
        shipment = next(iter(order.shipments.all()), None)
        sent = [shipment.tracking_number, shipment.courier] if shipment else ["", ""]
        person = [order.buyer_name, order.buyer_email, order.buyer_phone] if persons else []
        goods = [[line.sku, line.name, str(line.quantity)] for line in order.lines.all()]
        for product in goods or [["", "", ""]]:
            yield csv_line([order.number, order.channel, *sent, *product, *person])


@require_safe
def order(request: ScopedRequest, order_id: str) -> HttpResponse:
    """Show one order with its parcels and their films."""
    access.require(request.scope, "order.view")
    row = queries.by_id(scope=request.scope, order_id=order_id)
    may_see_person = access.allows(request.scope, "person.view")
    if may_see_person:
        audit.record(
            scope=request.scope, action="person.viewed", subject=f"order:{row.id}", at=timezone.now()
        )
    filmed = recordings.recordings_for_order(scope=request.scope, order=row.id)
    return render(
        request,
        "desk/order.html",
        {
            "order": row,
            "recordings": list(filmed),
            "may_see_person": may_see_person,
            "parcels": [(one, courier_name(one.courier)) for one in row.shipments.all()],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def order_import(request: ScopedRequest) -> HttpResponse:
    """Take orders in from a CSV file: all of them, or none and what is wrong by line."""
    access.require(request.scope, "order.change")
    form = ImportForm(*((request.POST, request.FILES) if request.method == "POST" else ()))
    result = None
    if request.method == "POST" and form.is_valid():
        result = operations.import_csv(scope=request.scope, data=form.cleaned_data["file"], at=timezone.now())
    errors = result.errors if result else []
    return render(
        request,
        "desk/order_import.html",
        {
            "form": form,
            "columns": COLUMNS,
            "result": result,
            "errors": errors[:SHOWN_ERRORS],
            "more_errors": max(0, len(errors) - SHOWN_ERRORS),
        },
        status=422 if errors or form.errors else 200,
    )


@require_safe
def example(request: ScopedRequest) -> HttpResponse:
    """Give a file to begin with."""
    access.require(request.scope, "order.view")
    answer = HttpResponse(EXAMPLE, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="orders-example.csv"'
    return answer
