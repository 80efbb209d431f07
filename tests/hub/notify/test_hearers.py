"""What the hub hears becomes a message, whichever comes first: the film or the order."""

from datetime import timedelta

import pytest

from packwitness.hub.notify import hearers
from packwitness.hub.notify.models import Message
from packwitness.hub.orders import operations as orders
from packwitness.hub.orders.input import BuyerInput, OrderInput, ShipmentInput
from packwitness.hub.outbox.heard import HeardEvent
from packwitness.hub.recordings.models import Recording
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming


def heard(house: House, name: str, **body: object) -> HeardEvent:
    return HeardEvent(
        id="e1", name=name, organisation_id=house.organisation.id, subject="", body=body, at=NOW
    )


def sealed(house: House, outcome: str = "completed") -> HeardEvent:
    recording = Recording.objects.get().id
    return heard(house, "take.sealed", take="t", recording=recording, outcome=outcome)


def test_a_sealed_film_of_a_known_order(house: House) -> None:
    Filming(house).whole()

    for _ in range(2):
        hearers.on_take_sealed(sealed(house))

    message = Message.objects.get()
    assert (message.recipient, message.language) == ("minji@example.com", "ko")


@pytest.mark.parametrize("outcome", ["interrupted", "discarded"])
def test_a_film_that_was_not_finished_is_not_told(house: House, outcome: str) -> None:
    Filming(house).whole()

    hearers.on_take_sealed(sealed(house, outcome))

    assert not Message.objects.exists()


def test_an_order_that_comes_after_the_film(house: House) -> None:
    Filming(house, code="7777-1111").whole()
    hearers.on_take_sealed(sealed(house))
    before = Message.objects.count()
    order = OrderInput(
        number="B-1",
        buyer=BuyerInput(email="late@example.com"),
        shipments=(ShipmentInput(tracking_number="77771111"),),
    )
    row, _ = orders.put_order(scope=house.scope, order=order, at=NOW + timedelta(minutes=5))

    for _ in range(2):
        hearers.on_order_changed(heard(house, "order.changed", order=row.id, codes=["77771111"]))

    message = Message.objects.get()
    assert (before, message.recipient, message.language) == (0, "late@example.com", "en")
