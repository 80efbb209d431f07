"""What is missing from a film is said in words, where it is missing, and to the buyer in one sentence."""

from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from packwitness.hub.recordings import captions, losses
from packwitness.hub.recordings.layout import Window
from packwitness.hub.recordings.models import Outcome, Take
from tests.hub.conftest import House
from tests.hub.recordings.filmed import Filming
from tests.hub.watch.test_page import open_page

pytestmark = pytest.mark.django_db

LOST: dict[str, Any] = {
    "gaps": [
        {"at_ms": 1500, "duration_ms": 1500, "reason": "reconnect"},
        {"at_ms": 3200, "duration_ms": 40, "reason": "camera_clock"},
    ],
    "lost_packets": 7,
    "dropped_packets": 1,
    "stalls": 2,
    "reconnects": 1,
    "timing": {"source": "rtp", "drift_ppm": -500, "jitter_ms": 4, "clock_offset_ms": None},
}
GONE = {"at_ms": 0, "duration_ms": 9_000, "reason": "no_picture"}
SHORT = {
    "kind": "note",
    "at_ms": 1000,
    "data": {"note": "pre_roll_short", "camera": "overhead", "there_ms": 600},
}


class Lossy(Filming):
    """A take whose station admits what it lost."""

    def payload(self) -> dict[str, Any]:
        found = super().payload()
        found["cameras"][0] |= LOST
        found["legibility"] = {"camera": "overhead", "looks": 40, "readable": 34}
        return found


@pytest.fixture
def take(house: House) -> Take:
    Lossy(house, more_events=[SHORT]).whole()
    return Take.objects.get()


def test_a_film_that_begins_after_the_scan_says_so() -> None:
    told = losses.pre_roll_short({"there_ms": -1_200})
    assert told == "The film begins 1.2 s after the scan: the camera gave no picture before."


def test_a_camera_without_any_picture_is_named_beside_the_others(take: Take) -> None:
    take.cameras = [*take.cameras, {"id": "side", "name": "Side", "parts": 0, "gap_list": [GONE]}]
    with override("en"):
        told = losses.of_camera(take, "overhead").sentences
        assert told[0] == "Side gave no picture in the whole film."
        assert losses.calm(take, "overhead").startswith("Side gave no picture in the whole film. ")
        # Of the camera that lacks most: not all cameras' seconds together.
        assert losses.of_take(take) == "9 s missing"


def test_a_film_that_was_cut_short_says_so_first(take: Take) -> None:
    take.outcome = Outcome.INTERRUPTED
    with override("en"):
        told = losses.of_camera(take, "overhead").sentences[0]
    assert told.startswith("The film ends before the parcel was done")


def test_every_fact_of_the_manifest_is_said(take: Take) -> None:
    with override("en"):
        found = losses.of_camera(take, "overhead")
    assert found == losses.Losses(
        gaps=(
            losses.Gap(1.5, 1.5, "the connection to the camera broke and was made again", 375, 375),
            losses.Gap(3.2, 0.04, "the camera's clock jumped", 800, 10),
        ),
        unlisted=0,
        sentences=(
            "The film begins 0.6 s before the scan, later than usual: the camera was just up.",
            "7 packets were lost on the way from the camera; pictures may show it.",
            "1 picture reached the station and was not kept.",
            "The camera stopped giving pictures 2 times, though it was connected.",
            "The connection to the camera broke 1 time and was made again.",
            "The camera's clock runs slow by 30 ms a minute; times are by the station's.",
        ),
        legibility="The label could be read in 34 of 40 looks.",
    )
    with override("ko"):
        assert losses.of_camera(take, "overhead").legibility == "40번 살펴 34번 송장을 읽을 수 있었습니다."


def test_a_window_tells_of_its_own_gaps_only(take: Take) -> None:
    with override("en"):
        assert losses.of_camera(take, "overhead", Window(0, 1500)) == losses.Losses()
        later = losses.of_camera(take, "overhead", Window(2000, None))
    assert ([gap.at for gap in later.gaps], later.sentences, later.legibility) == ([1.5, 3.2], (), "")


def test_more_gaps_than_can_be_listed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losses, "LISTED", 1)
    Lossy(house).whole()
    found = losses.of_camera(Take.objects.get(), "overhead")
    assert ([gap.seconds for gap in found.gaps], found.unlisted) == ([1.5], 1)


def test_the_buyer_reads_one_calm_sentence(house: House, take: Take, client: Client) -> None:
    page = open_page(house, client, "?lang=en")
    said = "At 0:01 the film lacks 1.5 s; the shop&#x27;s signed record says so, and the rest is whole."
    assert page.count(said) == 1
    assert "packet" not in page


def test_a_gap_that_nobody_sees_and_one_outside_the_span_are_not_said(house: House, take: Take) -> None:
    assert losses.calm(take, "overhead", Window(3100, None)) == ""
    assert losses.calm(take, "overhead", Window(0, 1000)) == ""


def test_the_take_page_shows_them_beside_the_film(house: House, take: Take) -> None:
    page = house.client().get(f"/takes/{take.id}/", headers={"Accept-Language": "en"}).text
    for expected in (
        "What is missing",
        '<rect class="gone" x="375" y="2" width="375" height="20"/>',
        'data-at="1.5"><span class="clock">0:01</span>',
        "1.5 s without a picture: the connection to the camera broke and was made again.",
        "0.04 s without a picture: the camera&#x27;s clock jumped.",
        "The label could be read in 34 of 40 looks.",
    ):
        assert expected in page
    assert "style=" not in page
    assert "1.5 s missing" in house.client("viewer").get("/", headers={"Accept-Language": "en"}).text


def test_a_whole_film_says_nothing(house: House, client: Client) -> None:
    Filming(house).whole()
    take = Take.objects.get()
    assert (losses.of_take(take), losses.of_camera(take, "overhead").any) == ("", False)
    assert "What is missing" not in house.client().get(f"/takes/{take.id}/").text
    assert "signed record" not in open_page(house, client, "?lang=en")


def test_what_is_said_beside_the_film_does_not_lie_on_it(take: Take) -> None:
    assert any(event.get("data", {}).get("note") == "pre_roll_short" for event in take.events)
    assert "before the scan" not in captions.captions(take.events, language="en")
