from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwitness.evidence.canonical import (
    DEPTH_LIMIT,
    canonical,
    decode_bytes,
    encode_bytes,
    format_time,
    parse,
    parse_time,
)
from packwitness.evidence.errors import Malformed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse(canonical(value)) == value
    assert canonical(parse(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    "value", [1.0, [0.5], {"a": float("nan")}, 2**53, {1: 2}, b"x", "\ud800", {"a": {3}}]
)
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        canonical(value)


def test_brackets_in_text_are_no_depth() -> None:
    assert parse(b'["' + b"[" * 100 + b'\\"{{"]') == ["[" * 100 + '"{{']


def test_depth_is_limited_both_ways() -> None:
    deepest: Any = 0
    for _ in range(DEPTH_LIMIT):
        deepest = [deepest]
    assert parse(canonical(deepest)) == deepest
    with pytest.raises(Malformed, match="deep"):
        canonical([deepest])
    with pytest.raises(Malformed, match="deep"):
        parse(b"[" * 1_000_000)


def test_size_is_limited() -> None:
    assert parse(b"[1]", limit=3) == [1]
    with pytest.raises(Malformed, match="more than 3 bytes"):
        parse(b"[10]", limit=3)


def test_hostile_quotes_cost_no_time() -> None:
    with pytest.raises(Malformed):
        parse(b'"' + b'\\"' * 4_000_000)


def test_times_are_cut_to_milliseconds() -> None:
    moment = datetime(2026, 11, 22, 19, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=9)))
    assert format_time(moment) == "2026-11-22T10:00:00.999Z"
    assert parse_time("2026-11-22T10:00:00.999Z") == datetime(2026, 11, 22, 10, 0, 0, 999_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T10:00:00Z",
        "2026-11-22T10:00:00.000+00:00",
        "2026-11-22 10:00:00.000Z",
        "2026-13-22T10:00:00.000Z",
        "2026-11-22T10:00:60.000Z",
        "2026-11-22T10:00:00.000Z\n",
        "２０26-11-22T10:00:00.000Z",
    ],
)
def test_other_spellings_of_a_time_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_time(text)


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(Malformed, match="zone"):
        format_time(datetime(2026, 11, 22))  # noqa: DTZ001 — the very thing that is refused


@given(st.binary(max_size=40))
def test_bytes_have_one_spelling(data: bytes) -> None:
    assert decode_bytes(encode_bytes(data)) == data


@pytest.mark.parametrize("text", ["AA==", "A", "AB", "A A", "AA\n", "+/AA", "é"])
def test_other_spellings_of_bytes_are_refused(text: str) -> None:
    with pytest.raises(Malformed):
        decode_bytes(text)
