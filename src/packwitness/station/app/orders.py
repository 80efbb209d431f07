"""Finding the order of a code: in the cache first, then at the hub. Filming never waits for it."""

import asyncio
import sqlite3
from collections.abc import Callable

import structlog

from packwitness.protocol import StationOrder
from packwitness.station.spool.hub import Hub, HubError
from packwitness.station.spool.orders import OrderCache

PAGE = 200
SYNC_SECONDS = 30.0
FORGET_MS = 3_600_000
"""How often old orders are looked for: it reads the whole cache."""
LOOKUP_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Orders:
    """The orders this station can find."""

    def __init__(self, cache: OrderCache, hub: Hub, *, utc_ms: Callable[[], int]) -> None:
        self._cache = cache
        self._hub = hub
        self._utc_ms = utc_ms

    async def find(self, code: str) -> StationOrder | None:
        """Return the order of a normalised code, None if the hub knows none.

        Raises:
            LookupError: the cache has none and the hub cannot be asked.
        """
        order = await asyncio.to_thread(self._cache.find, code)
        if order is not None:
            return order
        try:
            found = await asyncio.wait_for(self._hub.lookup(code), LOOKUP_SECONDS)
        except (HubError, TimeoutError) as error:
            raise LookupError(f"the hub cannot be asked: {error}") from error
        if found is None:
            return None
        await asyncio.to_thread(self._cache.remember, found.order, utc_ms=self._utc_ms())
        return found.order

    async def keep_up(self) -> None:
        """Fetch what changed, and forget what is old, for ever."""
        forgot_ms = 0
        while True:
            try:
                if (now_ms := self._utc_ms()) - forgot_ms >= FORGET_MS:
                    await asyncio.to_thread(self._cache.forget, utc_ms=now_ms)
                    forgot_ms = now_ms
                while await self._fetch():
                    pass
            except HubError as error:
                log.debug("orders not fetched", reason=str(error))
            except (OSError, sqlite3.Error) as error:
                log.error("orders not kept", reason=str(error))
            await asyncio.sleep(SYNC_SECONDS)

    async def _fetch(self) -> bool:
        """Take one page; return whether the hub has more."""
        cursor = await asyncio.to_thread(lambda: self._cache.cursor)
        page = await self._hub.orders(after=cursor, limit=PAGE)
        await asyncio.to_thread(self._cache.store, page, utc_ms=self._utc_ms())
        return page.more and page.cursor != cursor
