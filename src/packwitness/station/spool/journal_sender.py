"""Sends each bench's journal to the hub, entry by entry, apart from the takes: it is what shows that none is
missing.
"""

import asyncio
from collections.abc import Callable, Collection

import structlog

from packwitness.protocol import JournalBatch
from packwitness.station.spool.backoff import Backoff
from packwitness.station.spool.hub import Hub, HubAway, HubRefused, Unauthorised
from packwitness.station.spool.outgoing import Outgoing

JOURNAL_BATCH = 200

log = structlog.get_logger(__name__)


class JournalSender:
    """Runs until cancelled; ``clock`` tells monotonic seconds."""

    def __init__(
        self, outgoing: Outgoing, hub: Hub, benches: Collection[str], *, clock: Callable[[], float]
    ) -> None:
        self._outgoing = outgoing
        self._hub = hub
        self._clock = clock
        self._waits = {bench: Backoff() for bench in benches}

    async def run(self) -> None:
        """Send for ever."""
        while True:
            sent = 0
            for bench, wait in self._waits.items():
                if wait.ready(self._clock()):
                    sent += await self._send(bench, wait)
            if not sent:
                await asyncio.sleep(1)

    async def _send(self, bench: str, wait: Backoff) -> int:
        """Send one batch and return how many entries the hub took."""
        outgoing = self._outgoing
        first = await asyncio.to_thread(outgoing.journal_next, bench)
        entries = await asyncio.to_thread(outgoing.ledger.entries, bench, first=first, limit=JOURNAL_BATCH)
        trouble = await asyncio.to_thread(outgoing.journal_trouble, bench)
        if trouble or not entries:
            return 0
        try:
            answer = await self._hub.journal(bench, JournalBatch(entries=entries))
        except (HubAway, Unauthorised) as error:
            wait.failed(self._clock(), after=getattr(error, "after", 10.0))
            return 0
        except HubRefused as refused:
            wait.failed(self._clock())
            if not refused.problem.retry:
                log.error("needs a person", bench=bench, reason=str(refused))
                await asyncio.to_thread(outgoing.set_journal_trouble, bench, str(refused))
            return 0
        await asyncio.to_thread(outgoing.journal_sent, bench, wanted=answer.next)
        if answer.next <= first:
            # The hub lost entries and wants them again; not at once, should it never be content.
            wait.failed(self._clock())
            return 0
        wait.succeeded()
        return len(entries)
