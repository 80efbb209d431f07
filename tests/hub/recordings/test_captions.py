"""Captions and chapters as WebVTT."""

from typing import Any

from packwitness.hub.recordings.captions import captions, chapters
from packwitness.hub.recordings.layout import Window


def event(at_ms: int, kind: str, **data: Any) -> dict[str, Any]:
    return {"n": 0, "kind": kind, "utc": "", "at_ms": at_ms, "data": data}


def cues(text: str) -> list[str]:
    head, *blocks = text.split("\n\n")
    assert head == "WEBVTT"
    return [block.strip() for block in blocks]


def test_a_caption_lasts_until_the_next_or_four_seconds() -> None:
    events = [
        event(3012, "take_started"),
        event(3012, "label_scanned", code={"commitment": "0" * 64}),
        event(5000, "item_scanned", name="Blue mug", quantity=2),
        event(20_000, "take_stopped"),
    ]
    assert cues(captions(events, language="en", end_ms=21_500)) == [
        "00:00:03.012 --> 00:00:05.000\nFilming begins.\nThe shipping label is scanned.",
        "00:00:05.000 --> 00:00:09.000\nPacked: Blue mug, 2 pieces.",
        "00:00:20.000 --> 00:00:21.500\nThe parcel is done.",
    ]


def test_texts_from_elsewhere_cannot_break_out() -> None:
    events = [
        event(0, "item_scanned", name="<b>A & B</b>\n\n00:00 --> 00:09\nX"),
        event(9000, "note", text="a --> b"),
    ]
    assert cues(captions(events, language="en")) == [
        "00:00:00.000 --> 00:00:04.000\nPacked: &lt;b&gt;A &amp; B&lt;/b&gt;  00:00 --&gt; 00:09 X.",
        "00:00:09.000 --> 00:00:13.000\na --&gt; b",
    ]


def test_times_are_those_of_the_cameras_film() -> None:
    events = [event(100, "label_scanned"), event(3_600_500, "take_stopped")]
    assert cues(captions(events, language="en", offset_ms=250)) == [
        "00:00:00.000 --> 00:00:04.000\nThe shipping label is scanned.",
        "01:00:00.250 --> 01:00:04.250\nThe parcel is done.",
    ]


def test_only_the_window_is_told_of() -> None:
    events = [
        event(500, "warning", warning="two_labels"),
        event(2000, "label_scanned"),
        event(9000, "take_stopped"),
    ]
    assert cues(captions(events, language="en", window=Window(1000, 5000))) == [
        "00:00:02.000 --> 00:00:06.000\nThe shipping label is scanned."
    ]


def test_what_means_nothing_to_a_viewer_is_left_out() -> None:
    events = [
        event(0, "note", note="something"),
        event(1, "unheard_of"),
        event(2000, "note", note="order_known", lines=1),
        event(9000, "note", note="order_known", lines=3, order={"commitment": "0" * 64}),
        event(15000, "item_scanned", code={"commitment": "0" * 64}),
    ]
    assert [cue.split("\n")[1] for cue in cues(captions(events, language="en"))] == [
        "The order has 1 product.",
        "The order has 3 products.",
        "A product is scanned.",
    ]


def test_what_cameras_lack_is_told() -> None:
    events = [
        event(0, "warning", warning="no_sound", camera="label"),
        event(9_000, "warning", warning="few_pictures", camera="label", given=10, promised=30),
        event(18_000, "note", note="sound_silent", camera="label", duration_ms=900),
    ]
    assert [cue.split("\n")[1] for cue in cues(captions(events, language="en"))] == [
        "A camera gives no sound.",
        "A camera gives fewer pictures than it should.",
    ]


def test_chapters_last_until_the_next_or_the_end() -> None:
    events = [
        event(3000, "take_started"),
        event(3000, "label_scanned"),
        event(4000, "warning"),
        event(7000, "item_scanned", sku="MUG-1"),
        event(12_000, "take_stopped"),
    ]
    assert cues(chapters(events, language="en", end_ms=12_000)) == [
        "00:00:03.000 --> 00:00:07.000\nThe shipping label is scanned.",
        "00:00:07.000 --> 00:00:12.000\nPacked: MUG-1.",
        "00:00:12.000 --> 00:00:12.001\nThe parcel is done.",
    ]


def test_nothing_happened() -> None:
    assert captions([], language="ko") == "WEBVTT\n"
    assert chapters([], language="ko", end_ms=0) == "WEBVTT\n"
