"""Who may talk to the kiosk. It listens on loopback, but every page in the same browser can reach
loopback, too.

- **Host** must be one of the station's own names: else a foreign page whose name was rebound to 127.0.0.1
  would be "same origin" with us.
- **Origin** of a WebSocket must be the page's own; of any other request that changes something, too, where it
  is given.
- **Cookie**: a WebSocket needs the token that only our own pages were given (``SameSite=Strict``,
``HttpOnly``).
- **CSP**: nothing is loaded or run but our own files.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from packwitness.protocol.models import Problem

COOKIE: Final = "packwitness-kiosk"
LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Door:
    """ASGI middleware. ``hosts`` are names without port; ``session`` is the cookie's value."""

    app: ASGIApp
    hosts: Sequence[str]
    session: str
    picture_origins: Sequence[str] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it with a problem that says why."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if refused := self._refused(scope):
            await self._refuse(scope, receive, send, *refused)
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, self._with_headers(send))

    def _refused(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _name(host) not in self.hosts:
            return (
                421,
                "host_unknown",
                f"This station answers to {', '.join(self.hosts)}. Open it by one of these names.",
            )
        origin = headers.get("origin")
        foreign = origin is not None and origin not in (f"http://{host}", f"https://{host}")
        if scope["type"] == "websocket":
            cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
            if foreign or origin is None:
                return (403, "origin_foreign", "Only the kiosk's own page may connect.")
            if not hmac.compare_digest(cookie.encode(), self.session.encode()):
                return (403, "session_missing", "Load the kiosk's page again.")
        elif foreign and scope["method"] in _UNSAFE:
            return (403, "origin_foreign", "Another site's page may not send scans.")
        return None

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, code: str, detail: str
    ) -> None:
        if scope["type"] == "websocket":
            await WebSocketClose(code=4403, reason=code)(scope, receive, send)
            return
        problem = Problem(title=code.replace("_", " "), status=status, detail=detail, code=code)
        response = JSONResponse(
            problem.model_dump(mode="json"), status, media_type="application/problem+json"
        )
        await response(scope, receive, self._with_headers(send))

    def _with_headers(self, send: Send) -> Send:
        pictures = " ".join(("'self'", "data:", *self.picture_origins))
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src "
            "'self' blob:; "
            f"img-src {pictures}; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
            "frame-ancestors 'none'"
        )

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["content-security-policy"] = policy
                headers["x-content-type-options"] = "nosniff"
                headers["referrer-policy"] = "no-referrer"
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        return sending


def _name(host: str) -> str:
    """Return a Host header's name without its port, lower case; a bracketed IPv6 address keeps its
    brackets."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()
