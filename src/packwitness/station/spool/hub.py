"""The station's calls to the hub (docs/design/protocol.md): one method a call, and what can go wrong with
one::

    HubError
    ├── HubAway        nobody answered, or the hub is in trouble: the same call may succeed later
    ├── StoreAway      the hub's object store is out of our reach: parts go through the hub
    ├── Unauthorised   the hub does not know this station's token (any more)
    └── HubRefused     the hub understood and says no: ``problem`` says why, ``problem.retry`` whether
                       later helps
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Self

import httpx2
from pydantic import BaseModel, ValidationError

from packwitness.protocol import (
    API_BASE,
    JSON_LIMIT,
    Enrolled,
    EnrolRequest,
    Heartbeat,
    HeartbeatAnswer,
    JournalAnswer,
    JournalBatch,
    OrderFound,
    OrderPage,
    PartNamed,
    PartsMissing,
    PartsNamed,
    PartStanding,
    PartStandings,
    Problem,
    Receipted,
    TakeAccepted,
    TakeSealed,
    TakeStarted,
    content_digest,
)
from packwitness.station.spool.pace import Pace
from packwitness.station.spool.rows import InitRow, PartRow

TIMEOUT = httpx2.Timeout(connect=5, read=30, write=60, pool=60)
"""Seconds. A part may be 32 MiB over a shop's uplink, so each write gets its minute."""


TAKEN = 412
OTHER_BYTES = re.compile(
    rb"<Code>\s*(BadDigest|InvalidDigest|XAmzContentChecksumMismatch|XAmzContentSHA256Mismatch)\s*</Code>"
)
"""What a store's 400 names where it got other bytes than were announced. It is also the status of a ticket of
a wrong region or of credentials that ran out, and of proxies.
"""
STORE_SAYS = 64 << 10
"""Most of a store's answer that is read, in bytes."""


class HubError(Exception):
    """Base of what a call can end in instead of an answer."""


class HubAway(HubError):
    """``answered``: the hub said that it is in trouble, and asked to be left alone for ``after`` seconds."""

    def __init__(self, text: str, *, answered: bool = False, after: float = 0.0) -> None:
        super().__init__(text)
        self.answered = answered
        self.after = after


class StoreAway(HubError):
    """The object store that the hub names was not reached, or does not take what the hub's ticket allows."""


class Unauthorised(HubError):
    """401 or 403: the token is not known. Enrol the station anew, or ask the hub's operator."""


class HubRefused(HubError):
    """Another 4xx."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.code}: {problem.detail}")
        self.problem = problem


class Hub:
    """A connection pool to one hub. Leave it with ``async with``."""

    def __init__(
        self,
        url: str,
        *,
        token: str,
        timeout: httpx2.Timeout = TIMEOUT,
        proxy: str = "",
        max_mbit: float = 0,
    ) -> None:
        """``proxy``: the way out, where the environment (``HTTPS_PROXY``, ``NO_PROXY``) does not say it.
        ``max_mbit``: most that films may take of the line, in megabits a second; 0: all of it.
        """
        self._pace = Pace(max_mbit * 1e6 / 8)
        self._secure = url.startswith("https:")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx2.AsyncClient(
            base_url=url.rstrip("/") + API_BASE + "/",
            headers=headers,
            timeout=timeout,
            follow_redirects=False,
            proxy=proxy or None,
        )
        # The store is somebody else's: it gets no token of ours.
        self._store = httpx2.AsyncClient(timeout=timeout, follow_redirects=False, proxy=proxy or None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        await self._store.aclose()

    async def enrol(self, request: EnrolRequest) -> Enrolled:
        return await self._json("POST", "enrol", request, Enrolled)

    async def heartbeat(self, beat: Heartbeat) -> HeartbeatAnswer:
        return await self._json("POST", "heartbeat", beat, HeartbeatAnswer)

    async def announce(self, take: str, started: TakeStarted) -> TakeAccepted:
        return await self._json("PUT", f"takes/{take}", started, TakeAccepted)

    async def put_init(self, row: InitRow, data: bytes) -> None:
        await self._bytes(f"takes/{row.take}/cameras/{row.camera}/inits/{row.k}", {}, data, row.sha256)

    async def put_part(self, row: PartRow, data: bytes) -> None:
        query = {
            "init": str(row.init),
            "start": str(row.start),
            "duration": str(row.duration),
            "key": str(int(row.key)),
        }
        await self._bytes(f"takes/{row.take}/cameras/{row.camera}/parts/{row.n}", query, data, row.sha256)

    async def tickets(self, parts: Sequence[PartRow]) -> list[PartStanding]:
        """Ask where parts shall be put; answers in their order."""
        return await self._standings("tickets", parts)

    async def stored(self, parts: Sequence[PartRow]) -> list[PartStanding]:
        """Ask which parts, put past the hub, are durable; answers in their order."""
        return await self._standings("stored", parts)

    async def put_at(self, ticket: PartStanding, data: bytes) -> None:
        """Put a part where the hub said. One that is there already is fine.

        Raises:
            StoreAway: the store was not reached, or refuses.
            HubAway: it got other bytes than we sent.
        """
        if self._secure and not ticket.url.startswith("https:"):
            raise StoreAway("the hub is reached by https and its store is not")
        await self._wait_for_pace(len(data))
        try:
            async with self._store.stream(
                "PUT", ticket.url, content=data, headers=ticket.headers
            ) as response:
                said = b""
                async for piece in response.aiter_bytes():
                    said += piece
                    if len(said) > STORE_SAYS:
                        break
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise StoreAway(f"{type(error).__name__}: {error}") from error
        status = response.status_code
        if response.is_success or status == TAKEN:
            return
        text = f"the store answered {status}: {said[:300].decode(errors='replace')}"
        if status == 400 and OTHER_BYTES.search(said):
            raise HubAway(text, answered=True)
        raise StoreAway(text)

    async def seal(self, take: str, sealed: TakeSealed) -> Receipted:
        return await self._json("PUT", f"takes/{take}/manifest", sealed, Receipted)

    async def journal(self, bench: str, batch: JournalBatch) -> JournalAnswer:
        return await self._json("POST", f"benches/{bench}/journal", batch, JournalAnswer)

    async def orders(self, *, after: str, limit: int) -> OrderPage:
        return await self._json("GET", "orders", None, OrderPage, {"after": after, "limit": str(limit)})

    async def lookup(self, code: str) -> OrderFound | None:
        """Return the order of a code, None where the hub knows none."""
        try:
            return await self._json("GET", "orders/lookup", None, OrderFound, {"code": code})
        except HubRefused as refused:
            if refused.problem.status == 404:
                return None
            raise

    async def greet(self) -> datetime | None:
        """Show the token, change nothing, and return what the hub's Date header says."""
        dates: list[str] = []
        await self._call("GET", "orders", {"after": "", "limit": "1"}, None, {}, dates)
        try:
            return parsedate_to_datetime(dates[0])
        except (IndexError, ValueError):
            return None

    async def _standings(self, path: str, parts: Sequence[PartRow]) -> list[PartStanding]:
        named = PartsNamed(
            parts=[
                PartNamed(
                    take=row.take,
                    camera=row.camera,
                    number=row.n,
                    init=row.init,
                    start=row.start,
                    duration=row.duration,
                    key=row.key,
                    size=row.size,
                    sha256=row.sha256,
                )
                for row in parts
            ]
        )
        answer = await self._json("POST", path, named, PartStandings)
        if len(answer.parts) != len(parts):
            raise HubAway(f"POST {path}: {len(parts)} parts were named, {len(answer.parts)} answered")
        return answer.parts

    async def _wait_for_pace(self, size: int) -> None:
        if wait := self._pace.wait(size, now=time.monotonic()):
            await asyncio.sleep(wait)

    async def _bytes(self, path: str, query: Mapping[str, str], data: bytes, sha256: str) -> None:
        headers = {
            "Content-Digest": content_digest(bytes.fromhex(sha256)),
            "Content-Type": "application/octet-stream",
        }
        await self._wait_for_pace(len(data))
        await self._call("PUT", path, query, data, headers)

    async def _json[Answer: BaseModel](
        self,
        method: str,
        path: str,
        body: BaseModel | None,
        answer: type[Answer],
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        content = None if body is None else body.model_dump_json().encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        text = await self._call(method, path, query or {}, content, headers)
        try:
            return answer.model_validate_json(text)
        except ValidationError as error:
            # Something between us and the hub answered (a captive portal, a proxy): the hub is not there.
            raise HubAway(
                f"{method} {path}: this is no hub's answer ({error.error_count()} errors)"
            ) from error

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        content: bytes | None,
        headers: Mapping[str, str],
        dates: list[str] | None = None,
    ) -> bytes:
        """Return a 2xx answer's body of at most JSON_LIMIT bytes; its Date header is added to ``dates``."""
        try:
            async with self._client.stream(
                method, path, params=query or None, content=content, headers=headers
            ) as response:
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > JSON_LIMIT:
                        raise HubAway(f"{method} {path}: the answer is longer than {JSON_LIMIT} bytes")
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise HubAway(f"{method} {path}: {type(error).__name__}: {error}") from error
        if response.is_success:
            if dates is not None:
                dates += response.headers.get_list("Date")
            return bytes(body)
        raise _failure(f"{method} {path}", response, bytes(body))


def _failure(call: str, response: httpx2.Response, body: bytes) -> HubError:
    """Read a problem document; tell apart what may pass from what needs a person."""
    status = response.status_code
    if status in (408, 425, 429) or not 400 <= status < 500:
        return HubAway(f"{call}: status {status}", answered=True, after=_retry_after(response))
    problem = _problem(status, body)
    # A wrong enrolment code is 403 too: that one is about the code, not about the token.
    if status == 401 or (status == 403 and problem.code != "enrolment_code_invalid"):
        return Unauthorised(f"{call}: status {status}: {problem.detail}")
    return HubRefused(problem)


def _problem(status: int, body: bytes) -> Problem:
    for model in (PartsMissing, Problem):
        try:
            return model.model_validate_json(body)
        except ValidationError:
            continue
    detail = "The answer holds no explanation. Is this address a Packwitness hub's?"
    return Problem(title="Refused", status=status, detail=detail, code="unexplained")


def _retry_after(response: httpx2.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return min(float(value), 60.0) if value.isascii() and value.isdigit() else 0.0
