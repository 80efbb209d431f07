"""RFC 8785 canonical JSON, a strict parser, and how times and bytes are written in JSON.

A payload holds only objects, arrays, text, booleans, null and integers within ±(2⁵³−1): a float has more than
one way to be written down, so none is accepted.
"""

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785

from packwitness.evidence.errors import Malformed

JSON_LIMIT = 16 << 20
"""Largest JSON document read, in bytes: the manifest of two cameras over fifteen hours."""
DEPTH_LIMIT = 32
"""Deepest nesting of arrays and objects."""
INTEGER_LIMIT = 2**53 - 1

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z", re.ASCII)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of a JSON value.

    Raises:
        Malformed: it holds a float, an integer beyond ±(2⁵³−1) or text that is no UTF-8, or is too deep.
    """
    _refuse_floats(value, 0)
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise Malformed(f"this value has no canonical form: {error}") from error


def parse(data: bytes, *, limit: int = JSON_LIMIT) -> Any:
    """Return the value of a UTF-8 JSON document of at most ``limit`` bytes.

    Raises:
        Malformed: too large, too deep, a key twice, a float, an integer beyond ±(2⁵³−1), or no JSON at all.
    """
    if len(data) > limit:
        raise Malformed(f"this JSON document has more than {limit} bytes")
    _refuse_depth(data)
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        if _SURROGATE_ESCAPE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise Malformed("this document holds text that is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"this is not JSON: {error}") from error
    return value


def format_time(moment: datetime) -> str:
    """Return an aware datetime as RFC 3339 in UTC, cut (never rounded up) to milliseconds."""
    if moment.tzinfo is None:
        raise Malformed("a time in evidence needs a zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse_time(text: str) -> datetime:
    """Return the moment written as ``2026-11-22T10:00:00.000Z``; no other spelling is accepted.

    Raises:
        Malformed: another form, or no such day.
    """
    if not _TIME.fullmatch(text):
        raise Malformed(f"a time must read 2026-11-22T10:00:00.000Z, not {text[:40]!r}")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed(f"there is no such time: {text}") from error


def to_milliseconds(moment: datetime) -> datetime:
    """Return the moment without what JSON cannot carry: UTC, cut to milliseconds."""
    utc = moment.astimezone(UTC)
    return utc - timedelta(microseconds=utc.microsecond % 1000)


def encode_bytes(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_bytes(text: str) -> bytes:
    """Return the bytes of base64url without padding; each value has exactly one accepted spelling.

    Raises:
        Malformed: padding, another alphabet, or unused bits that are not zero.
    """
    if not _BASE64URL.fullmatch(text):
        raise Malformed("bytes in JSON must be base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Malformed("bytes in JSON must be base64url without padding") from error
    if encode_bytes(data) != text:
        raise Malformed("bytes in JSON must be base64url in its one canonical spelling")
    return data


def _refuse_floats(value: Any, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise Malformed(f"a value is nested more than {DEPTH_LIMIT} deep")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item, depth + 1)
    elif not (value is None or isinstance(value, str | int)):
        kind = type(value).__name__
        raise Malformed(f"evidence cannot hold a {kind}: only text, integers, booleans and null")


def _refuse_depth(data: bytes) -> None:
    """Count brackets before the JSON parser recurses over them."""
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NOT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_LIMIT:
            raise Malformed(f"this JSON document is nested more than {DEPTH_LIMIT} deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("this JSON document names the same key twice in one object")
    return result


def _integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > INTEGER_LIMIT:
        raise Malformed("this JSON document holds an integer beyond ±(2⁵³−1)")
    return int(digits)


def _no_float(digits: str) -> Any:
    raise Malformed(f"this JSON document holds {digits[:30]}: only integers are allowed")
