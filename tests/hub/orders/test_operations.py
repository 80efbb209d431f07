"""Orders come in, change and are cancelled; who needs to know is told once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from packwitness.hub.orders import operations, queries
from packwitness.hub.orders.input import BuyerInput, LineInput, OrderInput, ShipmentInput
from packwitness.hub.orders.models import Order, OrderLine, Shipment
from packwitness.hub.outbox.models import Event
from packwitness.hub.scope.scope import Scope
from tests.hub.conftest import House

GIVEN = OrderInput(
    number="B-1",
    buyer=BuyerInput(name="Lee", phone="+82 10-2222-3333"),
    lines=(LineInput(name="Soap", sku="S", quantity=3),),
    shipments=(ShipmentInput(tracking_number="77-88", courier="Post"), ShipmentInput(tracking_number="99")),
)


def events(name: str = "order.changed") -> list[dict[str, Any]]:
    """What was told about orders, without that of the fixtures."""
    return [
        event.body
        for event in Event.objects.filter(name=name).order_by("at", "id")
        if event.body["codes"] != ["601234567890"]
    ]


def test_the_same_order_again_changes_nothing_and_tells_nobody(scope: Scope, now: datetime) -> None:
    first, created = operations.put_order(scope=scope, order=GIVEN, at=now)
    again, created_again = operations.put_order(scope=scope, order=GIVEN, at=now + timedelta(hours=1))

    assert (created, created_again) == (True, False)
    assert (again.id, again.seq, again.changed_at) == (first.id, first.seq, now)
    assert events() == [{"order": first.id, "codes": ["7788", "99"]}]
    assert first.phone_digits == "821022223333"


def test_what_changed_is_stored_and_told(scope: Scope, now: datetime) -> None:
    order, _ = operations.put_order(scope=scope, order=GIVEN, at=now)
    kept = Shipment.objects.get(order=order, code_key="7788")
    later = now + timedelta(minutes=5)
    changed = GIVEN.model_copy(
        update={
            "lines": (LineInput(name="Soap", sku="S", quantity=2), LineInput(name="Towel")),
            "shipments": (
                ShipmentInput(tracking_number="77 88", courier="CJ"),
                ShipmentInput(tracking_number="100"),
            ),
        }
    )

    again, created = operations.put_order(scope=scope, order=changed, at=later)
    stored = queries.by_id(scope=scope, order_id=order.id)

    assert (created, again.id, stored.seq > order.seq - 1, stored.changed_at) == (
        False,
        order.id,
        True,
        later,
    )
    assert [(line.name, line.quantity) for line in stored.lines.all()] == [("Soap", 2), ("Towel", 1)]
    assert {(one.id == kept.id, one.tracking_number, one.courier) for one in stored.shipments.all()} == {
        (True, "77 88", "CJ"),
        (False, "100", ""),
    }
    told = events()
    assert sorted(told[-1]["codes"]) == ["100", "7788", "99"]


def test_cancelling(scope: Scope, now: datetime) -> None:
    order, _ = operations.put_order(scope=scope, order=GIVEN, at=now)

    cancelled = operations.cancel_order(scope=scope, number="B-1", at=now)
    again = operations.cancel_order(scope=scope, number="B-1", at=now)
    put_again, _ = operations.put_order(scope=scope, order=GIVEN, at=now)

    assert (cancelled.status, again.seq, put_again.status) == ("cancelled", cancelled.seq, "cancelled")
    assert cancelled.seq > order.seq
    assert events("order.cancelled") == [{"order": order.id, "codes": ["7788", "99"]}]
    with pytest.raises(Http404):
        operations.cancel_order(scope=scope, number="B-1", channel="elsewhere", at=now)


def test_a_viewer_changes_no_order(scope: Scope, now: datetime) -> None:
    viewer = Scope(scope.organisation_id, scope.actor, role="viewer")

    for call in (
        lambda: operations.put_order(scope=viewer, order=GIVEN, at=now),
        lambda: operations.cancel_order(scope=viewer, number="A-1001", at=now),
        lambda: operations.import_csv(scope=viewer, data=b"order number\nA\n", at=now),
    ):
        with pytest.raises(PermissionDenied):
            call()


def test_importing_stores_all_or_nothing(scope: Scope, now: datetime) -> None:
    before = Order.objects.count()
    good = b"order number,tracking number,product\nC-1,1,Mug\nC-1,1,Tea\nC-2,2,Mug\n"
    bad = good + b"C-3,1.2E+11,Mug\n"

    refused = operations.import_csv(scope=scope, data=bad, at=now)
    after_refusal = Order.objects.count()
    done = operations.import_csv(scope=scope, data=good, at=now)
    again = operations.import_csv(scope=scope, data=good.replace(b"C-2,2", b"C-2,3"), at=now)

    assert ([error.line for error in refused.errors], after_refusal) == ([5], before)
    assert (done.created, done.changed, done.unchanged, done.errors) == (2, 0, 0, [])
    assert (again.created, again.changed, again.unchanged) == (0, 1, 1)
    assert Order.objects.count() == before + 2
    assert OrderLine.objects.filter(order__number="C-1").count() == 2


def test_an_import_larger_than_a_chunk(scope: Scope, now: datetime) -> None:
    rows = [f"D-{number},{number:06},Mug" for number in range(1234)]
    data = "\n".join(["order number,tracking number,product", *rows]).encode()

    done = operations.import_csv(scope=scope, data=data, at=now)
    again = operations.import_csv(scope=scope, data=data, at=now)
    numbers = list(
        Order.objects.filter(number__startswith="D-").order_by("seq").values_list("seq", flat=True)
    )

    assert (done.created, again.unchanged) == (1234, 1234)
    told = sorted((event["order"], len(event["codes"])) for event in events())
    assert told == [("", 234), ("", 500), ("", 500)]
    assert numbers == list(range(numbers[0], numbers[0] + 1234))


def test_finding_by_code(house: House, scope: Scope, now: datetime) -> None:
    older, _ = operations.put_order(scope=scope, order=GIVEN, at=now)
    newer, _ = operations.put_order(scope=scope, order=GIVEN.model_copy(update={"number": "B-2"}), at=now)

    found = [
        queries.by_code(scope=scope, code=code)
        for code in ("77 88", "7788", "B-1", "６０１２-３４５６-7890", "0", "")
    ]
    operations.cancel_order(scope=scope, number="B-2", at=now)
    after = queries.by_code(scope=scope, code="7788")

    assert [order and order.id for order in found] == [
        newer.id,
        newer.id,
        older.id,
        house.order.id,
        None,
        None,
    ]
    assert after is not None
    assert after.id == older.id


@pytest.mark.parametrize("text", ["1001", "6012 3456", "601234", "010 1234-5678", "5678", "MINJI", "minji@"])
def test_searching(house: House, stranger: House, text: str) -> None:
    assert [order.id for order in queries.search(scope=house.scope, text=text)] == [house.order.id]


def test_a_station_reads_what_changed_and_nothing_personal(house: House, now: datetime) -> None:
    recent = datetime.now(tz=now.tzinfo)
    for number in ("E-1", "E-2", "E-3"):
        operations.put_order(scope=house.scope, order=GIVEN.model_copy(update={"number": number}), at=recent)
    operations.cancel_order(scope=house.scope, number="E-1", at=recent)
    client = house.station_client()

    pages = [client.get("/api/station/v1/orders?limit=2").json()]
    while pages[-1]["more"]:
        pages.append(client.get(f"/api/station/v1/orders?limit=2&after={pages[-1]['cursor']}").json())
    last = pages[-1]["cursor"]
    quiet = client.get(f"/api/station/v1/orders?after={last}").json()
    operations.cancel_order(scope=house.scope, number="E-2", at=recent)
    news = client.get(f"/api/station/v1/orders?after={last}").json()

    open_numbers = [order["number"] for page in pages for order in page["orders"] if not order["cancelled"]]
    assert sorted(set(open_numbers) - {"A-1001"}) == ["E-2", "E-3"]
    assert quiet == {"orders": [], "cursor": last, "more": False}
    assert [(order["number"], order["cancelled"]) for order in news["orders"]] == [("E-2", True)]
    assert news["orders"][0]["lines"] == [{"sku": "S", "name": "Soap", "quantity": 3, "image_url": ""}]
    text = str(pages)
    assert not any(secret in text for secret in ("Lee", "Minji", "minji@", "2222", "1234-5678"))


def test_a_station_looks_up_a_code(house: House) -> None:
    client = house.station_client()

    found = client.get("/api/station/v1/orders/lookup", {"code": "6012 3456 7890"})
    missing = client.get("/api/station/v1/orders/lookup", {"code": "000"})
    wrong = client.get("/api/station/v1/orders?after=yesterday")

    assert (found.status_code, found.json()["order"]["number"]) == (200, "A-1001")
    assert (missing.status_code, missing.json()["code"]) == (404, "order_unknown")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "cursor_invalid")
