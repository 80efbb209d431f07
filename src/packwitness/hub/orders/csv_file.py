"""Orders from a spreadsheet saved as CSV. Parses; stores nothing.

A row is one product of one order; rows with the same order number and channel are one order. Rows of one
order may leave out what another one says; rows that contradict each other are an error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from pydantic import ValidationError

from packwitness.hub.orders import csv_table
from packwitness.hub.orders.codes import code_key
from packwitness.hub.orders.input import BuyerInput, LineInput, OrderInput, ShipmentInput

LIMIT_ERRORS = 100
"""So many errors are named; a file with more has one cause."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "number": ("order number", "order no", "order id", "order", "number", "주문번호"),
    "channel": ("channel", "shop", "store", "판매채널", "채널", "쇼핑몰"),
    "tracking_number": (
        *("tracking number", "tracking no", "tracking", "waybill", "waybill number", "invoice number"),
        *("운송장번호", "송장번호", "운송장", "송장"),
    ),
    "courier": ("courier", "carrier", "shipping company", "택배사", "배송사", "배송업체"),
    "sku": ("sku", "product code", "item code", "상품코드", "품목코드", "상품번호"),
    "name": ("product name", "product", "item", "item name", "상품명", "품목명", "제품명"),
    "quantity": ("quantity", "qty", "수량", "주문수량"),
    "image_url": ("image url", "image", "picture", "이미지", "이미지주소", "상품이미지"),
    "buyer_name": (
        *("recipient", "recipient name", "buyer", "buyer name", "customer", "customer name"),
        *("수취인", "수취인명", "받는사람", "받는분", "구매자", "구매자명"),
    ),
    "buyer_email": ("email", "buyer email", "recipient email", "이메일", "이메일주소", "메일"),
    "buyer_phone": (
        *("phone", "mobile", "telephone", "buyer phone", "phone number", "mobile phone"),
        *("휴대폰", "휴대폰번호", "휴대전화", "연락처", "전화번호", "핸드폰", "수취인연락처"),
    ),
    "buyer_language": ("language", "언어"),
    "placed_at": ("ordered at", "order date", "placed at", "date", "주문일", "주문일시", "주문일자"),
}
"""Our column -> the headings people use."""

HEADINGS = {csv_table.plain(heading): column for column, known in COLUMNS.items() for heading in known}

IDENTIFIERS = ("number", "tracking_number", "sku", "buyer_phone")
"""Columns that a spreadsheet program may have turned into a rounded number."""
ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)

DATES = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y.%m.%d", "%Y.%m.%d %H:%M", "%Y.%m.%d %H:%M:%S"),
    *("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S"),
)


@dataclass(frozen=True)
class LineError:
    """``line`` counts from 1 as an editor does; 0 is the file as a whole. ``message`` says what to do,
    ``heading`` is what the file calls the column.
    """

    line: int
    message: str
    column: str = ""
    heading: str = ""


@dataclass(frozen=True)
class Sheet:
    """What a file holds: orders, or errors."""

    orders: list[OrderInput] = field(default_factory=list)
    errors: list[LineError] = field(default_factory=list)


@dataclass
class Draft:
    """An order as far as its rows have been read."""

    line: int
    facts: dict[str, str] = field(default_factory=dict)
    lines: list[LineInput] = field(default_factory=list)
    shipments: dict[str, ShipmentInput] = field(default_factory=dict)


class CellError(ValueError):
    """A cell cannot be used."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def read(data: bytes, *, channel: str = "", zone: ZoneInfo) -> Sheet:
    """Return the file's orders, or what is wrong with it.

    ``zone`` is where times without an offset are meant.
    """
    drafts: dict[tuple[str, str], Draft] = {}
    errors: list[LineError] = []
    headings: Mapping[str, str] = {}
    try:
        for row in csv_table.rows(csv_table.decode(data), HEADINGS, clean):
            headings = row.headings
            try:
                _take(row, drafts, channel=channel, zone=zone)
            except CellError as error:
                errors.append(_error(row.line, error, headings))
                if len(errors) >= LIMIT_ERRORS:
                    return Sheet(errors=errors)
    except csv_table.Unreadable as error:
        return Sheet(errors=[*errors, LineError(0, str(error))])
    if errors:
        return Sheet(errors=errors)
    orders = []
    for (of, number), draft in drafts.items():
        try:
            orders.append(_order(of, number, draft, zone))
        except CellError as error:
            errors.append(_error(draft.line, error, headings))
    if not drafts:
        errors.append(LineError(0, _("The file has headings and no orders.")))
    return Sheet(errors=errors[:LIMIT_ERRORS]) if errors else Sheet(orders=orders)


def _error(line: int, error: CellError, headings: Mapping[str, str]) -> LineError:
    return LineError(line, str(error), error.column, headings.get(error.column, error.column))


def clean(cell: str) -> str:
    """Return a cell's value without the marks by which spreadsheets are made to keep text: ``="01"``,
    ``'01``.
    """
    value = cell.strip()
    if value.startswith('="') and value.endswith('"') and len(value) > 2:
        value = value[2:-1]
    return value.removeprefix("'").strip()


def _take(row: csv_table.Row, drafts: dict[tuple[str, str], Draft], *, channel: str, zone: ZoneInfo) -> None:
    """Add a row to its order's draft."""
    cells = dict(row.cells)
    for column in IDENTIFIERS:
        if ROUNDED.fullmatch(cells.get(column, "")):
            raise CellError(
                column,
                _(
                    "“%(value)s” was rounded by a spreadsheet program and digits are lost. "
                    "Format the column as text, enter the number again and save."
                )
                % {"value": cells[column]},
            )
    number = cells.pop("number", "")
    if not number:
        raise CellError("number", _("The order number is missing. Fill it in, or delete the line."))
    of = cells.pop("channel", channel)
    draft = drafts.setdefault((of, number), Draft(row.line))
    tracking, courier = cells.pop("tracking_number", ""), cells.pop("courier", "")
    if tracking:
        shipment = _model(ShipmentInput, {"tracking_number": tracking, "courier": courier}, "tracking_number")
        draft.shipments.setdefault(code_key(tracking), shipment)
    line: dict[str, Any] = {
        name: cells.pop(name) for name in ("sku", "name", "quantity", "image_url") if name in cells
    }
    if line.get("name") or line.get("sku"):
        line.setdefault("name", line.get("sku", ""))
        quantity = _quantity(line.pop("quantity", "1"))
        draft.lines.append(_model(LineInput, {**line, "quantity": quantity}, "name"))
    _buyer(cells)
    if "placed_at" in cells:
        _moment(cells["placed_at"], zone)
    for name, value in cells.items():
        if draft.facts.setdefault(name, value) != value:
            raise CellError(
                name,
                _("“%(value)s” contradicts “%(other)s” in an earlier line of this order. Make them the same.")
                % {"value": value, "other": draft.facts[name]},
            )


def _order(channel: str, number: str, draft: Draft, zone: ZoneInfo) -> OrderInput:
    placed = draft.facts.get("placed_at")
    return _model(
        OrderInput,
        {
            "number": number,
            "channel": channel,
            "buyer": _buyer(draft.facts),
            "placed_at": _moment(placed, zone) if placed else None,
            "lines": tuple(draft.lines),
            "shipments": tuple(draft.shipments.values()),
        },
        "number",
    )


def _buyer(cells: dict[str, str]) -> BuyerInput:
    prefix = "buyer_"
    given = {name.removeprefix(prefix): value for name, value in cells.items() if name.startswith(prefix)}
    return _model(BuyerInput, given, prefix)


def _quantity(text: str) -> int:
    """Read a quantity; spreadsheets write ``2.0`` and ``1,000`` too."""
    value = text.replace(",", "")
    whole = value.split(".")[0] if re.fullmatch(r"\d+\.0+", value) else value
    if not re.fullmatch(r"\d{1,6}", whole) or not 1 <= int(whole) <= 100_000:
        raise CellError(
            "quantity", _("“%(value)s” is no quantity. Use a whole number from 1.") % {"value": text}
        )
    return int(whole)


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """Read a time, ISO 8601 or as spreadsheets write it."""
    readers: list[Callable[[str], datetime]] = [datetime.fromisoformat]
    readers += [lambda value, form=form: datetime.strptime(value, form) for form in DATES]  # type: ignore[misc]  # noqa: DTZ007 - the zone is added below
    for reader in readers:
        try:
            moment = reader(text)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    raise CellError(
        "placed_at", _("“%(value)s” is no date. Use the form 2026-11-22 10:30.") % {"value": text}
    )


def _model[M: Any](kind: Callable[..., M], values: dict[str, Any], column: str) -> M:
    """Build a model; its first fault becomes the cell's: ``column``'s, or after a prefix that ends in ``_``
    the faulty field's own.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or column
        message = fault["msg"].removeprefix("Value error, ")
        if column.endswith("_"):
            column += str(fault["loc"][0]) if fault["loc"] else "name"
        raise CellError(column, _("%(column)s: %(fault)s.") % {"column": where, "fault": message}) from error
