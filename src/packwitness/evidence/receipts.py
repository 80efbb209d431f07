"""The hub's receipt: only this lets a station delete."""

from datetime import datetime
from typing import Any, Final, Literal

from packwitness.evidence.manifest import OrganisationRef
from packwitness.evidence.record import Count, Digest, Identifier, Record, Text, Time

TYPE: Final = "packwitness/receipt/1"


class LogPosition(Record):
    """Where the manifest's digest lies in the hub's log."""

    origin: Text
    index: Count


class Receipt(Record):
    """The payload ``packwitness/receipt/1``; ``manifest`` is the manifest statement's digest."""

    type: Literal["packwitness/receipt/1"] = TYPE
    take: Identifier
    organisation: OrganisationRef
    manifest: Digest
    received_at: Time
    log: LogPosition


def receipt(
    *, take: str, organisation: str, manifest: str, received_at: datetime, origin: str, index: int
) -> dict[str, Any]:
    """Return a receipt's payload, to be signed by the hub's key once every part of the take is durable.

    Raises:
        Malformed: a field cannot stand in a receipt.
    """
    fields = {
        "take": take,
        "organisation": {"id": organisation},
        "manifest": manifest,
        "received_at": received_at,
        "log": {"origin": origin, "index": index},
    }
    return Receipt.from_payload(fields).payload()
