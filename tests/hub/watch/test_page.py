"""What the buyer's page shows, in each state of the film."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from packwitness.hub.links import operations as links
from packwitness.hub.links import queries
from packwitness.hub.recordings.models import Recording, Take
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming, film

BUDGET = 60_000
"""Bytes before the video (the design's standing figure)."""


def open_page(house: House, client: Client, query: str = "") -> str:
    link = links.mint_link(
        scope=house.scope, recording=Recording.objects.get().id, at=NOW + timedelta(days=3650)
    )
    address = queries.address(link).removeprefix("http://testserver")
    answer = client.get(address + query, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return answer.text.replace(address, "/LINK")


def test_the_film_plays_without_scripts(house: House, client: Client) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": film(shade=60)})
    filming.whole()

    page = open_page(house, client, "?lang=en")

    for expected in (
        f'src="/LINK/film/{filming.take}/overhead.mp4"',
        f'srclang="en" label="English" src="/LINK/captions/{filming.take}/overhead.en.vtt" default>',
        f'srclang="ko" label="Korean" src="/LINK/captions/{filming.take}/overhead.ko.vtt" >',
        f'href="?take={filming.take}&amp;camera=label"',
        f'href="/LINK/film/{filming.take}/overhead.mp4#t=1.0"',
        "Blue mug",
        "× 2",
        "6012-3456-7890",
        "Filmed by Mugs &amp; Teas",
        "Unchanged since it was sealed",
        "The shop&#x27;s key: compare it yourself",
        f"/LINK/bundle/{filming.take}.zip",
    ):
        assert expected in page
    assert "hls" not in page


def test_nothing_about_the_person_is_on_the_page(house: House, client: Client) -> None:
    """A link may be passed on: it shows the parcel and not who ordered it."""
    Filming(house).whole()

    page = open_page(house, client)

    assert not any(word in page for word in ("Minji", "minji@", "1234-5678"))


def test_another_camera(house: House, client: Client) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": film(shade=60)})
    filming.whole()

    assert f'src="/LINK/film/{filming.take}/label.mp4"' in open_page(house, client, "?camera=label")
    assert f'src="/LINK/film/{filming.take}/overhead.mp4"' in open_page(house, client, "?camera=nonsense")


def test_a_parcel_that_is_being_packed(house: House, client: Client) -> None:
    filming = Filming(house)
    filming.announce()

    page = open_page(house, client, "?lang=en")

    assert "Being packed right now" in page
    assert f'data-live="/LINK/live/{filming.take}/overhead.m3u8"' in page
    assert "/static/ui/vendor/hls/hls.light.min.js" in page
    assert "<noscript>" in page


def test_a_film_that_ends_early_says_so(house: House, client: Client) -> None:
    Filming(house, outcome="interrupted").whole()

    assert "this film ends early" in open_page(house, client, "?lang=en")


def test_a_deleted_film_says_so(house: House, client: Client) -> None:
    Filming(house).whole()
    Take.objects.update(state="deleted")

    page = open_page(house, client, "?lang=en")

    assert ("This film was deleted" in page, "<video" in page) == (True, False)


def test_a_film_that_was_thrown_away_is_not_shown(house: House, client: Client) -> None:
    filming = Filming(house)
    filming.announce()
    filming.outcome = "discarded"
    filming.send_parts()
    filming.seal()

    page = open_page(house, client, "?lang=en")

    assert ("No film yet" in page, filming.take in page) == (True, False)


@pytest.mark.parametrize(
    ("query", "language"), [("", "ko"), ("?lang=en", "en"), ("?lang=ko", "ko"), ("?lang=xx", "ko")]
)
def test_the_page_speaks_the_buyers_language(house: House, client: Client, query: str, language: str) -> None:
    Filming(house).whole()

    assert f'<html lang="{language}"' in open_page(house, client, query)


def test_a_chosen_language_is_kept(house: House, client: Client) -> None:
    Filming(house).whole()
    open_page(house, client, "?lang=en")

    assert '<html lang="en"' in open_page(house, client)


def test_two_films_of_one_parcel(house: House, client: Client) -> None:
    first = Filming(house)
    first.whole()
    second = Filming(house, number=2, started_at=NOW + timedelta(hours=1), previous=first.start.digest)
    second.whole()

    page = open_page(house, client, "?lang=en")

    assert f'src="/LINK/film/{second.take}/overhead.mp4"' in page
    assert f'href="?take={first.take}"' in page


def test_the_page_is_light(house: House, client: Client) -> None:
    Filming(house).whole()
    page = open_page(house, client)
    files = ["ui/packwitness.css", "ui/page.js", "ui/icons.svg", "ui/mark.svg"]
    files += ["watch/watch.css", "watch/player.js"]
    sizes = [Path(finders.find(name) or "").stat().st_size for name in files]

    assert all(name in page for name in files)
    assert len(page.encode()) + sum(sizes) <= BUDGET
