"""The seller's pages: who may see them, what they say, and what they cost."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from packwitness.hub.audit import operations as audit
from packwitness.hub.audit.models import Entry
from packwitness.hub.links.models import Link, View
from packwitness.hub.notify import operations as notify
from packwitness.hub.notify.models import Message, State
from packwitness.hub.orders import operations as orders
from packwitness.hub.orders.input import LineInput, OrderInput, ShipmentInput
from packwitness.hub.recordings.models import Recording, Take
from packwitness.hub.scope.scope import task_scope
from packwitness.hub.stations.models import Bench, Station
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming

LISTS = ("/", "/orders/", "/messages/", "/benches/", "/record/", "/settings/", "/orders/import/")


def filmed(house: House, number: int = 1, **more: object) -> Filming:
    """Film and seal one parcel."""
    filming = Filming(house, number=number, **more)  # type: ignore[arg-type]  # the caller's keywords are its own
    filming.whole()
    return filming


def told(house: House) -> Message:
    """Queue the message about the newest film."""
    newest = Recording.objects.order_by("-filmed_at")[0]
    message = notify.tell_buyer(scope=house.scope, recording=newest.id, at=NOW)
    assert message is not None
    return message


@pytest.mark.parametrize("path", LISTS)
def test_pages_want_a_sign_in(client: Client, house: House, path: str) -> None:
    assert client.get(path).status_code == 302


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        ("owner", []),
        ("agent", ["/record/", "/settings/"]),
        ("viewer", ["/record/", "/settings/", "/orders/import/"]),
    ],
)
def test_what_each_role_may_open(house: House, role: str, refused: list[str]) -> None:
    client = house.client(role)

    assert [path for path in LISTS if client.get(path).status_code != 200] == refused


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "as soon as a label is scanned at a bench"),
        ("/messages/", "Bring your orders in first."),
        ("/record/?action=film.deleted", "Nothing yet"),
    ],
)
def test_empty_pages_say_what_to_do_first(house: House, path: str, words: str) -> None:
    assert words in house.client().get(path).text


def test_without_a_bench_the_list_says_to_set_one_up(house: House) -> None:
    Station.objects.filter(pk=house.station.pk).update(revoked_at=timezone.now())

    assert "Set up a bench first." in house.client().get("/").text


def test_benches_say_their_warnings_in_words(house: House) -> None:
    warnings = ["camera_lost:Overhead", "camera_lost:Rollers", "few_pictures:Overhead:10:30"]
    warnings += ["disk_low", "brand_new"]
    status = {"state": "idle", "cameras_up": ["label"], "cameras_down": ["rollers"], "warnings": warnings}
    Bench.objects.filter(pk=house.bench.pk).update(status=status)
    client = house.client()
    client.post("/language/", {"language": "ko", "next": "/"})

    text = client.get("/benches/").text

    assert re.findall(r'<span class="badge \w+">([^<]+)</span>', text)[-7:] == [
        "송장",
        "rollers",
        "위쪽: 화면이 들어오지 않습니다",
        "Rollers: 화면이 들어오지 않습니다",
        "위쪽: 초당 화면 수가 설정보다 적습니다",
        "디스크 공간이 얼마 남지 않았습니다",
        "brand_new",
    ]


@pytest.mark.parametrize("path", LISTS)
def test_pages_speak_korean(house: House, path: str) -> None:
    client = house.client()
    client.post("/language/", {"language": "ko", "next": "/"})

    answer = client.get(path)

    assert (answer.status_code, 'lang="ko"' in answer.text) == (200, True)


def test_a_film_in_the_list(house: House) -> None:
    filming = filmed(house)

    page = house.client().get("/").text

    assert (f"/takes/{filming.take}/" in page, "A-1001" in page, "Sealed" in page) == (True, True, True)


def test_the_list_answers_htmx_only_when_it_has_changed(house: House) -> None:
    client = house.client()
    first = Filming(house)
    first.announce()
    running = client.get("/", headers={"HX-Request": "true"})
    seen = running.context["fingerprint"]

    unchanged = client.get("/", {"seen": seen}, headers={"HX-Request": "true"})
    first.send_parts()
    first.seal()
    changed = client.get("/", {"seen": seen}, headers={"HX-Request": "true"})

    assert "badge accent live" in running.text
    assert (unchanged.status_code, changed.status_code) == (204, 200)
    assert ("<html" in changed.text, "badge good" in changed.text) == (False, True)


def test_a_search_with_one_answer_opens_it(house: House) -> None:
    filming = filmed(house)
    client = house.client()

    by_tracking = client.get("/", {"q": "34567890"})
    by_phone = client.get("/", {"q": "010-1234-5678"})
    nothing = client.get("/", {"q": "9999999"})
    short = client.get("/", {"q": "60"})

    assert [by_tracking.status_code, by_phone.status_code] == [302, 302]
    assert by_tracking.headers["Location"] == f"/takes/{filming.take}/"
    assert ("Nothing found" in nothing.text, "at least 3" in short.text) == (True, True)


def test_searches_are_recorded_without_what_was_searched_for(house: House) -> None:
    house.client().get("/", {"q": "010-1234-5678"})

    entry = Entry.objects.get(action="film.searched")

    assert entry.detail == {"characters": 13, "found": 0}


def test_lists_can_be_exported(house: House) -> None:
    filming = filmed(house, code="=6012")
    client = house.client()

    films = b"".join(client.get("/films.csv").streaming_content).decode()  # type: ignore[attr-defined]  # streamed
    sold = b"".join(client.get("/orders.csv").streaming_content).decode()  # type: ignore[attr-defined]  # streamed

    assert films.startswith("\ufefftake,bench,")
    assert f"{filming.take},Bench 1,packing,'=6012," in films
    assert "A-1001,,6012-3456-7890,CJ,MUG-1,Blue mug,2,Kim Minji,minji@example.com,010-1234-5678" in sold


def test_buyers_data_are_not_exported_for_a_viewer(house: House) -> None:
    sold = b"".join(house.client("viewer").get("/orders.csv").streaming_content)  # type: ignore[attr-defined]  # streamed

    assert (b"A-1001" in sold, b"Minji" in sold, b"minji" in sold, b"5678" in sold) == (
        True,
        False,
        False,
        False,
    )


def test_an_exported_list_of_orders_can_be_imported(house: House, stranger: House) -> None:
    sold = b"".join(house.client().get("/orders.csv").streaming_content)  # type: ignore[attr-defined]  # streamed

    result = orders.import_csv(scope=stranger.scope, data=sold, at=NOW)

    assert (result.errors, result.created + result.changed + result.unchanged) == ([], 1)


def test_a_takes_page(house: House) -> None:
    filming = filmed(house)
    client = house.client()

    page = client.get(f"/takes/{filming.take}/").text

    for expected in (
        f'src="/takes/{filming.take}/film/overhead.mp4"',
        f"/takes/{filming.take}/captions.en.vtt?camera=overhead",
        "Unchanged since it was sealed",
        "The key belongs to Mugs &amp; Teas",
        "The time is the station&#x27;s own word",
        "minji@example.com",
        "The shipping label is scanned.",
        f"/takes/{filming.take}/bundle.zip",
        f"/takes/{filming.take}/export/overhead.mp4",
    ):
        assert expected in page
    assert "hls" not in page


def test_a_changed_manifest_is_called_changed(house: House) -> None:
    filming = filmed(house)
    row = Take.objects.get(id=filming.take)
    receipt = dict(row.receipt or {})
    receipt["payload"] = {**receipt["payload"], "manifest": "0" * 64}
    Take.objects.filter(id=filming.take).update(receipt=receipt)

    page = house.client().get(f"/takes/{filming.take}/").text

    assert ("Changed after it was sealed" in page, "receipt_invalid" in page) == (True, True)


def test_a_running_take_is_played_live(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    client = house.client()

    page = client.get(f"/takes/{filming.take}/").text
    state = client.get(f"/takes/{filming.take}/state.json")

    assert f'data-live="/takes/{filming.take}/live/overhead.m3u8"' in page
    assert "vendor/hls/" in page
    assert state.json() == {"state": "recording", "codec": ""}


def test_who_may_not_see_persons_sees_none(house: House) -> None:
    filming = filmed(house)
    told(house)
    client = house.client("viewer")

    pages = [
        client.get(path).text
        for path in (f"/takes/{filming.take}/", f"/orders/{house.order.id}/", "/orders/", "/messages/")
    ]

    assert [(("minji" in page.lower()), ("5678" in page)) for page in pages] == [(False, False)] * 4
    assert not Entry.objects.filter(action="person.viewed").exists()


def test_the_record_speaks_in_words_and_leads_to_films_and_orders(house: House) -> None:
    filming = filmed(house)
    for actor in ("notify", "unheard-of"):
        audit.record(
            scope=task_scope(house.organisation.id, actor),
            action="link.minted",
            subject=f"take:{filming.take}",
            at=NOW,
        )
    audit.record(scope=house.scope, action="order.cancelled", subject=f"order:{house.order.id}", at=NOW)

    text = house.client().get("/record/").text

    assert "Packwitness, by itself: messages" in text
    assert "unheard-of" in text
    assert f'Film <a class="mono small" href="/takes/{filming.take}/">' in text
    assert f'Order <a class="mono small" href="/orders/{house.order.id}/">A-1001</a>' in text


def test_looking_at_a_person_is_recorded(house: House) -> None:
    filming = filmed(house)

    house.client("agent").get(f"/takes/{filming.take}/")

    entry = Entry.objects.get(action="person.viewed")
    assert (entry.subject, entry.actor_kind) == (f"order:{house.order.id}", "member")


def test_links_are_made_and_closed(house: House) -> None:
    filming = filmed(house)
    client = house.client("agent")

    made = client.post(f"/takes/{filming.take}/links", follow=True)
    link = Link.objects.get()
    View.objects.create(
        organisation=house.organisation, link=link, viewer="x", agent="", created_at=timezone.now()
    )
    opened = client.get(f"/takes/{filming.take}/").text
    client.post(f"/links/{link.id}/revoke", {"take": filming.take})
    closed = client.get(f"/takes/{filming.take}/").text

    assert f"/w/{link.id}-" in made.text
    assert "2 x Blue mug" not in made.text  # what a page shows does not leak into what it says
    assert "Opened 1 time" in opened
    assert (f"/w/{link.id}-" in closed, "Closed" in closed) == (False, True)


def test_a_viewer_makes_no_links(house: House) -> None:
    filming = filmed(house)
    client = house.client("viewer")

    assert client.post(f"/takes/{filming.take}/links").status_code == 403
    assert "Make a link" not in client.get(f"/takes/{filming.take}/").text


def test_nothing_of_another_organisation_opens(house: House, stranger: House) -> None:
    filming = filmed(house)
    client = stranger.client()
    page = client.get("/").text

    assert filming.take not in page
    for path in (
        f"/takes/{filming.take}/",
        f"/takes/{filming.take}/state.json",
        f"/orders/{house.order.id}/",
    ):
        assert client.get(path).status_code == 404
    assert client.post(f"/takes/{filming.take}/links").status_code == 404


@pytest.mark.parametrize(
    ("state", "again"),
    [("failed", True), ("unknown", True), ("retrying", True), ("sent", False), ("queued", False)],
)
def test_what_can_be_sent_again(house: House, state: str, again: bool) -> None:
    filmed(house)
    message = told(house)
    Message.objects.filter(id=message.id).update(state=state, last_answer="451 Greylisted")
    client = house.client()

    page = client.get("/messages/").text
    client.post(f"/messages/{message.id}/again")

    message.refresh_from_db()
    assert ("Send again" in page) is again
    assert ("they could get it twice" in page) is (state == "unknown")
    assert message.state == (State.QUEUED if again else state)


def test_messages_by_state(house: House) -> None:
    filmed(house)
    told(house)
    client = house.client()

    assert "minji@example.com" in client.get("/messages/", {"state": "queued"}).text
    assert "No message is in this state" in client.get("/messages/", {"state": "failed"}).text


def test_orders_and_their_films(house: House) -> None:
    client = house.client()
    before = client.get("/orders/").text
    filming = filmed(house)
    after = client.get("/orders/").text
    page = client.get(f"/orders/{house.order.id}/").text

    assert ("To be packed" in before, "Filmed" in after) == (True, True)
    assert (f"/takes/{filming.take}/" in page, "Blue mug" in page) == (True, True)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"order number,product,quantity\nB-1,Cup,1\n", 200, "New: 1. Changed: 0. As before: 0."),
        (b"order number,product,quantity\nB-1,Cup,none\n", 422, "is no quantity"),
        (b"", 422, "empty"),
    ],
)
def test_importing_orders(house: House, data: bytes, status: int, words: str) -> None:
    answer = house.client().post("/orders/import/", {"file": SimpleUploadedFile("orders.csv", data)})

    assert (answer.status_code, words in answer.text) == (status, True)


def test_the_example_file_can_be_imported(house: House) -> None:
    example = house.client().get("/orders/import/example.csv")

    result = orders.import_csv(scope=house.scope, data=example.content, at=NOW)

    assert (result.errors, result.created) == ([], 1)


def test_an_enrolment_code_is_shown_once(house: House) -> None:
    client = house.client()
    form = {"site": house.site.id, "station": "PC 2", "benches": "Bench 2\nBench 3"}

    made = client.post("/benches/", form)
    again = client.get("/benches/").text
    code = made.context["code"]

    assert f"packwitness station enrol http://testserver {code}" in made.text
    assert (made.headers["Cache-Control"], code in again) == ("private, no-store", False)
    assert client.post("/benches/", {**form, "benches": "A\nA"}).text.count("each differently") == 1


def test_an_agent_adds_no_station(house: House) -> None:
    form = {"site": house.site.id, "station": "PC 2", "benches": "Bench 2"}

    assert house.client("agent").post("/benches/", form).status_code == 403


def test_an_api_key_is_shown_once_and_ended(house: House) -> None:
    client = house.client()
    made = client.post("/settings/keys", {"name": "Till"})
    secret = made.context["secret"]
    key = made.context["keys"][0]
    api = Client(headers={"authorization": f"Bearer {secret}"})
    works = api.get("/api/v1/recordings").status_code
    client.post(f"/settings/keys/{key.id}/revoke")

    assert (secret in made.text, secret in client.get("/settings/").text) == (True, False)
    assert (works, api.get("/api/v1/recordings").status_code) == (200, 401)


def test_members_and_sites_are_added(house: House) -> None:
    client = house.client()
    person = {"email": "new@example.com", "password": "a long enough word", "role": "agent"}

    client.post("/settings/members", person)
    client.post("/settings/sites", {"site-name": "Second shop"})
    weak = client.post("/settings/members", {**person, "email": "b@example.com", "password": "123"})
    page = client.get("/settings/").text

    assert ("new@example.com" in page, "Second shop" in page, weak.status_code) == (True, True, 422)


def test_lists_cost_the_same_however_long_they_are(house: House) -> None:
    """Each page's number of queries does not grow with its rows."""
    client = house.client()
    paths = ("/", "/orders/", "/messages/", "/benches/", "/record/")
    filmed(house)
    told(house)
    few = _costs(client, paths)
    for number in range(2, 6):
        order = OrderInput(
            number=f"B-{number}",
            buyer={"email": f"b{number}@example.com"},  # type: ignore[arg-type]  # pydantic reads it
            lines=(LineInput(name="Cup", quantity=1),),
            shipments=(ShipmentInput(tracking_number=f"7000-0000-000{number}"),),
        )
        orders.put_order(scope=house.scope, order=order, at=NOW)
        started = NOW + timedelta(minutes=number)
        filmed(house, number, code=f"7000-0000-000{number}", started_at=started)
        told(house)

    assert _costs(client, paths) == few


def _costs(client: Client, paths: tuple[str, ...]) -> dict[str, int]:
    found = {}
    for path in paths:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        found[path] = len(queries)
    return found


def test_a_long_list_has_pages(house: House) -> None:
    Take.objects.bulk_create(
        Take(
            id=f"{house.bench.id}-{number}",
            organisation=house.organisation,
            created_at=NOW,
            bench=house.bench,
            number=number,
            code=f"C{number:04d}",
            code_key=f"C{number:04d}",
            started_at=NOW + timedelta(minutes=number),
            film_from=NOW,
            start_digest="",
        )
        for number in range(1, 61)
    )
    client = house.client()

    first, second = client.get("/"), client.get("/", {"page": "2"})

    assert (len(first.context["rows"]), len(second.context["rows"])) == (50, 10)
    assert ("C0060" in first.text, "C0001" in second.text, "Page 1 of 2" in first.text) == (True, True, True)
