"""Normalisation of what a scanner sends, and the command codes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwitness.station.workflow.codes import CODE_LIMIT, Code, CodeRefused, normalise, read_scan
from packwitness.station.workflow.events import Command, CommandName, Scanned, Source

UTC_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("607812345678", Code("607812345678")),
        ("  6078-1234-5678 \r\n", Code("6078-1234-5678")),
        ("1z 999 aa1 0123 456 784", Code("1Z999AA10123456784")),
        ("]C1\x1d00388012345678901234", Code("00388012345678901234", "Code128")),
        ("]E08801234567893", Code("8801234567893", "EAN13")),
        ("]I00388012345678", Code("0388012345678", "ITF")),
        ("\x1d0109501101530003", Code("0109501101530003")),
        ("６０７８　１２３４", Code("60781234")),
    ],
)
def test_only_what_scanners_add_is_taken_away(raw: str, code: Code) -> None:
    assert normalise(raw) == code


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "code_empty"),
        (" \t\r\n", "code_empty"),
        ("]C1", "code_empty"),
        ("A" * (CODE_LIMIT + 1), "code_too_long"),
        (" " * 1_000_000, "code_too_long"),
        ("ﷺ" * 20, "code_too_long"),  # one character that normalisation makes eighteen
        ("ABC\x00DEF", "code_control_character"),
        ("ABC\x1bDEF", "code_control_character"),
        ("ABC\x1dDEF", "code_control_character"),
        ("ABC\u200bDEF", "code_control_character"),
        ("ABC\ud800", "code_control_character"),
        ("PWCMD:EJECT", "command_unknown"),
    ],
)
def test_what_is_no_code_is_refused_with_its_reason(raw: str, reason: str) -> None:
    with pytest.raises(CodeRefused) as caught:
        read_scan(raw, source=Source.SCANNER, utc=UTC_NOW, monotonic_ns=1)
    assert caught.value.reason == reason
    assert caught.value.advice.endswith(".")


@given(st.text(max_size=500))
def test_normalising_twice_changes_nothing(raw: str) -> None:
    try:
        once = normalise(raw)
    except CodeRefused:
        return
    assert len(once.text) <= CODE_LIMIT
    if not once.text.startswith("]"):  # what is left of "]C1]C1" looks like another AIM identifier
        assert normalise(once.text).text == once.text


@pytest.mark.parametrize("name", CommandName)
def test_commands(name: CommandName) -> None:
    event = read_scan(f"pwcmd:{name}\r", source=Source.SCANNER, utc=UTC_NOW, monotonic_ns=5)
    assert event == Command(name=name, source=Source.SCANNER, utc=UTC_NOW, monotonic_ns=5)


def test_a_scan_carries_the_symbology_it_is_told() -> None:
    event = read_scan("]C0abc", source=Source.CAMERA, utc=UTC_NOW, monotonic_ns=5, symbology="ITF")
    assert event == Scanned(code="ABC", source=Source.CAMERA, symbology="ITF", utc=UTC_NOW, monotonic_ns=5)
