"""The integrators' calls about orders."""

from typing import Any

from tests.hub.conftest import House

BODY: dict[str, Any] = {
    "buyer": {"name": "Lee", "email": "lee@example.com", "phone": "+82 10 9999 0000", "language": "ko"},
    "lines": [{"sku": "S", "name": "Soap", "quantity": 3}],
    "shipments": [{"tracking_number": "0012 3400", "courier": "Post"}],
}


def test_an_order_is_put_read_and_cancelled(house: House) -> None:
    api = house.api()
    first = api.put("/api/v1/orders/007/A", BODY, content_type="application/json")
    again = api.put("/api/v1/orders/007/A", BODY, content_type="application/json")
    got = api.get("/api/v1/orders/007/A")

    assert (first.status_code, again.status_code, got.status_code) == (201, 200, 200), first.content
    assert first.json() == again.json() == got.json()
    assert got.json()["number"] == "007/A"
    assert got.json()["shipments"] == [{"tracking_number": "0012 3400", "courier": "Post"}]
    assert api.post("/api/v1/orders/007/A/cancel").json()["status"] == "cancelled"
