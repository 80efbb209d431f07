"""The kiosk's web application: pages, the state's WebSocket, the live picture's WebSocket, scans over
HTTP."""

import contextlib
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import anyio
from jinja2 import Environment, FileSystemLoader, select_autoescape
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from packwitness.station.kiosk import language, messages, wire
from packwitness.station.kiosk.bounces import without_bounces
from packwitness.station.kiosk.codec import is_init, mime_type
from packwitness.station.kiosk.door import COOKIE, LOOPBACK, Door
from packwitness.station.kiosk.scans import scan_routes
from packwitness.station.kiosk.view import Bench, OnScan
from packwitness.station.workflow.codes import CODE_LIMIT
from packwitness.station.workflow.events import Source

_HERE = Path(__file__).parent
BEAT_S: Final = 2.0
"""How often the page hears that the station lives; it says so after missing two."""
MESSAGE_LIMIT: Final = 4_096
"""Longest message taken from a page, in characters."""


class _PageScan(BaseModel):
    """What a page may send: a code. ``number`` comes back with the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: Annotated[int, Field(ge=0, le=2**31)]
    code: Annotated[str, StringConstraints(min_length=1, max_length=3 * CODE_LIMIT)]
    source: Literal["scanner", "manual"]


class _Kiosk:
    """The handlers and what they share."""

    def __init__(
        self,
        benches: Mapping[str, Bench],
        *,
        languages: Sequence[str],
        session: str,
        picture_origins: Sequence[str],
        clock_ns: Callable[[], int],
    ) -> None:
        self.benches = benches
        self.languages = tuple(languages)
        self.session = session
        self.picture_origins = tuple(picture_origins)
        self.scans: dict[str, OnScan] = {
            bench.id: without_bounces(bench.scan, clock_ns=clock_ns) for bench in benches.values()
        }
        self.templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(default=True),
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.choose),
            Route("/bench/{bench}", self.bench, name="bench"),
            WebSocketRoute("/bench/{bench}/state", self.state),
            WebSocketRoute("/bench/{bench}/live/{camera}", self.live),
            Mount("/static", StaticFiles(directory=_HERE / "static"), name="static"),
        ]

    async def choose(self, request: Request) -> Response:
        if len(self.benches) == 1:
            return RedirectResponse(f"/bench/{next(iter(self.benches))}")
        views = [bench.view() for bench in self.benches.values()]
        return self._page(request, "choose.html", views=sorted(views, key=lambda view: view.name))

    async def bench(self, request: Request) -> Response:
        if (bench := self.benches.get(request.path_params["bench"])) is None:
            return self._page(request, "unknown.html", status=404)
        chosen = language.choose(request, self.languages)
        boot = wire.for_page(
            {
                "bench": bench.id,
                "language": chosen,
                "beat_ms": int(BEAT_S * 1_000),
                "strings": messages.strings(language.translations(chosen).gettext),
                "view": wire.view_body(bench.view(), picture_origins=self.picture_origins),
            }
        )
        return self._page(request, "bench.html", boot=boot, name=bench.name)

    async def state(self, socket: WebSocket) -> None:
        """Send the view on every change, hear scans. Ends with the page."""
        if (bench := self.benches.get(socket.path_params["bench"])) is None:
            await socket.close(4404)
            return
        await socket.accept()
        sending = anyio.Lock()

        async def send(kind: str, body: dict[str, object]) -> None:
            async with sending:
                await socket.send_text(wire.encode(kind, body))

        async def tell() -> None:
            async for view in bench.changes():
                await send("view", wire.view_body(view, picture_origins=self.picture_origins))

        async def beat() -> None:
            while True:
                await anyio.sleep(BEAT_S)
                await send("beat", {})

        async def hear() -> None:
            while True:
                text = await socket.receive_text()
                if len(text) > MESSAGE_LIMIT:
                    await socket.close(1009, "too long")
                    return
                try:
                    scan = _PageScan.model_validate_json(text)
                except ValidationError:
                    await socket.close(1003, "not a scan")
                    return
                answer = await self.scans[bench.id](scan.code, Source(scan.source), 0)
                await send("answer", wire.answer_body(scan.number, answer))

        await _until_first_ends(tell, beat, hear)

    async def live(self, socket: WebSocket) -> None:
        """Send one camera's live picture: its MIME type as text before each init, then the bytes as they
        are."""
        bench = self.benches.get(socket.path_params["bench"])
        camera = socket.path_params["camera"]
        if bench is None or camera not in {known.id for known in bench.view().cameras}:
            await socket.close(4404)
            return
        await socket.accept()

        async def show() -> None:
            async for piece in bench.live(camera):
                if is_init(piece):
                    await socket.send_text(json.dumps({"mime": mime_type(piece)}))
                await socket.send_bytes(piece)
            await socket.close(1000)

        async def hear() -> None:
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass

        await _until_first_ends(show, hear)

    def _page(self, request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        chosen = language.choose(request, self.languages)
        texts = language.translations(chosen)
        others = [code for code in self.languages if code != chosen]
        page = self.templates.get_template(template).render(
            language=chosen,
            others=[(code, language.NAMES.get(code, code)) for code in others],
            benches=self.benches,
            gettext=texts.gettext,
            ngettext=texts.ngettext,
            _=texts.gettext,
            **values,
        )
        response = HTMLResponse(page, status)
        response.set_cookie(COOKIE, self.session, httponly=True, samesite="strict", path="/")
        if request.query_params.get("lang") in self.languages:
            response.set_cookie("packwitness-lang", chosen, max_age=31_536_000, samesite="strict", path="/")
        return response


def make_kiosk(
    benches: Mapping[str, Bench],
    *,
    trigger_token: str,
    languages: Sequence[str] = ("en", "ko"),
    hosts: Sequence[str] = LOOPBACK,
    picture_origins: Sequence[str] = (),
    clock_ns: Callable[[], int] = time.monotonic_ns,
    late_ms: int = 0,
) -> Starlette:
    """Return the kiosk for ``benches`` (by id).

    ``trigger_token`` opens ``POST /api/benches/{bench}/scans``; empty, it stays shut. ``hosts``: the names
    (without port) under
    which the station may be opened. ``picture_origins`` (``https://hub.example``): where else product
    pictures come from. ``late_ms``: how late a scan over HTTP may come.
    """
    # A page stays valid over a restart of the station: the session follows from the token where there is one.
    secret = trigger_token or secrets.token_urlsafe(32)
    session = hmac.digest(secret.encode(), b"packwitness/kiosk-session/1", hashlib.sha256).hex()
    kiosk = _Kiosk(
        benches, languages=languages, session=session, picture_origins=picture_origins, clock_ns=clock_ns
    )
    scans: dict[str, OnScan] = {bench.id: bench.scan for bench in benches.values()}
    return Starlette(
        routes=[*kiosk.routes(), *scan_routes(scans, token=trigger_token, late_ms=late_ms)],
        middleware=[
            Middleware(Door, hosts=tuple(hosts), session=session, picture_origins=tuple(picture_origins))
        ],
    )


async def _until_first_ends(*tasks: Callable[[], Awaitable[None]]) -> None:
    """Run the coroutine functions side by side until one of them ends; the page going away ends them all."""
    async with anyio.create_task_group() as group:

        async def run(task: Callable[[], Awaitable[None]]) -> None:
            with contextlib.suppress(WebSocketDisconnect):
                await task()
            group.cancel_scope.cancel()

        for task in tasks:
            group.start_soon(run, task)
