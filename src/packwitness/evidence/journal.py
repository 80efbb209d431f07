"""A bench's journal: numbered, chained, signed entries, and the check that none is missing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from packwitness.evidence.chain import ZERO
from packwitness.evidence.errors import Malformed
from packwitness.evidence.findings import Finding
from packwitness.evidence.record import Count, Digest, Identifier, Record, Time
from packwitness.evidence.statements import Statement

TYPE: Final = "packwitness/journal-entry/1"

EntryKind = Literal["boot", "start", "checkpoint", "seal", "refusal", "discard", "key"]


class Entry(Record):
    """The payload ``packwitness/journal-entry/1``; ``previous`` is 64 zeros for entry 1."""

    type: Literal["packwitness/journal-entry/1"] = TYPE
    bench: Identifier
    n: Annotated[Count, Field(ge=1)]
    previous: Digest
    utc: Time
    kind: EntryKind
    data: dict[str, Any]


def entry(
    *, bench: str, n: int, previous: str = ZERO, utc: datetime, kind: EntryKind, data: dict[str, Any]
) -> dict[str, Any]:
    """Return an entry's payload, to be signed by the station's key.

    Args:
        bench: the bench whose journal it is.
        n: the entry's number, from 1.
        previous: the digest of entry n−1's statement.
        utc: the station's time, with a zone.
        kind: what happened.
        data: as the page's table says for ``kind``; integers, text, booleans, null, lists and objects only.

    Raises:
        Malformed: one of them cannot stand in an entry.
    """
    fields = {"bench": bench, "n": n, "previous": previous, "utc": utc, "kind": kind, "data": data}
    return Entry.from_payload(fields).payload()


def take_id(bench: str, n: int) -> str:
    """Return the id of the take that the start entry ``n`` of this bench began."""
    return f"{bench}-{n}"


def check_sequence(
    statements: Iterable[Statement], *, bench: str, key: str, after: int = 0, previous: str = ZERO
) -> list[Finding]:
    """Check that entries follow each other without a gap, from entry ``after`` + 1 on, and are signed.

    A ``key`` entry is signed by the old key and names the one that signs from then on; whether the
    organisation certified that one is the caller's to check.

    Args:
        statements: the entries in their order.
        bench: whose journal it is.
        key: the id of the key that signs the first of them.
        after: the number of the entry before them; 0: they begin the journal.
        previous: that entry's digest.

    Returns:
        What is wrong with the first entry that does not fit; nothing if all do.
    """
    for number, statement in enumerate(statements, after + 1):
        try:
            found = Entry.from_payload(dict(statement.payload))
        except Malformed as error:
            return [Finding("journal_mismatch", detail=f"entry {number}: {error}")]
        complaints = {
            f"it belongs to bench {found.bench}": found.bench == bench,
            f"it is numbered {found.n}": found.n == number,
            "it does not follow the entry before it": found.previous == previous,
            "it is not signed by the station's key": statement.signer(key) is not None,
        }
        wrong = [complaint for complaint, holds in complaints.items() if not holds]
        if wrong:
            return [Finding("journal_mismatch", detail=f"entry {number}: {wrong[0]}")]
        previous = statement.digest
        if found.kind == "key":
            key = str(found.data.get("key"))
    return []
