"""Deletes what the hub has a receipt for, and says how much room is left.

Only ``receipted`` takes are ever touched (R4): those older than the time to keep them, and, where the disk
runs low, the oldest first. Manifest, receipt and certificates stay.
"""

import shutil
import sqlite3
from dataclasses import dataclass
from enum import StrEnum

import structlog

from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.seal import lay_out_statements

log = structlog.get_logger(__name__)


class Room(StrEnum):
    """How much room the spool's disk has."""

    FINE = "fine"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Disk:
    """What the guard found after it did its work."""

    room: Room
    free_bytes: int
    dropped: tuple[str, ...] = ()


class DiskGuard:
    """``keep_ms``: how long a receipted take stays; below ``low_bytes`` free it goes earlier; below
    ``full_bytes`` no take is started.
    """

    def __init__(
        self, ledger: Ledger, layout: Layout, *, keep_ms: int, low_bytes: int, full_bytes: int
    ) -> None:
        self._ledger = ledger
        self._layout = layout
        self._keep_ms = keep_ms
        self._low = low_bytes
        self._full = full_bytes

    def look(self) -> Disk:
        """Measure, and delete nothing."""
        free = shutil.disk_usage(self._layout.takes).free
        room = Room.FULL if free < self._full else Room.LOW if free < self._low else Room.FINE
        return Disk(room, free)

    def tidy(self, *, utc_ms: int) -> Disk:
        """Delete what is due, oldest receipt first, then measure.

        A disk too full for a take's row or proof keeps the others from going no more: the next call finishes.
        """
        dropped = []
        for row in self._ledger.rows(
            "SELECT take, receipted_ms FROM take WHERE state = 'receipted' ORDER BY receipted_ms, take"
        ):
            due = row["receipted_ms"] + self._keep_ms <= utc_ms
            if not due and self.look().room is Room.FINE:
                break
            try:
                self._drop(row["take"])
            except (OSError, sqlite3.Error) as error:
                log.error("take not dropped; trying again", take=row["take"], reason=str(error))
                continue
            dropped.append(str(row["take"]))
        found = self.look()
        return Disk(found.room, found.free_bytes, tuple(dropped))

    def _drop(self, take: str) -> None:
        """Delete a receipted take's media. Files go first: cut in between, the next call finishes."""
        lay_out_statements(self._ledger, self._layout, take=take)
        shutil.rmtree(self._layout.take(take) / "parts", ignore_errors=True)
        with self._ledger.transaction() as db:
            # Whose parcels were packed here is the hub's to know: no list of them grows at the bench.
            db.execute(
                "UPDATE take SET state = 'dropped', code = '' WHERE take = ? AND state = 'receipted'", (take,)
            )
            for table in ("part", "init", "gap", "event", "proof", "disclosure"):
                db.execute(f"DELETE FROM {table} WHERE take = ?", (take,))  # noqa: S608 - our names
