"""Parts that go straight to the hub's object store, in batches: one call for the tickets of all, a PUT each,
one call that asks which are durable.

Only the hub's word makes a part sent. Where the store cannot be reached from here, or refuses, parts go
through the hub again, and the store is tried later: after half a minute, then ever more seldom, once an hour
at last.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from packwitness.protocol import PartStanding, PartState, Problem
from packwitness.station.spool.backoff import Backoff
from packwitness.station.spool.hub import Hub, HubAway, HubError, HubRefused, StoreAway
from packwitness.station.spool.rows import PartRow

BATCH: Final = 8
"""Parts of one batch: at most as many seconds of film as a parcel's last steps take."""
AT_ONCE: Final = 4
"""Parts on their way to the store at the same time, all batches together."""
OFF_SECONDS: Final = 600.0
"""How long a hub that takes parts only itself is not asked again."""

log = structlog.get_logger(__name__)

Outcome = Exception | None
"""None: the hub has the part. StoreAway: it is to go through the hub. Others: as a PUT to the hub ends."""


class Direct:
    """The way past the hub, as long as there is one. ``clock`` tells monotonic seconds."""

    def __init__(self, hub: Hub, *, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._clock = clock
        self._wait = Backoff(shortest=30, longest=3600)
        self._lanes = asyncio.Semaphore(AT_ONCE)
        self.detour = ""
        """Why parts go through the hub although it would have them elsewhere; empty where they do not."""

    def open(self) -> bool:
        """Say whether parts may be sent this way now."""
        return self._wait.ready(self._clock())

    async def send(
        self, rows: Sequence[PartRow], read: Callable[[PartRow], Awaitable[bytes]]
    ) -> list[Outcome]:
        """Send parts; return how each ended, in their order. ``read`` returns a part's bytes or raises.

        Raises:
            HubError: the hub could not be asked; nothing is known of any part.
        """
        try:
            tickets = await self._hub.tickets(rows)
        except HubRefused as refused:
            return [self._off(refused)] * len(rows)
        ended = await asyncio.gather(
            *(self._put(row, ticket, read) for row, ticket in zip(rows, tickets, strict=True))
        )
        put = [at for at, outcome in enumerate(ended) if isinstance(outcome, _Put)]
        found: list[Outcome] = [None if isinstance(each, _Put) else each for each in ended]
        if put:
            try:
                said = await self._hub.stored([rows[at] for at in put])
            except HubRefused as refused:
                off = self._off(refused)
                return [off if isinstance(each, _Put) else each for each in ended]
            found = [*found]
            for at, standing in zip(put, said, strict=True):
                found[at] = _after(standing)
        self._judge(found)
        return found

    def _off(self, refused: HubRefused) -> StoreAway:
        """Take a refused call for what it says of the way, not of its parts: the hub is older than this
        protocol, or its operator has not switched it on, or just off.
        """
        log.debug("parts go through the hub", reason=str(refused))
        if self.open():
            self._wait.failed(self._clock(), after=OFF_SECONDS)
        self.detour = ""
        return StoreAway(str(refused))

    async def _put(
        self, row: PartRow, ticket: PartStanding, read: Callable[[PartRow], Awaitable[bytes]]
    ) -> "Outcome | _Put":
        if ticket.state is PartState.STORED:
            return None
        if ticket.state is not PartState.PUT:
            return _refusal(ticket)
        # Read only when its turn has come: a batch is not held in memory.
        async with self._lanes:
            if not self.open():
                return StoreAway(self.detour)
            try:
                await self._hub.put_at(ticket, await read(row))
            except StoreAway as error:
                self._close(str(error))
                return error
            except Exception as error:  # whatever it is, it is this part's: the uploader tells them apart
                return error
        return _Put()

    def _judge(self, found: Sequence[Outcome]) -> None:
        for each in found:
            if isinstance(each, StoreAway):
                self._close(str(each))
                return
        if any(each is None for each in found):
            if self.detour:
                log.info("parts go straight to the store again")
            self.detour = ""
            self._wait.succeeded()

    def _close(self, reason: str) -> None:
        """Send parts through the hub for a while. Parts that fail together are one failure."""
        if not self.open():
            return
        log.warning("the store is out of reach; parts go through the hub", reason=reason)
        self.detour = reason
        self._wait.failed(self._clock())


class _Put:
    """The store has taken it; the hub is still to be asked."""


def _after(standing: PartStanding) -> Outcome:
    match standing.state:
        case PartState.STORED:
            return None
        case PartState.REFUSED:
            return _refusal(standing)
    return StoreAway("the store took a part, and the hub does not find it")


def _refusal(standing: PartStanding) -> HubError:
    if standing.state is not PartState.REFUSED:
        return HubAway(f"the hub said {standing.state} where that says nothing", answered=True)
    if standing.code == "direct_off":
        return StoreAway(standing.detail)
    # Only what trying again does not mend is said of one part; the rest fails the call.
    return HubRefused(
        Problem(title="Refused", status=409, detail=standing.detail, code=standing.code, retry=False)
    )
