"""Reading what a station sends: its size is known and judged before the first byte is read."""

import io
from typing import Any, BinaryIO

from django.http import HttpRequest

from packwitness.evidence.canonical import parse
from packwitness.evidence.errors import Malformed
from packwitness.hub.ui.problems import Problem
from packwitness.protocol import JSON_LIMIT, parse_content_digest


def size_of(request: HttpRequest, *, limit: int, code: str) -> int:
    """Return the body's size in bytes.

    Raises:
        Problem: 411 without a Content-Length, 400 for an empty body, 413 above the limit.
    """
    given = request.META.get("CONTENT_LENGTH", "")
    if request.META.get("HTTP_TRANSFER_ENCODING") or not (given.isascii() and given.isdigit()):
        raise Problem(
            411, "length_required", "The call needs a Content-Length.", "Send the body in one piece."
        )
    size = int(given)
    if size == 0:
        raise Problem(400, "empty_body", "The body is empty.", "Send the bytes that the digest names.")
    if size > limit:
        raise Problem(413, code, f"The body has {size} bytes.", f"At most {limit} bytes are taken.")
    return size


def digest_of(request: HttpRequest) -> str:
    """Return the announced SHA-256 in hex.

    Raises:
        Problem: 400 where there is none, or not in the form of RFC 9530.
    """
    try:
        return parse_content_digest(request.headers.get("Content-Digest", "")).hex()
    except ValueError as error:
        raise Problem(400, "digest_required", "The call needs a Content-Digest.", str(error)) from error


def json_of(request: HttpRequest, *, limit: int = JSON_LIMIT) -> Any:
    """Return the JSON body, read as strictly as evidence is.

    Raises:
        Problem: 411 or 413 as ``size_of`` says, 422 for what is no such JSON.
    """
    size_of(request, limit=limit, code="body_too_large")
    try:
        return parse(request.body, limit=limit)
    except Malformed as error:
        raise Problem(422, "invalid", "The body cannot be read.", str(error)) from error


class Body(io.RawIOBase, BinaryIO):
    """A request's body as a stream of at most ``size`` bytes; it is read once and never held whole."""

    def __init__(self, request: HttpRequest, size: int) -> None:
        super().__init__()
        self._request, self._left = request, size

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        data: bytes = self._request.read(wanted) if wanted else b""
        self._left -= len(data)
        return data
