"""The orders a station knows: what the hub last told, kept so that lines show while the hub is away."""

import json

from packwitness.protocol import OrderPage, StationOrder
from packwitness.station.spool.ledger import Ledger
from packwitness.station.workflow.codes import CodeRefused, normalise

CURSOR = "orders_cursor"
KEEP_MS = 60 * 24 * 3_600_000
"""How long an order stays of which the hub says nothing more. It is looked up there if asked for later."""
_KEPT = """
CREATE TABLE IF NOT EXISTS order_kept (
    channel TEXT NOT NULL, number TEXT NOT NULL, kept_ms INTEGER NOT NULL, PRIMARY KEY (channel, number)
) WITHOUT ROWID
"""
"""Made when first needed: a ledger of this schema version may be older than it."""


class OrderCache:
    """Orders by channel and number, found by any of their codes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def cursor(self) -> str:
        """What to ask the hub for changes after."""
        return self._ledger.meta(CURSOR) or ""

    def store(self, page: OrderPage, *, utc_ms: int) -> None:
        """Take over a page of changes, and its cursor with it."""
        with self._ledger.transaction() as db:
            db.execute(_KEPT)
            for order in page.orders:
                key = (order.channel, order.number)
                db.execute("DELETE FROM order_code WHERE channel = ? AND number = ?", key)
                db.execute(
                    "INSERT OR REPLACE INTO order_cache VALUES (?, ?, ?)", (*key, order.model_dump_json())
                )
                db.execute("INSERT OR REPLACE INTO order_kept VALUES (?, ?, ?)", (*key, utc_ms))
                db.executemany(
                    "INSERT OR REPLACE INTO order_code VALUES (?, ?, ?)",
                    [(code, *key) for code in _codes(order)],
                )
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (CURSOR, page.cursor))

    def remember(self, order: StationOrder, *, utc_ms: int) -> None:
        """Take over one order that was looked up."""
        self.store(OrderPage(orders=[order], cursor=self.cursor, more=False), utc_ms=utc_ms)

    def forget(self, *, utc_ms: int) -> int:
        """Delete the orders that were last told of ``KEEP_MS`` ago, and return how many."""
        with self._ledger.transaction() as db:
            db.execute(_KEPT)
            db.execute(
                "INSERT OR IGNORE INTO order_kept SELECT channel, number, ? FROM order_cache", (utc_ms,)
            )
            old = db.execute(
                "SELECT channel, number FROM order_kept WHERE kept_ms <= ?", (utc_ms - KEEP_MS,)
            ).fetchall()
            for table in ("order_code", "order_cache", "order_kept"):
                db.executemany(
                    f"DELETE FROM {table} WHERE channel = ? AND number = ?",  # noqa: S608 - our names
                    [tuple(row) for row in old],
                )
            return len(old)

    def find(self, code: str) -> StationOrder | None:
        """Return the order of a normalised code."""
        found = self._ledger.rows(
            "SELECT body FROM order_cache JOIN order_code USING (channel, number) WHERE code = ?", code
        )
        return StationOrder.model_validate(json.loads(found[0]["body"])) if found else None


def _codes(order: StationOrder) -> set[str]:
    codes = set()
    for code in order.codes:
        try:
            codes.add(normalise(code).text)
        except CodeRefused:
            # No scanner can send it, so nobody will ask for it.
            continue
    return codes
