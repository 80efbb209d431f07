"""A bench's journal: signed entries, numbered without a gap, each naming the one before.

An entry is numbered, chained, signed and committed inside one transaction, so that whatever stops the
program leaves a whole journal behind.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packwitness.evidence.chain import ZERO
from packwitness.evidence.commitments import Disclosure
from packwitness.evidence.journal import EntryKind, entry, take_id
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.statements import Statement, sign
from packwitness.station.spool.ledger import Ledger, journal_head, json_text, require_recording
from packwitness.station.spool.moments import from_ms
from packwitness.station.spool.rows import Head


@dataclass(frozen=True, slots=True)
class TakeStart:
    """What a take begins with. ``code`` is the parcel's key in the clear, ``cameras`` their ids and names.

    ``started_ms`` (UTC) and ``started_ns`` (monotonic) are the same moment: that of the code that started
    the take.
    """

    bench: str
    kind: str
    code: str
    code_kind: str
    logic: str
    logic_version: str
    cameras: tuple[tuple[str, str], ...]
    started_ms: int
    started_ns: int
    pre_roll_ms: int
    clock: Mapping[str, Any]


class Journal:
    """Appends to the journals of all benches of a station, signing with the station's key."""

    def __init__(self, ledger: Ledger, key: SigningKey) -> None:
        self._ledger = ledger
        self._key = key

    @property
    def key_id(self) -> str:
        return self._key.public.key_id

    def boot(self, *, bench: str, software: str, boot: str, utc_ms: int) -> Head:
        """Say that the station started; ``boot`` is this run's random name."""
        return self._append(bench, "boot", {"software": software, "boot": boot, "key": self.key_id}, utc_ms)

    def start_take(self, start: TakeStart, *, utc_ms: int) -> str:
        """Append the start entry and open the take in one transaction; return the take's id (R1)."""
        subject = Disclosure.make(start.code)
        committed = {"kind": start.code_kind, "commitment": subject.commitment}
        with self._ledger.transaction() as db:
            n = journal_head(db, start.bench).n + 1
            take = take_id(start.bench, n)
            data = {
                "take": take,
                "subject": committed,
                "workflow": {"logic": start.logic, "version": start.logic_version},
                "cameras": [camera for camera, _ in start.cameras],
            }
            self.append_in(db, start.bench, "start", data, utc_ms)
            _insert_take(db, take, n, start, subject, committed)
        return take

    def checkpoint(self, *, take: str, utc_ms: int) -> None:
        """Sign the take's chain heads as they are now, so that a take cut by power loss proves all up to
        here.

        Raises:
            TakeNotOpen: it is not recording.
        """
        with self._ledger.transaction() as db:
            require_recording(db, take)
            heads = self._ledger.part_heads(take)
            last = db.execute(
                "SELECT n, chain FROM event WHERE take = ? AND chain IS NOT NULL ORDER BY n DESC LIMIT 1",
                (take,),
            ).fetchone()
            bench = db.execute("SELECT bench FROM take WHERE take = ?", (take,)).fetchone()["bench"]
            data = {
                "take": take,
                "cameras": {
                    camera: {"parts": count, "chain": chain} for camera, (count, chain) in heads.items()
                },
                "events": {"count": last["n"] + 1 if last else 0, "chain": last["chain"] if last else ZERO},
            }
            self.append_in(db, bench, "checkpoint", data, utc_ms)

    def refusal(self, *, bench: str, reason: str, code: str, code_kind: str, utc_ms: int) -> Head:
        """Say that a start was refused; the code goes in as a commitment that nobody can open, or not at
        all.
        """
        subject = {"kind": code_kind, "commitment": Disclosure.make(code).commitment} if code else None
        return self._append(bench, "refusal", {"reason": reason, "subject": subject}, utc_ms)

    def discard(self, *, take: str, bench: str, reason: str, utc_ms: int) -> Head:
        """Say that a take was given up by the packer; it is sealed and kept like any other."""
        return self._append(bench, "discard", {"take": take, "reason": reason}, utc_ms)

    def _append(self, bench: str, kind: EntryKind, data: dict[str, Any], utc_ms: int) -> Head:
        with self._ledger.transaction() as db:
            return self.append_in(db, bench, kind, data, utc_ms)

    def append_in(
        self, db: sqlite3.Connection, bench: str, kind: EntryKind, data: dict[str, Any], utc_ms: int
    ) -> Head:
        """Append an entry inside the caller's transaction and return the new head."""
        head = journal_head(db, bench)
        payload = entry(
            bench=bench, n=head.n + 1, previous=head.digest, utc=from_ms(utc_ms), kind=kind, data=data
        )
        statement = self.sign(payload)
        values = (bench, head.n + 1, statement.digest, kind, json_text(statement.to_value()))
        db.execute("INSERT INTO journal VALUES (?, ?, ?, ?, ?)", values)
        return Head(head.n + 1, statement.digest)

    def sign(self, payload: Mapping[str, Any]) -> Statement:
        """Sign a payload with the station's key."""
        return sign(payload, self._key)


def _insert_take(
    db: sqlite3.Connection,
    take: str,
    n: int,
    start: TakeStart,
    subject: Disclosure,
    committed: dict[str, str],
) -> None:
    columns = {
        "take": take,
        "bench": start.bench,
        "n": n,
        "state": "recording",
        "kind": start.kind,
        "code": start.code,
        "code_kind": start.code_kind,
        "subject": json_text(committed),
        "logic": start.logic,
        "logic_version": start.logic_version,
        "started_ms": start.started_ms,
        "started_ns": start.started_ns,
        "pre_roll_ms": start.pre_roll_ms,
        "clock": json_text(dict(start.clock)),
    }
    marks = ", ".join("?" * len(columns))
    query = f"INSERT INTO take ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - the names just above
    db.execute(query, tuple(columns.values()))
    db.executemany(
        "INSERT INTO camera (take, camera, position, name) VALUES (?, ?, ?, ?)",
        [(take, camera, position, name) for position, (camera, name) in enumerate(start.cameras)],
    )
    opened = subject.to_value()
    db.execute(
        "INSERT INTO disclosure VALUES (?, ?, ?, ?)",
        (take, opened["commitment"], opened["salt"], opened["value"]),
    )
