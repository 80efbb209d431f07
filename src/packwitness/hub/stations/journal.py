"""Keeping a bench's journal.

Invariant: the stored journal has no hole and no second version of an entry: entry n is stored only after n −
1, names its digest and is signed by the station's key.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from packwitness.evidence.chain import ZERO
from packwitness.evidence.errors import EvidenceError
from packwitness.evidence.journal import Entry
from packwitness.evidence.keys import PublicKey
from packwitness.evidence.statements import Statement
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope
from packwitness.hub.stations.models import Bench, JournalEntry, Station


class EntryInvalid(Exception):
    """An entry is none of this bench's, or not signed by its station; the text says which and why."""


class JournalFork(Exception):
    """An entry differs from the one stored under its number: the bench tells two stories."""


@transaction.atomic
def store_journal(
    *, scope: Scope, station: Station, bench_id: str, entries: Sequence[dict[str, Any]], at: datetime
) -> int:
    """Store consecutive entries of a bench; return the number of the entry wanted next.

    Entries stored already are compared and passed over; entries beyond the next one wanted are not taken.

    Raises:
        Http404: the bench is not this station's.
        EntryInvalid: an entry cannot be believed; nothing of the batch is stored.
        JournalFork: an entry contradicts the stored journal; nothing of the batch is stored.
    """
    locked = access.rows(Bench, scope).select_for_update()
    bench = locked.filter(pk=bench_id, station=station).first() or access.one(Bench, scope, pk="")
    read = [_read(value, bench_id, PublicKey(bytes(station.public_key))) for value in entries]
    numbers = [entry.n for _, entry in read]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise EntryInvalid("The entries are not consecutive.")
    known = _digests(bench, numbers[0] - 1, numbers[-1])
    new = []
    for statement, entry in read:
        if entry.n > bench.journal_next:
            break
        if known.get(entry.n - 1, ZERO) != entry.previous:
            raise JournalFork(
                f"Entry {entry.n} does not follow from entry {entry.n - 1} as it is stored here."
            )
        if entry.n < bench.journal_next:
            if known[entry.n] != statement.digest:
                raise JournalFork(f"Entry {entry.n} differs from the one stored here.")
            continue
        known[entry.n] = statement.digest
        new.append(_row(bench, statement, entry, at))
        bench.journal_next += 1
    JournalEntry.objects.bulk_create(new)
    bench.save(update_fields=["journal_next"])
    return bench.journal_next


def _read(value: dict[str, Any], bench_id: str, key: PublicKey) -> tuple[Statement, Entry]:
    try:
        statement = Statement.from_value(value)
        entry = Entry.model_validate(statement.payload)
    except (EvidenceError, ValidationError) as error:
        raise EntryInvalid(f"This is no journal entry: {str(error)[:300]}") from error
    if entry.bench != bench_id:
        raise EntryInvalid(f"Entry {entry.n} is of another bench.")
    if not statement.verified_by(key):
        raise EntryInvalid(f"Entry {entry.n} is not signed by this station's key.")
    return statement, entry


def _digests(bench: Bench, first: int, last: int) -> dict[int, str]:
    """The digests of the stored entries from ``first`` to ``last``."""
    stored = JournalEntry.objects.filter(bench=bench, n__gte=first, n__lte=last)
    return dict(stored.values_list("n", "digest"))


def _row(bench: Bench, statement: Statement, entry: Entry, at: datetime) -> JournalEntry:
    take = f"{bench.id}-{entry.n}" if entry.kind == "start" else entry.data.get("take", "")
    return JournalEntry(
        organisation_id=bench.organisation_id,
        created_at=at,
        bench=bench,
        n=entry.n,
        digest=statement.digest,
        kind=entry.kind,
        take=take if isinstance(take, str) else "",
        utc=str(statement.payload["utc"]),
        statement=statement.to_value(),
    )
