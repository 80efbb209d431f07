"""The station's ledger: what is on disk, what it proves, and what the hub still has to get.

One SQLite database, used by the app and by each recorder process at once, each through its own
:class:`Ledger`. Every method is one transaction, durable when it returns. Times are parameters; nothing
here reads a clock.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from packwitness.evidence.canonical import canonical
from packwitness.evidence.chain import ZERO, EventChain
from packwitness.station.spool import schema
from packwitness.station.spool.moments import rfc3339
from packwitness.station.spool.rows import (
    NO_ENTRY,
    CameraRow,
    Ending,
    EventRow,
    GapRow,
    Head,
    InitRow,
    NewEvent,
    Outcome,
    PartRow,
    TakeRow,
    build,
)

TAKE_COLUMNS = (
    "take, bench, n, state, kind, code, code_kind, subject, logic, logic_version, started_ms, started_ns, "
    "pre_roll_ms, film_from_ms, stopped_ms, film_until_ms, outcome, clock, manifest_digest, receipted_ms, "
    "announced, trouble"
)

# Written as the indexes' own condition, or SQLite would not use them.
UNSENT = "state IN ('recording', 'closed', 'sealed')"

_DISK_REFUSES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY}


class LedgerError(Exception):
    """The ledger cannot be used as it is; the text says what to do. Trying again does not help."""


class TakeNotOpen(Exception):
    """Something came for a take that is no longer recording (or never was); it was not stored."""


class Ledger:
    """One process's connection to the ledger. Safe to call from several threads; they take turns."""

    def __init__(self, path: Path) -> None:
        """Open an existing ledger.

        Raises:
            LedgerError: there is none, it is not one, or it is of another version.
            sqlite3.OperationalError: the disk refuses; most often it is full.
        """
        if not path.is_file():
            raise LedgerError(f"There is no ledger at {path}. Run 'packwitness station enrol' first.")
        self.path = path
        self._lock = threading.RLock()
        try:
            self._db, found = schema.open_with_version(path)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _DISK_REFUSES:
                raise
            raise LedgerError(
                f"{path} is not a readable ledger ({error}). Restore it from a backup."
            ) from error
        if found != str(schema.VERSION):
            self._db.close()
            raise LedgerError(
                f"{path} has schema version {found}, this program needs {schema.VERSION}. "
                "Run the version of packwitness that wrote it, or upgrade."
            )

    @classmethod
    def create(cls, path: Path, *, spool_id: str) -> "Ledger":
        """Make a new, empty ledger bound to the spool folder of that name."""
        db = schema.connect(path)
        db.executescript("BEGIN IMMEDIATE;" + schema.SCHEMA)
        db.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("schema_version", str(schema.VERSION)), ("spool_id", spool_id)],
        )
        db.execute("COMMIT")
        db.close()
        return cls(path)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the one write transaction; committed (so fsynced) on leaving, undone if an error passes."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Run a reading query on the last committed state."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def owns(self, spool_id: Path) -> bool:
        """Say whether a spool folder's id file is this ledger's (R7): not where its disk is not mounted."""
        try:
            return spool_id.read_text().strip() == self.meta("spool_id")
        except OSError:
            return False

    # --- meta ---

    def meta(self, key: str) -> str | None:
        found = self.rows("SELECT value FROM meta WHERE key = ?", key)
        return str(found[0]["value"]) if found else None

    def set_meta(self, key: str, value: str) -> None:
        with self.transaction() as db:
            db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )

    # --- takes ---

    def take(self, take: str) -> TakeRow | None:
        found = self.rows(f"SELECT {TAKE_COLUMNS} FROM take WHERE take = ?", take)  # noqa: S608 - constant column names
        return build_take(found[0]) if found else None

    def unfinished(self) -> list[TakeRow]:
        """Return the takes without a receipt, oldest start first. Costs by their number, not by all there
        were.
        """
        query = f"SELECT {TAKE_COLUMNS} FROM take WHERE {UNSENT} ORDER BY started_ms"  # noqa: S608 - constant names and states
        return [build_take(row) for row in self.rows(query)]

    def takes_in(self, *states: str) -> list[TakeRow]:
        """Return the takes in any of these states, oldest start first."""
        marks = ", ".join("?" * len(states))
        query = f"SELECT {TAKE_COLUMNS} FROM take WHERE state IN ({marks}) ORDER BY started_ms, take"  # noqa: S608 - constants and question marks
        return [build_take(row) for row in self.rows(query, *states)]

    def cameras(self, take: str) -> list[CameraRow]:
        query = (
            "SELECT camera, name, first_ns, dropped_packets, lost_packets, stalls, reconnects, timing,"
            " drift_ppm, jitter_ms, clock_offset_ms, looks, readable"
            " FROM camera WHERE take = ? ORDER BY position"
        )
        return [build(CameraRow, row) for row in self.rows(query, take)]

    def add_looks(self, *, take: str, camera: str, looks: int, readable: int) -> None:
        """Say in how many more pictures of a recording take its label was looked for and read.

        Raises:
            TakeNotOpen: the take is not recording.
        """
        with self.transaction() as db:
            require_recording(db, take)
            db.execute(
                "UPDATE camera SET looks = looks + ?, readable = readable + ? WHERE take = ? AND camera = ?",
                (looks, readable, take, camera),
            )

    def close_take(
        self,
        *,
        take: str,
        outcome: Outcome,
        clock: dict[str, Any] | None,
        settle: Callable[[], Ending],
    ) -> None:
        """End a recording take: no part and no event is taken for it any more.

        ``clock`` None keeps the measurement of its start. ``settle`` is called when nothing can be added any
        more; its gaps are added to those there are. An init that no part came to use is forgotten.

        Raises:
            TakeNotOpen: it was closed before.
        """
        with self.transaction() as db:
            require_recording(db, take)
            ending = settle()
            db.execute(
                "UPDATE take SET state = 'closed', outcome = ?, stopped_ms = ?, film_until_ms = ?,"
                " clock = coalesce(?, clock) WHERE take = ? AND state = 'recording'",
                (outcome, ending.stopped_ms, ending.film_until_ms, clock and json_text(clock), take),
            )
            rows = [(take, gap.camera, gap.at_ms, gap.duration_ms, gap.reason) for gap in ending.gaps]
            db.executemany("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", rows)
            db.execute(
                "DELETE FROM init WHERE take = ? AND NOT EXISTS (SELECT 1 FROM part"
                " WHERE part.take = init.take AND part.camera = init.camera AND part.init = init.k)",
                (take,),
            )

    # --- where the film begins ---

    def fix_film_from(self, *, take: str, fallback_ms: int) -> int:
        """Settle the take's ``film_from`` from the earliest camera, place the waiting events on it, and
        return it (UTC ms).

        Later calls change nothing. ``fallback_ms`` serves where no camera has begun.
        """
        with self.transaction() as db:
            row = db.execute(
                "SELECT started_ms, started_ns, film_from_ms FROM take WHERE take = ?", (take,)
            ).fetchone()
            if row is None:
                raise TakeNotOpen(f"Take {take} is unknown.")
            if row["film_from_ms"] is not None:
                return int(row["film_from_ms"])
            first = db.execute("SELECT min(first_ns) FROM camera WHERE take = ?", (take,)).fetchone()[0]
            film_from = (
                fallback_ms if first is None else row["started_ms"] + (first - row["started_ns"]) // 1_000_000
            )
            db.execute("UPDATE take SET film_from_ms = ? WHERE take = ?", (film_from, take))
            waiting = db.execute(
                "SELECT n, kind, utc_ms, data FROM event WHERE take = ? ORDER BY n", (take,)
            ).fetchall()
            chain = EventChain(take)
            for event in waiting:
                body = _event_body(
                    event["n"], event["kind"], event["utc_ms"], film_from, json.loads(event["data"])
                )
                values = (json_text(body), chain.append(body), take, event["n"])
                db.execute("UPDATE event SET body = ?, chain = ? WHERE take = ? AND n = ?", values)
            return int(film_from)

    # --- events ---

    def record_events(self, *, take: str, events: Sequence[NewEvent]) -> list[int]:
        """Append events to a recording take's chain, all or none, and return their numbers.

        Raises:
            TakeNotOpen: the take is not recording.
            Malformed: an event's data cannot be signed.
        """
        with self.transaction() as db:
            film_from = require_recording(db, take)["film_from_ms"]
            return [append_event(db, take, event, film_from_ms=film_from) for event in events]

    def events(self, take: str) -> list[EventRow]:
        query = "SELECT take, n, kind, utc_ms, data, body, chain FROM event WHERE take = ? ORDER BY n"
        return [
            build(EventRow, row, data=json.loads(row["data"]), body=row["body"] and json.loads(row["body"]))
            for row in self.rows(query, take)
        ]

    def disclosures(self, take: str) -> list[tuple[str, str, str]]:
        """Return ``(commitment, salt, value)`` of all commitments of a take."""
        query = "SELECT commitment, salt, value FROM disclosure WHERE take = ? ORDER BY commitment"
        return [(row["commitment"], row["salt"], row["value"]) for row in self.rows(query, take)]

    # --- film ---

    def inits(self, take: str, camera: str) -> list[InitRow]:
        query = "SELECT * FROM init WHERE take = ? AND camera = ? ORDER BY k"
        return [build(InitRow, row, uploaded=bool(row["uploaded"])) for row in self.rows(query, take, camera)]

    def parts(self, take: str, camera: str) -> list[PartRow]:
        query = "SELECT * FROM part WHERE take = ? AND camera = ? ORDER BY n"
        return [build_part(row) for row in self.rows(query, take, camera)]

    def film_until(self, take: str) -> int | None:
        """Return the UTC ms of the end of the last part of any camera, None without film or ``film_from``."""
        query = (
            "SELECT max(take.started_ms + (camera.first_ns - take.started_ns) / 1000000"
            " + (part.start + part.duration) * 1000 / init.timescale) AS until"
            " FROM part JOIN take USING (take) JOIN camera USING (take, camera)"
            " JOIN init ON init.take = part.take AND init.camera = part.camera AND init.k = part.init"
            " WHERE part.take = ?"
        )
        until = self.rows(query, take)[0]["until"]
        return None if until is None else int(until)

    def part_heads(self, take: str) -> dict[str, tuple[int, str]]:
        """Return ``{camera: (count, chain head)}`` of the cameras that have parts."""
        query = (
            "SELECT camera, n + 1 AS count, chain FROM part AS p WHERE take = ? AND n = "
            "(SELECT max(n) FROM part WHERE take = p.take AND camera = p.camera)"
        )
        return {row["camera"]: (row["count"], row["chain"]) for row in self.rows(query, take)}

    def gaps(self, take: str) -> list[GapRow]:
        query = "SELECT camera, at_ms, duration_ms, reason FROM gap WHERE take = ? ORDER BY camera, at_ms"
        return [build(GapRow, row) for row in self.rows(query, take)]

    # --- journal ---

    def head(self, bench: str) -> Head:
        with self._lock:
            return journal_head(self._db, bench)

    def entries(self, bench: str, *, first: int, limit: int) -> list[dict[str, Any]]:
        """Return the statements of entries ``first`` and following, at most ``limit``."""
        query = "SELECT statement FROM journal WHERE bench = ? AND n >= ? ORDER BY n LIMIT ?"
        return [json.loads(row["statement"]) for row in self.rows(query, bench, first, limit)]


def json_text(value: Any) -> str:
    """Return a value as the ledger's columns hold it: canonical JSON.

    Raises:
        Malformed: it has none (a float, for instance), so it could not be signed either.
    """
    return canonical(value).decode()


def build_part(row: sqlite3.Row) -> PartRow:
    return build(PartRow, row, key=bool(row["key"]), uploaded=bool(row["uploaded"]))


def build_take(row: sqlite3.Row) -> TakeRow:
    return build(
        TakeRow,
        row,
        subject=json.loads(row["subject"]),
        clock=json.loads(row["clock"]),
        announced=bool(row["announced"]),
    )


def require_recording(db: sqlite3.Connection, take: str) -> sqlite3.Row:
    """Return the take's row, or raise :class:`TakeNotOpen` unless it is recording. Call inside a
    transaction.
    """
    row: sqlite3.Row | None = db.execute(
        "SELECT state, film_from_ms FROM take WHERE take = ?", (take,)
    ).fetchone()
    if row is None or row["state"] != "recording":
        raise TakeNotOpen(f"Take {take} is {'unknown' if row is None else row['state']}, not recording.")
    return row


def append_event(db: sqlite3.Connection, take: str, new: NewEvent, *, film_from_ms: int | None) -> int:
    """Append an event inside the caller's transaction; while ``film_from_ms`` is None it waits for its
    place.
    """
    last = db.execute("SELECT n, chain FROM event WHERE take = ? ORDER BY n DESC LIMIT 1", (take,)).fetchone()
    n = 0 if last is None else last["n"] + 1
    body = chain = None
    if film_from_ms is not None:
        event = _event_body(n, new.kind, new.utc_ms, film_from_ms, dict(new.data))
        body = json_text(event)
        chain = EventChain(take, count=n, head=ZERO if last is None else last["chain"]).append(event)
    text = json_text(dict(new.data))
    values = (take, n, new.kind, new.utc_ms, text, body, chain)
    db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    opened = [(take, *each) for each in new.disclosures]
    db.executemany("INSERT OR IGNORE INTO disclosure VALUES (?, ?, ?, ?)", opened)
    return n


def _event_body(n: int, kind: str, utc_ms: int, film_from_ms: int, data: dict[str, Any]) -> dict[str, Any]:
    """Return an event as evidence.md writes it."""
    return {"n": n, "kind": kind, "utc": rfc3339(utc_ms), "at_ms": utc_ms - film_from_ms, "data": data}


def journal_head(db: sqlite3.Connection, bench: str) -> Head:
    row = db.execute(
        "SELECT n, digest FROM journal WHERE bench = ? ORDER BY n DESC LIMIT 1", (bench,)
    ).fetchone()
    return NO_ENTRY if row is None else Head(row["n"], row["digest"])
