"""H.265 on the buyer's page: what a browser without it is told and shown, and what it can never see."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone
from django_ox.testing import run_tasks

from packwitness.hub.recordings import boxes, renditions
from packwitness.hub.recordings.models import Rendition, Take
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import HEVC, Filming, body, film
from tests.hub.recordings.test_renditions import alike, pictures
from tests.hub.watch.test_access import link_to, path_of
from tests.hub.watch.test_page import open_page

pytestmark = pytest.mark.django_db
ORIGINAL = f"type='video/mp4; codecs=\"{HEVC}\"'"


def hevc(house: House, **more: Any) -> Filming:
    filming = Filming(house, cameras={"overhead": film(4, gop=20, codec="hevc")}, codec=HEVC, **more)
    filming.whole()
    return filming


def copied(take: str) -> None:
    renditions.ask(take=Take.objects.get(pk=take), camera="overhead", at=NOW)
    row = Rendition.objects.get(take=take)
    renditions.convert(rendition=row.id, clock=timezone.now)


def test_opening_the_page_has_nothing_converted(house: House, client: Client) -> None:
    filming = hevc(house)
    page = open_page(house, client, "?lang=en")
    assert f'<source src="/LINK/film/{filming.take}/overhead.mp4" {ORIGINAL}>' in page
    assert f'data-copy-state="/LINK/copy/{filming.take}/overhead/state.json"' in page
    assert f'href="?take={filming.take}&amp;camera=overhead&amp;copy=1"' in page
    assert not Rendition.objects.exists()


def test_without_scripts_a_link_asks_and_the_browser_chooses(house: House, client: Client) -> None:
    filming = hevc(house)
    waits = open_page(house, client, f"?lang=en&take={filming.take}&camera=overhead&copy=1")
    assert "a copy for viewing is being prepared. Load this page again" in waits
    assert Rendition.objects.count() == 1
    run_tasks()
    page = open_page(house, client, "?lang=en")
    source = f'<source data-copy src="/LINK/copy/{filming.take}/overhead.mp4" type=\'video/mp4; codecs="avc1.'
    assert page.index(ORIGINAL) < page.index(source)
    assert "The original is kept, and it is what is proved." in page
    # What is kept and what is proved stays the original.
    assert f'href="/LINK/film/{filming.take}/overhead.mp4?download"' in page


def test_a_hub_without_a_converter_says_so(house: House, client: Client) -> None:
    hevc(house)
    with override_settings(CONVERSIONS=0):
        page = open_page(house, client, "?lang=en&copy=1")
    assert "open this page in Safari, or keep the film" in page
    assert not Rendition.objects.exists()


def test_state_and_record(house: House, client: Client) -> None:
    filming = hevc(house)
    base = path_of(link_to(house))
    address = f"{base}/copy/{filming.take}/overhead"
    assert client.get(f"{address}.mp4").status_code == 404
    assert client.get(f"{address}.json").status_code == 404
    asked = client.get(f"{address}/state.json").json()
    assert (asked["state"], asked["source"]) == ("waiting", f"{address}.mp4")
    run_tasks()
    done = client.get(f"{address}/state.json").json()
    assert (done["state"], done["type"][:26]) == ("ready", 'video/mp4; codecs="avc1.64')
    copy = client.get(f"{address}.mp4")
    whole = body(copy)
    part = client.get(f"{address}.mp4", headers={"Range": "bytes=10-19"})
    assert (part.status_code, body(part)) == (206, whole[10:20])
    assert alike(pictures(whole), pictures(filming.bytes_of("overhead")))
    told = json.loads(client.get(f"{address}.json").content)
    assert told["rendition"]["payload"]["copy"]["size"] == len(whole)


def test_the_window_holds_for_the_copy(house: House, client: Client) -> None:
    """The second parcel's film begins while the first one's label still lies in view."""
    first = hevc(house)
    second = hevc(
        house,
        number=2,
        code="7000-0000-0002",
        started_at=first.stopped_at + timedelta(milliseconds=600),
        previous=first.start.digest,
    )
    copied(second.take)
    base = path_of(link_to(house, "7000-0000-0002"))
    original = body(client.get(f"{base}/film/{second.take}/overhead.mp4"))
    copy = body(client.get(f"{base}/copy/{second.take}/overhead.mp4"))
    assert pictures(copy)[0][0] == 180_000
    assert alike(pictures(copy), pictures(original))
    assert client.get(f"{base}/copy/{second.take}/overhead.json").status_code == 404


def test_a_link_opens_no_other_parcels_copy(house: House, stranger: House, client: Client) -> None:
    first = hevc(house)
    second = hevc(
        house,
        number=2,
        code="7000-0000-0002",
        started_at=NOW + timedelta(hours=2),
        previous=first.start.digest,
    )
    theirs = hevc(stranger)
    copied(second.take)
    copied(theirs.take)
    base = path_of(link_to(house))
    for take in (second.take, theirs.take):
        for address in ("overhead.mp4", "overhead/state.json", "overhead.json"):
            assert client.get(f"{base}/copy/{take}/{address}").status_code == 404
    member = house.client()
    for address in ("overhead.mp4", "overhead/state.json", "overhead.json"):
        assert member.get(f"/takes/{theirs.take}/copy/{address}").status_code == 404
        assert member.get(f"/takes/{second.take}/copy/{address}").status_code == 200
    assert Rendition.objects.count() == 2


def test_a_running_take_tells_its_codec(house: House, client: Client) -> None:
    running = Filming(house, cameras={"overhead": film(4, gop=20, codec="hevc")}, codec=HEVC)
    running.announce()
    base = path_of(link_to(house))
    address = f"{base}/state/{running.take}.json?camera=overhead"
    assert client.get(address).json() == {"state": "recording", "codec": ""}
    running.send_parts(lambda camera, n: n < 1)
    told = client.get(address).json()
    assert (told["state"], told["codec"][:6]) == ("recording", "hvc1.1")
    assert told["codec"] == boxes.codec(running.cameras["overhead"][0].init)
    assert f'data-codec="{told["codec"]}"' in open_page(house, client, "?lang=en")


def test_codecs_are_read_from_inits() -> None:
    assert boxes.codec(film(1)[0].init).startswith("avc1.")
    assert boxes.codec(b"") == ""
    assert boxes.codec(b"\0\0\0\x08moov") == ""
