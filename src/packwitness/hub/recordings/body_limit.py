"""Refuses bodies that are too large before a byte of them is taken.

Django's ASGI handler puts a whole body on disk before any view is asked, so the limit has to stand before it.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from packwitness.protocol import PART_LIMIT

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LIMIT: Final = PART_LIMIT
"""Nothing larger than a part is sent to a hub."""


class BodyLimit:
    """An ASGI application before another one: bodies need a Content-Length of at most ``limit`` bytes."""

    def __init__(self, application: Application, *, limit: int = LIMIT) -> None:
        self._application, self._limit = application, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = self._problem(scope) if scope["type"] == "http" else None
        if problem is None:
            await self._application(scope, receive, send)
            return
        body = json.dumps({**problem, "retry": False}).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": problem["status"], "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _problem(self, scope: Scope) -> dict[str, Any] | None:
        headers = dict(scope["headers"])
        if b"transfer-encoding" in headers:
            return {
                "title": "The call needs a Content-Length.",
                "status": 411,
                "detail": "Send the body in one piece, with its length.",
                "code": "length_required",
            }
        given = headers.get(b"content-length", b"0")
        if not given.isdigit() or int(given) > self._limit:
            return {
                "title": "The body is too large.",
                "status": 413,
                "detail": f"At most {self._limit} bytes are taken.",
                "code": "part_too_large",
            }
        return None
