"""The orders a station knows: what the hub last told, kept so that lines show while the hub is away."""

import json

from packwitness.protocol import OrderPage, StationOrder
from packwitness.station.spool.ledger import Ledger
from packwitness.station.workflow.codes import CodeRefused, normalise

CURSOR = "orders_cursor"


class OrderCache:
    """Orders by channel and number, found by any of their codes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def cursor(self) -> str:
        """What to ask the hub for changes after."""
        return self._ledger.meta(CURSOR) or ""

    def store(self, page: OrderPage) -> None:
        """Take over a page of changes, and its cursor with it."""
        with self._ledger.transaction() as db:
            for order in page.orders:
                key = (order.channel, order.number)
                db.execute("DELETE FROM order_code WHERE channel = ? AND number = ?", key)
                db.execute(
                    "INSERT OR REPLACE INTO order_cache VALUES (?, ?, ?)", (*key, order.model_dump_json())
                )
                db.executemany(
                    "INSERT OR REPLACE INTO order_code VALUES (?, ?, ?)",
                    [(code, *key) for code in _codes(order)],
                )
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (CURSOR, page.cursor))

    def remember(self, order: StationOrder) -> None:
        """Take over one order that was looked up."""
        self.store(OrderPage(orders=[order], cursor=self.cursor, more=False))

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
