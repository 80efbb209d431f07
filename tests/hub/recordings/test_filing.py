"""Under which code a take is filed, what of it a link may show, and orders that come later."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from packwitness.hub.orders import operations as orders
from packwitness.hub.orders.input import BuyerInput, OrderInput, ShipmentInput
from packwitness.hub.outbox.heard import HeardEvent
from packwitness.hub.recordings import hearers, playback, queries
from packwitness.hub.recordings.models import Recording, Span, Take
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming, film

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def begins(filming: Filming) -> int:
    return Span.objects.get(take=filming.take).from_ms


def test_the_span_begins_after_the_parcel_before(house: House) -> None:
    """The second film's pre-roll shows the last 600 ms of the first parcel."""
    first = Filming(house, code="one", pre_roll_ms=1000)
    first.whole()
    second = Filming(
        house,
        number=5,
        code="two",
        started_at=first.stopped_at + timedelta(milliseconds=1400),
        pre_roll_ms=2000,
        cameras={"overhead": film(6, gop=5)},
    )
    second.whole()
    assert begins(first) == 0
    assert begins(second) == 600
    take = Take.objects.get(pk=second.take)
    seen = b"".join(playback.film(take, "overhead", 600).open_range())
    assert seen == second.bytes_of("overhead", 1)


def test_a_bench_with_time_between_shows_its_whole_pre_roll(house: House) -> None:
    Filming(house, code="one").whole()
    second = Filming(house, number=5, code="two", started_at=NOW + 5 * MINUTE)
    second.whole()
    assert begins(second) == 0


def test_while_the_parcel_before_is_not_sealed_the_pre_roll_stays_with_the_seller(house: House) -> None:
    first = Filming(house, code="one")
    second = Filming(
        house,
        number=5,
        code="two",
        started_at=first.stopped_at + timedelta(milliseconds=400),
        pre_roll_ms=1000,
    )
    first.announce()
    first.send_parts()
    second.whole()
    assert begins(second) == 1000
    first.seal()
    assert begins(second) == 600


def test_it_does_not_matter_in_which_order_takes_arrive(house: House) -> None:
    first = Filming(house, code="one")
    second = Filming(
        house,
        number=5,
        code="two",
        started_at=first.stopped_at + timedelta(milliseconds=400),
        pre_roll_ms=1000,
    )
    second.whole()
    assert begins(second) == 0
    first.whole()
    assert begins(second) == 600


@pytest.mark.parametrize("second_first", [True, False])
def test_a_post_roll_shows_nothing_of_the_next_parcel(house: House, second_first: bool) -> None:
    first = Filming(house, code="one", cameras={"overhead": film(6)}, post_roll_ms=3000)
    second = Filming(
        house, number=5, code="two", started_at=first.stopped_at - timedelta(milliseconds=1400), pre_roll_ms=0
    )
    for one in (second, first) if second_first else (first, second):
        one.whole()

    assert Span.objects.get(take=first.take).to_ms == 6000 - 1400
    third = Filming(house, number=9, code="three", started_at=NOW + 9 * MINUTE)
    third.whole()
    assert Span.objects.get(take=first.take).to_ms == 6000 - 1400


@pytest.mark.parametrize("second_first", [True, False])
def test_a_live_page_ends_where_the_next_parcel_begins(house: House, second_first: bool) -> None:
    first = Filming(house, code="one", cameras={"overhead": film(6)})
    second = Filming(house, number=5, code="two", started_at=first.started_at + timedelta(seconds=3))
    for one in (second, first) if second_first else (first, second):
        one.announce()
    first.send_parts()

    assert Span.objects.get(take=first.take).to_ms == 4000
    assert Span.objects.get(take=second.take).to_ms is None
    take = Take.objects.get(pk=first.take)
    live = playback.playlist(take, "overhead", "/", queries.window(Span.objects.get(take=first.take)))
    assert re.findall(r"/(\d+)-\d+\.m4s", live) == ["0", "1", "2"], (
        "a live segment is listed with the next one"
    )


def test_another_benchs_film_does_not_matter(house: House, make_house: Callable[[str], House]) -> None:
    Filming(house, code="one").whole()
    elsewhere = make_house("Elsewhere")
    other = Filming(elsewhere, code="two", started_at=NOW + MINUTE, pre_roll_ms=1000)
    other.whole()
    assert begins(other) == 0


def test_takes_of_one_parcel_share_a_recording(house: House) -> None:
    first = Filming(house, code="6012 3456-7890")
    first.whole()
    second = Filming(house, number=9, code="601234567890", started_at=NOW + 30 * MINUTE)
    second.whole()
    [recording] = queries.recordings(scope=house.scope)
    assert [span.take_id for span in queries.spans(scope=house.scope, recording=recording.id)] == [
        first.take,
        second.take,
    ]
    assert recording.filmed_at == second.started_at


def test_other_kinds_and_other_years_are_filed_apart(house: House) -> None:
    Filming(house).whole()
    Filming(house, number=2, kind="return", started_at=NOW + 20 * MINUTE).whole()
    Filming(house, number=3, started_at=NOW + timedelta(days=200)).whole()
    filed = Recording.objects.order_by("filmed_at").values_list("kind", "series")
    assert list(filed) == [("packing", 1), ("return", 1), ("packing", 2)]
    newest = queries.recording_for_code(scope=house.scope, code="6012 3456 7890", kind="packing")
    assert newest is not None
    assert newest.series == 2


def test_an_order_that_comes_later_is_bound(house: House) -> None:
    filming = Filming(house, code="9988-7766")
    filming.whole()
    assert Recording.objects.get().shipment is None
    late, _ = orders.put_order(
        scope=house.scope,
        order=OrderInput(
            number="A-2",
            buyer=BuyerInput(name="Lee"),
            lines=(),
            shipments=(ShipmentInput(tracking_number="99887766"),),
        ),
        at=NOW,
    )
    event = HeardEvent(
        "e",
        "order.changed",
        house.organisation.id,
        f"order:{late.id}",
        {"order": late.id, "codes": ["99887766"]},
        NOW,
    )
    for _ in range(2):
        hearers.on_order_changed(event)
        shipment = Recording.objects.get().shipment
        assert shipment is not None
        assert shipment.order == late
    found = queries.finished_for_codes(scope=house.scope, codes=["9988 7766"])
    assert [one.code for one in found] == [filming.code]


def test_orders_of_another_house_are_not_bound(house: House, stranger: House) -> None:
    filming = Filming(stranger, code="9988-7766")
    filming.whole()
    orders.put_order(
        scope=house.scope,
        order=OrderInput(number="A-2", shipments=(ShipmentInput(tracking_number="99887766"),), lines=()),
        at=NOW,
    )
    for place in (house, stranger):
        event = HeardEvent(
            "e", "order.changed", place.organisation.id, "order:x", {"codes": ["99887766"]}, NOW
        )
        hearers.on_order_changed(event)
    assert Recording.objects.get().shipment is None


def test_interrupted_takes_are_not_finished(house: House) -> None:
    Filming(house, outcome="interrupted").whole()
    assert queries.finished_for_codes(scope=house.scope, codes=["601234567890"]) == []


def test_what_is_found_by_which_text(house: House, stranger: House) -> None:
    known, unknown = Filming(house), Filming(house, number=2, code="ZZ-55", started_at=NOW + 9 * MINUTE)
    for filming in (known, unknown, Filming(stranger)):
        filming.whole()

    def takes(text: str) -> list[str]:
        return [take.id for take in queries.takes(scope=house.scope, text=text)]

    assert takes("") == [unknown.take, known.take]
    for text in ("3456", "6012-3456", "A-1001", "minji", "5678"):
        assert takes(text) == [known.take], text
    assert takes("zz5") == [unknown.take]
    assert takes("%") == []
    assert takes("nothing") == []
    assert [one.code for one in queries.recordings(scope=house.scope, text="1001")] == [known.code]


def test_a_silent_station_is_waited_for(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    take = Take.objects.get()
    heard = take.last_part_at
    assert heard is not None
    assert not queries.waits_for_station(take, at=heard + timedelta(seconds=30))
    assert queries.waits_for_station(take, at=heard + timedelta(seconds=61))
    assert [one.id for one in queries.running(scope=house.scope)] == [take.id]
    filming.seal()
    take.refresh_from_db()
    assert not queries.waits_for_station(take, at=heard + timedelta(days=1))


def test_integrators_read_takes_and_recordings(house: House, stranger: House) -> None:
    filming = Filming(house)
    filming.whole()
    api, other = house.api(), stranger.api()
    [take] = api.get("/api/v1/takes", {"state": "sealed"}).json()["takes"]
    assert (take["id"], take["code"], take["outcome"]) == (filming.take, filming.code, "completed")
    assert (take["cameras"], take["order_number"]) == ([{"id": "overhead", "name": "Overhead"}], "A-1001")
    [recording] = api.get("/api/v1/recordings", {"search": "A-1001"}).json()["recordings"]
    [span] = recording["spans"]
    assert span["films"][0]["url"] == f"http://testserver/takes/{filming.take}/film/overhead.mp4"
    assert api.get(f"/api/v1/recordings/{recording['id']}").json() == recording
    assert api.get("/api/v1/organisation").json()["fingerprint"].startswith("ed25519:")
    assert other.get("/api/v1/takes").json() == {"takes": []}
    assert other.get(f"/api/v1/recordings/{recording['id']}").status_code == 404
    assert type(other)().get("/api/v1/takes").status_code == 401
