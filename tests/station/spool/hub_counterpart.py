"""A small hub, written from docs/design/protocol.md: it verifies what it is sent, and fails when a test
tells it to.

It stands on a real socket in a thread of its own. Faults are sprung once each, in the order given, on the
first call whose path matches.
"""

import asyncio
import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import uvicorn
from botocore.config import Config
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from packwitness.evidence.keys import PublicKey, SigningKey
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.receipts import receipt
from packwitness.evidence.statements import Statement, sign
from packwitness.protocol import (
    API_BASE,
    INIT_LIMIT,
    PART_LIMIT,
    EnrolRequest,
    Heartbeat,
    JournalBatch,
    PartNamed,
    PartsNamed,
    StationOrder,
    TakeSealed,
    TakeStarted,
    parse_content_digest,
)
from tests.object_store import ACCESS, BUCKET, SECRET

TOKEN = "token-of-the-station-in-tests"


@dataclass
class Fault:
    """``kind``: a status as text ("500"), ``reset`` (connection aborted before the work), ``lost`` (work
    done, connection aborted instead of an answer), ``half`` (work done, half an answer).
    """

    path: str
    kind: str
    problem: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Take:
    started: TakeStarted
    inits: dict[tuple[str, int], bytes] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    order: list[tuple[str, int]] = field(default_factory=list)
    sealed: TakeSealed | None = None
    receipt: dict[str, Any] | None = None


def problem(status: int, code: str, *, retry: bool = False, **more: Any) -> JSONResponse:
    body = {
        "title": code,
        "status": status,
        "detail": f"because of {code}",
        "code": code,
        "retry": retry,
        **more,
    }
    return JSONResponse(body, status, media_type="application/problem+json")


@dataclass
class HubCounterpart:
    key: SigningKey
    certificates: Callable[[PublicKey], list[dict[str, Any]]]
    """Makes the certificates of a station with this key."""
    stations: dict[str, PublicKey] = field(default_factory=dict)
    """Station keys by bench."""
    url: str = ""
    takes: dict[str, Take] = field(default_factory=dict)
    journals: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    heartbeats: list[Heartbeat] = field(default_factory=list)
    orders: list[StationOrder] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    codes: set[str] = field(default_factory=set)
    """Enrolment codes not yet used."""
    poison: str = ""
    """A take for which every call's connection is aborted."""
    clock_ahead_ms: int = 0
    store: "Store | None" = None
    """Where parts may be put past this hub."""

    # --- calls ---

    async def enrol(self, request: Request) -> Response:
        asked = EnrolRequest.model_validate_json(await request.body())
        if asked.code not in self.codes:
            return problem(403, "enrolment_code_invalid")
        self.codes.remove(asked.code)
        key = self.stations["bench1"] = PublicKey.from_text(asked.public_key)
        return JSONResponse(
            {
                "organisation_id": "org1",
                "organisation_name": "Shop",
                "station_id": "station1",
                "station_name": asked.host_name,
                "benches": [{"id": "bench1", "name": "Bench 1"}],
                "token": TOKEN,
                "certificates": self.certificates(key),
                "hub_key": self.key.public.key_id,
            }
        )

    async def heartbeat(self, request: Request) -> Response:
        self.heartbeats.append(Heartbeat.model_validate_json(await request.body()))
        now = datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.clock_ahead_ms / 1000, UTC)
        return JSONResponse({"hub_time": now.isoformat()})

    async def announce(self, request: Request) -> Response:
        name = request.path_params["take"]
        started = TakeStarted.model_validate_json(await request.body())
        if started.bench not in self.stations:
            return problem(404, "take_unknown")
        entry = Statement.from_value(started.start)
        assert entry.verified_by(self.stations[started.bench])
        assert entry.payload["data"]["take"] == name
        take = self.takes.setdefault(name, Take(started))
        return JSONResponse({"take": name, "sealed": take.sealed is not None})

    async def put_init(self, request: Request) -> Response:
        camera, k = request.path_params["camera"], request.path_params["n"]
        return await self._put(request, INIT_LIMIT, lambda take: take.inits, (camera, k))

    async def put_part(self, request: Request) -> Response:
        camera, n = request.path_params["camera"], request.path_params["n"]
        take = self.takes.get(request.path_params["take"])
        if take and (camera, int(request.query_params["init"])) not in take.inits:
            raise AssertionError("a part came before its init")
        assert {"init", "start", "duration", "key"} == set(request.query_params)
        answer = await self._put(request, PART_LIMIT, lambda take: take.parts, (camera, n))
        if take and answer.status_code == 201:
            take.order.append((camera, n))
        return answer

    async def _put(self, request: Request, limit: int, where: Any, key: tuple[str, int]) -> Response:
        take = self.takes.get(request.path_params["take"])
        data = await request.body()
        if take is None:
            return problem(404, "take_unknown")
        if len(data) > limit:
            return problem(413, "part_too_large")
        if parse_content_digest(request.headers["Content-Digest"]) != hashlib.sha256(data).digest():
            return problem(400, "digest_mismatch", retry=True)
        held = where(take).get(key)
        if held is not None:
            return Response(status_code=200) if held == data else problem(409, "part_differs")
        if take.sealed:
            return problem(409, "take_sealed")
        where(take)[key] = data
        return Response(status_code=201)

    async def tickets(self, request: Request) -> Response:
        return await self._named(request, lambda store, take, part: store.ticket(part))

    async def stored(self, request: Request) -> Response:
        def found(store: Store, take: Take, part: PartNamed) -> dict[str, Any]:
            data = store.found(part)
            if data is None:
                return {"state": "missing"}
            take.parts[part.camera, part.number] = data
            take.order.append((part.camera, part.number))
            return {"state": "stored"}

        return await self._named(request, found)

    async def _named(self, request: Request, answer: Callable[..., dict[str, Any]]) -> Response:
        if self.store is None:
            return problem(409, "direct_off")
        said = []
        named = PartsNamed.model_validate_json(await request.body()).parts
        if any(part.take == self.poison for part in named):
            return problem(500, "poisoned")
        for part in named:
            take = self.takes.get(part.take)
            if take is None:
                said.append({"state": "refused", "code": "take_unknown", "detail": "no such take"})
            elif take.sealed:
                said.append({"state": "refused", "code": "take_sealed", "detail": "sealed"})
            else:
                assert (part.camera, part.init) in take.inits, "a part came before its init"
                said.append(await asyncio.to_thread(answer, self.store, take, part))
        return JSONResponse({"parts": said})

    async def seal(self, request: Request) -> Response:
        take = self.takes.get(request.path_params["take"])
        if take is None:
            return problem(404, "take_unknown")
        sealed = TakeSealed.model_validate_json(await request.body())
        statement = Statement.from_value(sealed.manifest)
        manifest = Manifest.from_payload(statement.payload)
        assert statement.verified_by(self.stations[manifest.bench.id])
        missing = [
            {"camera": camera.id, "part": n}
            for camera in manifest.cameras
            for n, part in enumerate(camera.parts)
            if hashlib.sha256(take.parts.get((camera.id, n), b"")).hexdigest() != part.sha256
        ]
        if missing:
            return problem(409, "parts_missing", missing=missing)
        if take.receipt is None:
            take.sealed = sealed
            payload = receipt(
                take=manifest.take, organisation=manifest.organisation.id, manifest=statement.digest,
                received_at=datetime.now(UTC), origin="hub.example/log", index=len(self.takes),
            )  # fmt: skip
            take.receipt = sign(payload, self.key).to_value()
        return JSONResponse({"receipt": take.receipt})

    async def journal(self, request: Request) -> Response:
        bench = request.path_params["bench"]
        held = self.journals.setdefault(bench, [])
        for value in JournalBatch.model_validate_json(await request.body()).entries:
            entry = Statement.from_value(value)
            assert entry.verified_by(self.stations[bench])
            n = entry.payload["n"]
            if n <= len(held):
                if held[n - 1] != value:
                    return problem(409, "journal_fork")
            elif n == len(held) + 1:
                previous = Statement.from_value(held[-1]).digest if held else "0" * 64
                assert entry.payload["previous"] == previous
                held.append(value)
        return JSONResponse({"next": len(held) + 1})

    async def list_orders(self, request: Request) -> Response:
        first = int(request.query_params["after"] or 0)
        found = self.orders[first : first + int(request.query_params["limit"])]
        more = first + len(found) < len(self.orders)
        body = {
            "orders": [order.model_dump() for order in found],
            "cursor": str(first + len(found)),
            "more": more,
        }
        return JSONResponse(body)

    async def lookup(self, request: Request) -> Response:
        code = request.query_params["code"]
        for order in self.orders:
            if code in order.codes:
                return JSONResponse({"order": order.model_dump()})
        return problem(404, "order_unknown")

    # --- standing on a socket ---

    def app(self) -> ASGIApp:
        media = "/takes/{take}/cameras/{camera}"
        routes = [
            Route("/enrol", self.enrol, methods=["POST"]),
            Route("/heartbeat", self.heartbeat, methods=["POST"]),
            Route("/takes/{take}", self.announce, methods=["PUT"]),
            Route(media + "/inits/{n:int}", self.put_init, methods=["PUT"]),
            Route(media + "/parts/{n:int}", self.put_part, methods=["PUT"]),
            Route("/takes/{take}/manifest", self.seal, methods=["PUT"]),
            Route("/tickets", self.tickets, methods=["POST"]),
            Route("/stored", self.stored, methods=["POST"]),
            Route("/benches/{bench}/journal", self.journal, methods=["POST"]),
            Route("/orders", self.list_orders),
            Route("/orders/lookup", self.lookup),
        ]
        return Starlette(routes=[Mount(API_BASE, routes=routes)], middleware=[Middleware(Gate, self)])

    @contextmanager
    def running(self, port: int = 0) -> Iterator["HubCounterpart"]:
        listener = socket.create_server(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(self.app(), log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()
            listener.close()


class Store:
    """The way past the hub: a real S3 store, and the hub's right to hand out leave to put."""

    def __init__(self, endpoint: str, folder: str, *, seen_at: str = "", seconds: int = 60) -> None:
        """``seen_at``: the store's address as the tickets name it."""
        self._client = self._at(endpoint)
        self._outside = self._at(seen_at) if seen_at else self._client
        self._folder = folder
        self._seconds = seconds

    @staticmethod
    def _at(endpoint: str) -> Any:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            config=Config(request_checksum_calculation="when_required", retries={"total_max_attempts": 1}),
        )

    def _key(self, part: PartNamed) -> str:
        return f"{self._folder}/{part.take}/{part.camera}/{part.number}-{part.sha256}"

    def ticket(self, part: PartNamed) -> dict[str, Any]:
        digest = base64.b64encode(bytes.fromhex(part.sha256)).decode()
        url = self._outside.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": BUCKET,
                "Key": self._key(part),
                "ContentLength": part.size,
                "ChecksumSHA256": digest,
                "IfNoneMatch": "*",
            },
            ExpiresIn=self._seconds,
        )
        headers = {"Content-Length": str(part.size), "If-None-Match": "*", "x-amz-checksum-sha256": digest}
        return {"state": "put", "url": url, "headers": headers}

    def found(self, part: PartNamed) -> bytes | None:
        try:
            data: bytes = self._client.get_object(Bucket=BUCKET, Key=self._key(part))["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        return data if hashlib.sha256(data).hexdigest() == part.sha256 else None


class Gate:
    """Counts calls, checks the token, springs faults."""

    def __init__(self, app: ASGIApp, hub: HubCounterpart) -> None:
        self.app = app
        self.hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hub = self.hub
        path = f"{scope['method']} {scope['path'].removeprefix(API_BASE)}"
        hub.calls.append(path)
        async with self._counted():
            token = dict(scope["headers"]).get(b"authorization", b"").decode()
            if token != f"Bearer {TOKEN}" and not path.endswith("/enrol"):
                await problem(401, "token_unknown")(scope, receive, send)
                return
            if hub.poison and hub.poison in path.split("/"):
                # As below.
                receive.__self__.transport.abort()  # type: ignore[attr-defined]  # see _spring
                return
            fault = next((fault for fault in hub.faults if re.search(fault.path, path)), None)
            if fault is None:
                await self.app(scope, receive, send)
                return
            hub.faults.remove(fault)
            await self._spring(fault, scope, receive, send)

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.hub.under_way += 1
        self.hub.most_under_way = max(self.hub.most_under_way, self.hub.under_way)
        try:
            yield
        finally:
            self.hub.under_way -= 1

    async def _spring(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's cycle, of which receive is a method, knows the connection; ASGI has no way to abort one.
        connection = receive.__self__.transport  # type: ignore[attr-defined]  # see above

        async def swallow(message: Any) -> None:
            pass

        async def halve(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = [(k, v) for k, v in message["headers"] if k != b"content-length"]
                await send({**message, "headers": [*headers, (b"content-length", b"5000")]})
            elif message.get("body"):
                await send({**message, "body": message["body"][:10], "more_body": True})

        match fault.kind:
            case "reset":
                connection.abort()
            case "lost":
                await self.app(scope, receive, swallow)
                connection.abort()
            case "half":
                await self.app(scope, receive, halve)
                connection.close()
            case status:
                said = {"title": "t", "status": int(status), "detail": "sprung by a test", "code": "sprung"}
                body = json.dumps({**said, **fault.problem})
                await Response(body, int(status), fault.headers, "application/problem+json")(
                    scope, receive, send
                )
