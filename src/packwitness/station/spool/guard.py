"""Deletes what the hub has a receipt for, and says how much room is left and for how long.

Only ``receipted`` takes are ever touched (R4): those older than the time to keep them, and, where room runs
low, the oldest first. Manifest, receipt and certificates stay.

1. One transaction: the take is ``dropped``, its rows go, its folder of parts is entered as garbage.
2. The folder is deleted, and its parent synced.
3. The garbage row goes.

A crash after 1 leaves a garbage row, and the next call goes on with 2: no file is left that nothing knows of.
A disk so full that 1 cannot be written is relieved by 2 first; the take is receipted, so nobody reads its
files.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from packwitness.station.spool.layout import Layout, sync_folder
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.seal import lay_out_statements

log = structlog.get_logger(__name__)

DAY_MS: Final = 24 * 3_600_000
RATE_MS: Final = 600_000
"""Less than ten minutes tell nothing of a day."""


class Room(StrEnum):
    """How much room the spool has."""

    FINE = "fine"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Disk:
    """What the guard found after it did its work. ``free_bytes``: of the disk, or of the budget if that is
    less. ``hours_left``: until nothing more can be filmed at the rate of the last 24 hours, with nothing
    going up to the hub any more; None while there is no rate yet. ``gone``: the folder of films is not
    there, or another disk's.
    """

    room: Room
    free_bytes: int
    dropped: tuple[str, ...] = ()
    hours_left: float | None = None
    gone: bool = False


class DiskGuard:
    """``keep_ms``: how long a receipted take stays; below ``low_bytes`` free it goes earlier; below
    ``full_bytes`` no take is started. ``budget_bytes``: most that films may take of the disk; 0: all of it.
    """

    def __init__(
        self,
        ledger: Ledger,
        layout: Layout,
        *,
        keep_ms: int,
        low_bytes: int,
        full_bytes: int,
        budget_bytes: int = 0,
    ) -> None:
        self._ledger = ledger
        self._layout = layout
        self._keep_ms = keep_ms
        self._low = low_bytes
        self._full = full_bytes
        self._budget = budget_bytes

    def look(self) -> Disk:
        """Measure, and delete nothing."""
        if not self._ledger.owns(self._layout.spool_id):
            return Disk(Room.FULL, 0, gone=True)
        free = shutil.disk_usage(self._layout.takes).free
        if self._budget:
            free = min(free, self._budget - self._bytes("state != 'dropped'"))
        room = Room.FULL if free < self._full else Room.LOW if free < self._low else Room.FINE
        return Disk(room, max(0, free))

    def tidy(self, *, utc_ms: int) -> Disk:
        """Delete what is due, oldest receipt first, then measure.

        A disk too full for a take's row or proof keeps the others from going no more: the next call finishes.
        """
        dropped: list[str] = []
        if (found := self.look()).gone:
            return found
        for row in self._ledger.rows("SELECT take FROM garbage ORDER BY take"):
            self._try(self._delete, row["take"])
        for row in self._ledger.rows(
            "SELECT take, receipted_ms FROM take WHERE state = 'receipted' ORDER BY receipted_ms, take"
        ):
            due = row["receipted_ms"] + self._keep_ms <= utc_ms
            if not due and self.look().room is Room.FINE:
                break
            if self._try(self._drop, row["take"]):
                dropped.append(str(row["take"]))
        found = self.look()
        return Disk(found.room, found.free_bytes, tuple(dropped), self._hours_left(found.free_bytes, utc_ms))

    def _try(self, work: Callable[[str], None], take: str) -> bool:
        try:
            work(take)
        except (OSError, sqlite3.Error) as error:
            log.error("take not dropped; trying again", take=take, reason=str(error))
            return False
        return True

    def _drop(self, take: str) -> None:
        lay_out_statements(self._ledger, self._layout, take=take)
        try:
            self._let_go(take)
        except sqlite3.OperationalError:
            self._delete_files(take)
            self._let_go(take)
        self._delete(take)

    def _let_go(self, take: str) -> None:
        with self._ledger.transaction() as db:
            # Whose parcels were packed here is the hub's to know: no list of them grows at the bench.
            db.execute(
                "UPDATE take SET state = 'dropped', code = '' WHERE take = ? AND state = 'receipted'", (take,)
            )
            for table in ("part", "init", "gap", "event", "proof", "disclosure"):
                db.execute(f"DELETE FROM {table} WHERE take = ?", (take,))  # noqa: S608 - our names
            db.execute("INSERT OR IGNORE INTO garbage VALUES (?)", (take,))

    def _delete(self, take: str) -> None:
        self._delete_files(take)
        with self._ledger.transaction() as db:
            db.execute("DELETE FROM garbage WHERE take = ?", (take,))

    def _delete_files(self, take: str) -> None:
        folder = self._layout.take(take)
        with suppress(FileNotFoundError):
            shutil.rmtree(folder / "parts")
            sync_folder(folder)

    def _hours_left(self, free: int, utc_ms: int) -> float | None:
        """What is free, and what may be deleted for it, at the pace of the last day."""
        since = utc_ms - DAY_MS
        (row,) = self._ledger.rows(
            "SELECT min(started_ms) AS began, total(bytes) AS bytes FROM take WHERE started_ms > ?", since
        )
        if row["began"] is None or utc_ms - row["began"] < RATE_MS or not row["bytes"]:
            return None
        room = free - self._full + self._bytes("state = 'receipted'")
        return float(max(0, room) / (row["bytes"] / ((utc_ms - row["began"]) / 3_600_000)))

    def _bytes(self, which: str) -> int:
        (row,) = self._ledger.rows(f"SELECT total(bytes) AS bytes FROM take WHERE {which}")  # noqa: S608 - ours
        return int(row["bytes"])
