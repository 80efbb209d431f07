"""What still has to go up, in which order, and what the hub has answered: the ledger as the uploader sees
it.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from packwitness.station.spool.ledger import TAKE_COLUMNS, UNSENT, Ledger, build_part, build_take, json_text
from packwitness.station.spool.rows import InitRow, PartRow, TakeRow, build

RUNNING = "state = 'recording'"


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the hub of a take."""

    take: TakeRow


@dataclass(frozen=True, slots=True)
class SendInit:
    take: TakeRow
    row: InitRow


@dataclass(frozen=True, slots=True)
class SendPart:
    take: TakeRow
    row: PartRow


@dataclass(frozen=True, slots=True)
class SendManifest:
    take: TakeRow


Job = Announce | SendInit | SendPart | SendManifest


def job_key(job: Job) -> tuple[object, ...]:
    """Return what makes a job itself: while one is under way, the same is not begun again."""
    match job:
        case SendInit() | SendPart():
            n = job.row.k if isinstance(job.row, InitRow) else job.row.n
            return (type(job).__name__, job.take.take, job.row.camera, n)
        case _:
            return (type(job).__name__, job.take.take)


class Outgoing:
    """The uploads of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def newest(self, bench: str, *, limit: int, without: Collection[str] = ()) -> list[TakeRow]:
        """Return up to ``limit`` takes of a bench that have something to send: running ones first, then
        newest first.
        """
        running = self._unsent(f"bench = ? AND {RUNNING}", "n", [bench], without, limit)
        left = limit - len(running)
        if not left:
            return running
        known = {*without, *(row.take for row in running)}
        return running + self._unsent(f"bench = ? AND {UNSENT}", "started_ms DESC", [bench], known, left)

    def oldest(self, *, limit: int, without: Collection[str] = ()) -> list[TakeRow]:
        """Return up to ``limit`` takes that have waited longest to be sent."""
        return self._unsent(UNSENT, "started_ms", [], without, limit)

    def _unsent(
        self, where: str, order: str, values: list[str], without: Collection[str], limit: int
    ) -> list[TakeRow]:
        """Return takes that have something to send; not one that needs a person, nor one of which not even
        the film's beginning is known.

        This is asked for each part that is sent. An index gives each query its order, so that it costs by
        ``limit``, however long the backlog is.
        """
        query = (
            f"SELECT {TAKE_COLUMNS} FROM take WHERE {where}"  # noqa: S608 - constant names, states and order
            " AND trouble IS NULL AND film_from_ms IS NOT NULL"
            f" AND take NOT IN (SELECT value FROM json_each(?)) ORDER BY {order} LIMIT ?"
        )
        rows = self.ledger.rows(query, *values, json.dumps(sorted(without)), limit)
        return [build_take(row) for row in rows]

    def jobs(self, take: TakeRow, *, limit: int) -> Iterator[Job]:
        """Yield a take's next jobs in the order the protocol wants, at most ``limit``.

        Announcing comes alone. An init goes before the parts that need it; the manifest when nothing else
        is left.
        """
        if not take.announced:
            yield Announce(take)
            return
        inits = self.ledger.rows(
            "SELECT * FROM init WHERE take = ? AND uploaded = 0 AND EXISTS (SELECT 1 FROM part"
            " WHERE part.take = init.take AND part.camera = init.camera AND part.init = init.k)"
            " ORDER BY camera, k LIMIT ?",
            take.take,
            limit,
        )
        for row in inits:
            yield SendInit(take, build(InitRow, row, uploaded=False))
        if inits:
            return
        parts = self.ledger.rows(
            "SELECT * FROM part WHERE take = ? AND uploaded = 0 ORDER BY n, camera LIMIT ?", take.take, limit
        )
        for row in parts:
            yield SendPart(take, build_part(row))
        if not parts and take.state == "sealed":
            yield SendManifest(take)

    def pending_parts(self, bench: str) -> int:
        """Return how many parts of a bench the hub does not have yet."""
        # From its unsent takes to their unsent parts, each by an index: after days without a hub there are
        # hundreds of thousands, and the screen asks again and again.
        query = (
            f"SELECT count(*) AS n FROM take CROSS JOIN part ON part.take = take.take"  # noqa: S608 - constant states
            f" WHERE take.bench = ? AND {UNSENT} AND part.uploaded = 0"
        )
        return int(self.ledger.rows(query, bench)[0]["n"])

    def parts_left(self, take: str) -> int:
        return int(
            self.ledger.rows("SELECT count(*) AS n FROM part WHERE uploaded = 0 AND take = ?", take)[0]["n"]
        )

    def last_finished(self, bench: str, *, limit: int) -> list[TakeRow]:
        """Return a bench's takes that have ended, newest first."""
        found = self.ledger.rows(
            "SELECT take FROM take WHERE bench = ? AND state != 'recording' ORDER BY n DESC LIMIT ?",
            bench,
            limit,
        )
        rows = [self.ledger.take(row["take"]) for row in found]
        return [row for row in rows if row is not None]

    def counts(self, bench: str) -> dict[str, int]:
        """Return how many takes of a bench are in which state."""
        query = "SELECT state, count(*) AS n FROM take WHERE bench = ? GROUP BY state ORDER BY state"
        return {row["state"]: int(row["n"]) for row in self.ledger.rows(query, bench)}

    def troubles(self) -> list[tuple[str, str]]:
        """Return what waits for a person: a take or a bench's journal, and why."""
        query = (
            "SELECT take AS name, trouble AS why FROM take WHERE trouble IS NOT NULL UNION ALL"
            " SELECT replace(key, 'journal_trouble:', 'journal of '), value FROM meta"
            " WHERE key LIKE 'journal_trouble:%'"
        )
        return [(row["name"], row["why"]) for row in self.ledger.rows(query)]

    def has_trouble(self) -> bool:
        """Say whether anything waits for a person."""
        return bool(self.troubles())

    # --- the hub's answers ---

    def announced(self, take: str, *, known: bool = True) -> None:
        """The hub knows the take; with ``known=False`` it turned out not to, so all is sent again."""
        with self.ledger.transaction() as db:
            db.execute("UPDATE take SET announced = ? WHERE take = ?", (known, take))
            if not known:
                db.execute("UPDATE init SET uploaded = 0 WHERE take = ?", (take,))
                db.execute("UPDATE part SET uploaded = 0 WHERE take = ?", (take,))

    def init_sent(self, row: InitRow) -> None:
        with self.ledger.transaction() as db:
            db.execute(
                "UPDATE init SET uploaded = 1 WHERE take = ? AND camera = ? AND k = ? AND sha256 = ?",
                (row.take, row.camera, row.k, row.sha256),
            )

    def parts_sent(self, rows: Sequence[PartRow]) -> None:
        with self.ledger.transaction() as db:
            db.executemany(
                "UPDATE part SET uploaded = 1 WHERE take = ? AND camera = ? AND n = ?",
                [(row.take, row.camera, row.n) for row in rows],
            )

    def missing(
        self, take: str, *, inits: Sequence[tuple[str, int]], parts: Sequence[tuple[str, int]]
    ) -> int:
        """Mark what the hub lacks for sending again; return how many of them this station has."""
        with self.ledger.transaction() as db:
            changed = 0
            for camera, k in inits:
                changed += db.execute(
                    "UPDATE init SET uploaded = 0 WHERE take = ? AND camera = ? AND k = ?", (take, camera, k)
                ).rowcount
            for camera, n in parts:
                changed += db.execute(
                    "UPDATE part SET uploaded = 0 WHERE take = ? AND camera = ? AND n = ?", (take, camera, n)
                ).rowcount
            return changed

    def receipted(self, take: str, *, receipt: dict[str, Any], utc_ms: int) -> None:
        """Store the receipt, whose signature and digest the caller has checked."""
        with self.ledger.transaction() as db:
            db.execute(
                "UPDATE take SET state = 'receipted', receipted_ms = ? WHERE take = ? AND state = 'sealed'",
                (utc_ms, take),
            )
            db.execute("UPDATE proof SET receipt = ? WHERE take = ?", (json_text(receipt), take))

    def manifest(self, take: str) -> dict[str, Any]:
        """Return a sealed take's manifest statement."""
        statement: dict[str, Any] = json.loads(
            self.ledger.rows("SELECT manifest FROM proof WHERE take = ?", take)[0]["manifest"]
        )
        return statement

    def start_entry(self, take: TakeRow) -> dict[str, Any]:
        """Return the signed journal entry that began a take."""
        return self.ledger.entries(take.bench, first=take.n, limit=1)[0]

    def trouble(self, take: str, reason: str) -> None:
        """Set a take aside for a person; everything of it is kept."""
        with self.ledger.transaction() as db:
            db.execute("UPDATE take SET trouble = ? WHERE take = ?", (reason, take))

    def retry(self) -> int:
        """Take up again all that was set aside, and return how many takes that are."""
        with self.ledger.transaction() as db:
            db.execute("DELETE FROM meta WHERE key LIKE 'journal_trouble:%'")
            return db.execute("UPDATE take SET trouble = NULL WHERE trouble IS NOT NULL").rowcount

    # --- the journal ---

    def journal_next(self, bench: str) -> int:
        """Return the number of the first entry that the hub does not have."""
        found = self.ledger.rows("SELECT next FROM journal_sent WHERE bench = ?", bench)
        return int(found[0]["next"]) if found else 1

    def journal_sent(self, bench: str, *, wanted: int) -> None:
        """The hub wants entry ``wanted`` next."""
        with self.ledger.transaction() as db:
            db.execute("INSERT OR REPLACE INTO journal_sent VALUES (?, ?)", (bench, wanted))

    def journal_trouble(self, bench: str) -> str | None:
        return self.ledger.meta(f"journal_trouble:{bench}")

    def set_journal_trouble(self, bench: str, reason: str) -> None:
        self.ledger.set_meta(f"journal_trouble:{bench}", reason)
