"""A label laid and lifted, from pictures with real Code 128 in them."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from packwitness.station.triggers.code_in_view import CodeInView
from packwitness.station.triggers.heard import SeenCode
from packwitness.station.triggers.reading import read_codes
from packwitness.station.workflow.events import Lifted, Scanned
from packwitness.station.workflow.logics import catalogue

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
A, B = "607812345678", "999988887777"
FRAME_MS = 100
Picture = NDArray[np.uint8]


def _bench(
    *labels: tuple[str, int, int], fmt: zxingcpp.BarcodeFormat = zxingcpp.BarcodeFormat.Code128
) -> Picture:
    """Draw a bench, 1280x720, with a label at each (code, x, y)."""
    picture = np.full((720, 1280), 150, np.uint8)
    picture[500:, :] = 120
    for code, x, y in labels:
        label = np.array(zxingcpp.create_barcode(code, fmt).to_image(scale=2))
        height, width = label.shape
        picture[y - 20 : y + height + 20, x - 20 : x + width + 20] = 255
        picture[y : y + height, x : x + width] = label
    return picture


EMPTY = _bench()
WITH_A = _bench((A, 300, 200))
WITH_B = _bench((B, 700, 200))
WITH_BOTH = _bench((A, 300, 200), (B, 700, 200))
_BLURRED = cv2.GaussianBlur(WITH_A, (0, 0), 9).astype(np.uint8)
_HAND = WITH_A.copy()
_HAND[150:350, 380:520] = 90


def _film(trigger: CodeInView, *pictures: Picture, frame_ms: int = FRAME_MS, begin_ms: int = 0) -> list[str]:
    """Show one picture each ``frame_ms`` and return what came of it as '<ms> <event> <code>'."""
    events = []
    for n, picture in enumerate(pictures):
        ms = begin_ms + n * frame_ms
        for event in trigger.look(
            read_codes(picture), monotonic_ns=ms * 1_000_000, utc=BEGIN + timedelta(milliseconds=ms)
        ):
            assert event.monotonic_ns == ms * 1_000_000
            assert event.utc == BEGIN + timedelta(milliseconds=ms)
            events.append(f"{ms} {'scanned' if isinstance(event, Scanned) else 'lifted'} {event.code}")
    return events


@pytest.fixture
def trigger() -> CodeInView:
    logic = catalogue()["laid-lifted"]
    return CodeInView(logic.label.accepts, gone_ms=logic.parameters["gone_ms"])


def test_laid_and_lifted(trigger: CodeInView) -> None:
    film = [EMPTY] * 3 + [WITH_A] * 10 + [EMPTY] * 15
    assert _film(trigger, *film) == [f"400 scanned {A}", f"2200 lifted {A}"]


def test_the_test_pictures_are_what_they_claim() -> None:
    assert [seen.text for seen in read_codes(WITH_A)] == [A]
    assert {seen.text for seen in read_codes(WITH_BOTH)} == {A, B}
    assert read_codes(_BLURRED) == read_codes(_HAND) == read_codes(EMPTY) == ()


@pytest.mark.parametrize("disturbed", [_BLURRED, _HAND, EMPTY], ids=["blur", "hand", "missed"])
@pytest.mark.parametrize("frames", [1, 9])
def test_what_disturbs_the_view_for_less_than_a_second_ends_nothing(
    trigger: CodeInView, disturbed: Picture, frames: int
) -> None:
    film = [WITH_A] * 5 + [disturbed] * frames + [WITH_A] * 5 + [EMPTY] * 11
    assert _film(trigger, *film) == [f"100 scanned {A}", f"{(4 + frames + 5 + 10) * 100} lifted {A}"]


def test_one_sighting_is_not_enough_and_two_must_be_near(trigger: CodeInView) -> None:
    assert _film(trigger, WITH_A, *[EMPTY] * 9, WITH_A, *[EMPTY] * 9) == []
    assert _film(trigger, WITH_A, EMPTY, EMPTY, WITH_A, begin_ms=5_000) == [f"5300 scanned {A}"]


def test_sightings_too_far_apart_do_not_add_up(trigger: CodeInView) -> None:
    assert _film(trigger, *[WITH_A] * 3, frame_ms=700) == []
    assert _film(trigger, WITH_A, begin_ms=1_900) == [f"1900 scanned {A}"]


def test_one_parcel_after_the_other_without_a_pause(trigger: CodeInView) -> None:
    film = [WITH_A] * 3 + [WITH_BOTH] * 2 + [WITH_B] * 15
    assert _film(trigger, *film) == [f"100 scanned {A}", f"400 scanned {B}", f"1400 lifted {A}"]


def test_a_hole_in_the_pictures_lifts_nothing(trigger: CodeInView) -> None:
    assert _film(trigger, *[WITH_A] * 3) == [f"100 scanned {A}"]
    # The camera was away for a minute; the first pictures after it show no label yet.
    film = [EMPTY] * 5 + [WITH_A] * 5
    assert _film(trigger, *film, begin_ms=60_000) == []
    assert _film(trigger, *[EMPTY] * 20, begin_ms=120_000) == [f"121000 lifted {A}"]


def test_a_slow_machine_lifts_nothing_at_the_first_miss(trigger: CodeInView) -> None:
    film = [WITH_A, WITH_A, EMPTY, WITH_A, EMPTY, EMPTY]
    trigger.hit_window_ms = 1_500
    assert _film(trigger, *film, frame_ms=1_200) == [f"1200 scanned {A}", f"6000 lifted {A}"]


def test_products_and_commands_are_no_labels(trigger: CodeInView) -> None:
    ean = _bench(("8801234567893", 300, 200), fmt=zxingcpp.BarcodeFormat.EAN13)
    command = _bench(("PWCMD:END", 300, 200))
    short = _bench(("1234567", 300, 200))
    assert _film(trigger, *[ean] * 5, *[command] * 5, *[short] * 5) == []
    # Even from a reader that knows more kinds than ours.
    seen = [SeenCode("8801234567893", "EAN13"), SeenCode("ABC\x00DEFGHIJK", "Code128")]
    for ms in (10_000, 10_100):
        assert trigger.look(seen, monotonic_ns=ms * 1_000_000, utc=BEGIN) == ()


def test_only_the_region_counts() -> None:
    left_half = CodeInView(catalogue()["laid-lifted"].label.accepts, region=(0.0, 0.0, 0.5, 1.0))
    assert _film(left_half, *[WITH_BOTH] * 3) == [f"100 scanned {A}"]


def test_time_does_not_run_backwards(trigger: CodeInView) -> None:
    _film(trigger, *[WITH_A] * 3, begin_ms=1_000)
    assert trigger.look((), monotonic_ns=5, utc=BEGIN) == ()
    assert isinstance(
        [trigger.look((), monotonic_ns=ms * 1_000_000, utc=BEGIN) for ms in (1_700, 2_300)][-1][0], Lifted
    )


@pytest.mark.parametrize("late_ms", [150, 700, 1_500])
def test_a_label_that_only_the_slower_of_two_cameras_sees(trigger: CodeInView, late_ms: int) -> None:
    seen, events = [SeenCode(A, "Code128")], list[Scanned | Lifted]()
    for ms in range(2_000, 12_000, 100):
        events += trigger.look((), monotonic_ns=ms * 1_000_000, utc=BEGIN)
        late = ms - late_ms
        if ms % 500 == 0:
            there = seen if late < 6_000 else []
            events += trigger.look(there, monotonic_ns=late * 1_000_000, utc=BEGIN)
    assert [type(event) for event in events] == [Scanned, Lifted]
    assert events[1].monotonic_ns <= (6_000 + late_ms + 1_200) * 1_000_000


def test_a_late_picture_does_not_lay_a_lifted_label_again(trigger: CodeInView) -> None:
    _film(trigger, *[WITH_A] * 3, *[EMPTY] * 12, begin_ms=1_000)
    seen = [SeenCode(A, "Code128")]
    assert [trigger.look(seen, monotonic_ns=ms * 1_000_000, utc=BEGIN) for ms in (1_100, 1_200)] == [(), ()]
