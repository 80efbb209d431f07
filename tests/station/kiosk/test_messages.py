"""Whatever the workflow may show has its words, and each of them is translated."""

from collections.abc import Iterator

import pytest

from packwitness.station.kiosk.language import translations
from packwitness.station.kiosk.messages import MESSAGES, PAGE, WARNINGS
from packwitness.station.workflow.logics import catalogue

# What verbs and codes say of their own accord.
_BUILT_IN = {"ready", "filming", "paused", "stopped", "cancelled", "take_failed", "no_camera", "disk_full"}
_CODES = {"code_empty", "code_too_long", "code_control_character", "command_unknown"}


def _said() -> Iterator[str]:
    for logic in catalogue().values():
        for row in logic.rows:
            for words in row.do:
                verb, _, argument = words.partition(" ")
                if verb in ("refuse", "warn", "alarm", "halt") and argument not in ("obstacle", "as_told"):
                    yield argument


def test_every_message_has_words() -> None:
    assert {*_said(), *_BUILT_IN, *_CODES} <= set(MESSAGES)


def test_no_message_is_never_said() -> None:
    ids = {f".{logic}" for logic in catalogue()}
    plain = {key for key in MESSAGES if not any(key.endswith(suffix) for suffix in ids)}
    assert plain == {*_said(), *_BUILT_IN, *_CODES, "link_lost", "unknown"}


@pytest.mark.parametrize("language", ["ko"])
def test_every_text_is_translated(language: str) -> None:
    translate = translations(language).gettext
    texts = [text for message in MESSAGES.values() for text in message] + [*WARNINGS.values(), *PAGE.values()]
    assert [text for text in texts if translate(text) == text] == []


def test_titles_can_be_read_from_two_metres() -> None:
    assert {key: title for key, (title, _) in MESSAGES.items() if len(title) > 24} == {}
