"""A bench's journal: numbered, chained, signed entries, and the check that none is missing."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from packwitness.evidence.chain import ZERO
from packwitness.evidence.record import Count, Digest, Identifier, Record, Time

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
    """
    return Entry(bench=bench, n=n, previous=previous, utc=utc, kind=kind, data=data).payload()


def take_id(bench: str, n: int) -> str:
    """Return the id of the take that the start entry ``n`` of this bench began."""
    return f"{bench}-{n}"
