"""A logic file is read strictly, and what is wrong with it is said with the place."""

import hashlib
from importlib.resources import files

import pytest

from packwitness.station.workflow.logics import FILE_LIMIT, LogicError, catalogue, parse_logic

GOOD = (
    files("packwitness.station.workflow")
    .joinpath("catalogue", "scan-rescan.toml")
    .read_text(encoding="utf-8")
)


def test_catalogue() -> None:
    assert {logic.id: (logic.kind, logic.watches) for logic in catalogue().values()} == {
        "laid-lifted": ("packing", True),
        "scan-next": ("packing", False),
        "scan-rescan": ("packing", False),
    }


def test_version_is_the_digest_of_the_file() -> None:
    assert catalogue()["scan-rescan"].version == hashlib.sha256(GOOD.encode()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "packing"', "kind = packing", "scan-rescan.toml: Invalid value (at line "),
        ('kind = "packing"', "", "kind: Field required"),
        ("watches = false", 'watches = "no"', "watches: Input should be a valid boolean"),
        ("watches = false", "watches = false\nwatchs = true", "watchs: Extra inputs are not permitted"),
        ("min_length = 6", "min_length = 60", "label.min_length is greater"),
        ("min_length = 6", "min_length = '6'", "label.min_length: Input should be a valid integer"),
        ('on = ["scanned"]', 'on = ["scaned"]', "row[0].on[0]: unknown event 'scaned'; known are scanned"),
        ('"by_hand", "same"', '"by_hand", "twin"', "row[1].when[1]: unknown question 'twin'"),
        ('"by_hand", "same"', '"by_hand", "same code"', "row[1].when[1]: 'same' takes no argument"),
        ('"by_hand", "same"', '"by_hand", "quiet_for long"', "row[1].when[1]: no parameter 'long'"),
        ('"say stop"', '"shout stop"', "row[1].do[1]: unknown verb 'shout'"),
        ('"say stop"', '"say boo"', "row[1].do[1]: 'say' takes start, stop"),
        ('"stop same_code"', '"stop tired"', "row[1].do[0]: 'stop' takes same_code"),
        ('"label", "clear"]', '"label"]', "row[0].when: a row that starts must ask 'clear'"),
        ('then = "recording"', 'then = "idle"', "row[0]: in "),
        ('then = "recording"', 'then = "flying"', "row[0].then: Input should be"),
        ('do = ["start"]', "do = []", "row[0]: in "),
        ('do = ["start"]', 'do = ["start", "start"]', "row[0]: in "),
        ('do = ["start"]', 'do = ["start in_view"]', "row[0].when: 'start in_view' must ask"),
        ('on = ["scanned"]', 'on = ["scanned", "tick"]', "row[0].do[0]: only a scanned code can be"),
        ("[[row]]", "[parameters]\nhits = 0\n[[row]]", "parameters.hits: Input should be greater"),
    ],
)
def test_what_is_wrong_is_said_with_the_place(old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(LogicError) as caught:
        parse_logic(GOOD.replace(old, new, 1).encode(), name="scan-rescan.toml")
    assert words in str(caught.value)


def test_a_logic_without_a_start_is_refused() -> None:
    head, _, rest = GOOD.partition("[[row]]")
    _, _, rest = rest.partition("[[row]]")
    with pytest.raises(LogicError, match="no row starts a take"):
        parse_logic((head + "[[row]]" + rest).encode(), name="x.toml")


def test_a_logic_has_a_size_limit() -> None:
    with pytest.raises(LogicError, match="a logic has at most"):
        parse_logic(b"#" * (FILE_LIMIT + 1), name="x.toml")
    with pytest.raises(LogicError, match="byte 0 is not UTF-8"):
        parse_logic(b"\xff", name="x.toml")
