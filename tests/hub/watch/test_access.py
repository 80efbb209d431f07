"""One link, one parcel: what a link opens, and that it opens nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from packwitness.hub.audit.models import Entry
from packwitness.hub.links import operations as links
from packwitness.hub.links import queries
from packwitness.hub.links.models import Link, View
from packwitness.hub.recordings.models import Recording, Span
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming, body, film


def link_to(house: House, code: str = "6012-3456-7890") -> Link:
    recording = Recording.objects.get(organisation=house.organisation, code=code)
    return links.mint_link(scope=house.scope, recording=recording.id, at=NOW + timedelta(days=3650))


def path_of(link: Link) -> str:
    return queries.address(link).removeprefix("http://testserver")


def addresses(filming: Filming, camera: str = "overhead") -> list[str]:
    """Every address below a link's own that shows something of a take."""
    return [
        f"/film/{filming.take}/{camera}.mp4",
        f"/live/{filming.take}/{camera}.m3u8",
        f"/live/{filming.take}/{camera}/init-0.mp4",
        f"/live/{filming.take}/{camera}/0-0.m4s",
        f"/captions/{filming.take}/{camera}.en.vtt",
        f"/chapters/{filming.take}/{camera}.en.vtt",
        f"/state/{filming.take}.json",
        f"/bundle/{filming.take}.zip",
    ]


@pytest.fixture
def two(house: House) -> tuple[Filming, Filming]:
    """Two parcels of one bench, the second begun within the first one's last second."""
    first = Filming(house)
    first.whole()
    second = Filming(
        house,
        number=2,
        code="7000-0000-0002",
        started_at=first.stopped_at + timedelta(milliseconds=600),
        pre_roll_ms=1000,
        previous=first.start.digest,
        cameras={"overhead": film(5, shade=40), "label": film(4, shade=90)},
    )
    second.whole()
    return first, second


def test_a_link_opens_its_own_parcel(house: House, two: tuple[Filming, Filming], client: Client) -> None:
    base = path_of(link_to(house))

    answers = {address: client.get(base + address) for address in addresses(two[0])}

    assert {address: answer.status_code for address, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert body(answers[addresses(two[0])[0]]) == two[0].bytes_of("overhead")
    assert client.get(base).status_code == 200


def test_a_link_opens_nothing_of_another_parcel(
    house: House, two: tuple[Filming, Filming], client: Client
) -> None:
    first, second = (path_of(link_to(house, code)) for code in ("6012-3456-7890", "7000-0000-0002"))
    theirs = [first + one for camera in ("overhead", "label") for one in addresses(two[1], camera)]
    ours = [second + one for one in addresses(two[0])]
    wrong_camera = [first + one for one in addresses(two[0], "label")[:6]]

    found = {address: client.get(address).status_code for address in (*theirs, *ours, *wrong_camera)}

    assert found == dict.fromkeys(found, 404)


def test_what_lies_outside_the_window_is_not_served(
    house: House, two: tuple[Filming, Filming], client: Client
) -> None:
    """The second film begins while the first parcel's label still lies in view: that stays with the shop."""
    _, second = two
    base = path_of(link_to(house, "7000-0000-0002"))
    span = Span.objects.get(take=second.take)

    film_answer = client.get(f"{base}/film/{second.take}/overhead.mp4")
    playlist = client.get(f"{base}/live/{second.take}/overhead.m3u8").text
    captions = client.get(f"{base}/captions/{second.take}/overhead.en.vtt").text

    assert 0 < span.from_ms <= 1000
    assert body(film_answer) == second.bytes_of("overhead", first=1)
    assert ("overhead/1-1.m4s" in playlist, "overhead/0-0.m4s" in playlist) == (True, False)
    assert client.get(f"{base}/live/{second.take}/overhead/0-0.m4s").status_code == 404
    assert client.get(f"{base}/live/{second.take}/overhead/0-1.m4s").status_code == 404
    assert client.get(f"{base}/live/{second.take}/overhead/1-1.m4s").status_code == 200
    assert "The parcel is done." in captions
    # The bundle holds the whole film, so it is not this link's.
    assert client.get(f"{base}/bundle/{second.take}.zip").status_code == 404
    assert "bundle" not in client.get(base).text


def test_ranges(house: House, two: tuple[Filming, Filming], client: Client) -> None:
    base, whole = path_of(link_to(house)), two[0].bytes_of("overhead")
    address = f"{base}/film/{two[0].take}/overhead.mp4"

    middle = client.get(address, headers={"Range": "bytes=100-199"})
    beyond = client.get(address, headers={"Range": f"bytes={len(whole)}-"})

    assert (middle.status_code, body(middle)) == (206, whole[100:200])
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")


@pytest.mark.parametrize(("reason", "status"), [("unknown", 404), ("expired", 410), ("revoked", 410)])
def test_a_closed_link_tells_nothing(
    house: House, two: tuple[Filming, Filming], client: Client, reason: str, status: int
) -> None:
    link = link_to(house)
    base = path_of(link)
    if reason == "unknown":
        base = base[:-1] + ("A" if base[-1] != "A" else "Q")
    elif reason == "expired":
        Link.objects.filter(id=link.id).update(expires_at=NOW)
    else:
        links.revoke_link(scope=house.scope, link=link.id, at=NOW)

    answers = [client.get(base), *(client.get(base + one) for one in addresses(two[0]))]

    assert {answer.status_code for answer in answers} == {status}
    for answer in answers:
        text = answer.content.decode()
        assert not any(word in text for word in ("Mugs", "6012", "A-1001", two[0].take))
    assert not View.objects.exists()


def test_a_link_does_not_leak_its_address(house: House, two: tuple[Filming, Filming], client: Client) -> None:
    base = path_of(link_to(house))

    for answer in (client.get(base), client.get(base + addresses(two[0])[0]), client.get("/w/nonsense")):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Cache-Control"].startswith("private")


def test_nothing_can_be_posted(house: House, two: tuple[Filming, Filming]) -> None:
    base = path_of(link_to(house))
    client = Client()

    assert [client.post(base + one).status_code for one in ("", *addresses(two[0]))] == [405] * 9


def test_who_looks_is_recorded_once_a_viewing(
    house: House, two: tuple[Filming, Filming], client: Client
) -> None:
    link = link_to(house)
    base = path_of(link)

    client.get(base, headers={"User-Agent": "Safari"}, REMOTE_ADDR="203.0.113.9")
    for start in (0, 100, 200):
        address = f"{base}/film/{two[0].take}/overhead.mp4"
        client.get(address, headers={"Range": f"bytes={start}-{start + 99}"})
    client.get(f"{base}/film/{two[0].take}/overhead.mp4?download")
    client.get(f"{base}/bundle/{two[0].take}.zip")

    entries = Entry.objects.filter(actor_kind="link", actor_id=link.id).order_by("at", "id")
    assert sorted(entry.action for entry in entries) == [
        "bundle.downloaded",
        "film.downloaded",
        "film.viewed",
        "page.viewed",
    ]
    view = View.objects.get()
    assert (view.link_id, view.agent) == (link.id, "Safari")
    assert "203" not in view.viewer


def test_a_film_to_keep_has_a_name(house: House, two: tuple[Filming, Filming], client: Client) -> None:
    answer: Any = client.get(f"{path_of(link_to(house))}/film/{two[0].take}/overhead.mp4?download")

    assert answer.headers["Content-Disposition"] == f'attachment; filename="{two[0].take}-overhead.mp4"'
