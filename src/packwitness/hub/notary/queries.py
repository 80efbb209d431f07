"""What the notary can show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packwitness.evidence.checkpoints import LogProof
from packwitness.evidence.statements import Statement
from packwitness.hub.notary import log
from packwitness.hub.notary.models import Certificate, Checkpoint, Log, LogEntry, StampState, TimeStamp


@dataclass(frozen=True)
class TimeToken:
    """An authority's token over a checkpoint, with the certificates that came with it (PEM)."""

    token: bytes
    chain: bytes


def certificates(
    *, organisation_id: str, station_certificate: Mapping[str, Any] | None = None
) -> list[Statement]:
    """Return the organisation's certificate and the hub's, and first the station's if its JSON form is
    given.
    """
    rows = Certificate.objects.filter(
        organisation_id=organisation_id, subject_kind__in=("organisation", "hub")
    ).order_by("subject_kind")
    own = [Statement.from_value(row.statement) for row in rows]
    return [Statement.from_value(station_certificate), *own] if station_certificate else own


def organisation_fingerprint(*, organisation_id: str) -> str:
    """Return the organisation's key id, which it should publish; empty until its first station is
    enrolled.
    """
    root = Certificate.objects.filter(organisation_id=organisation_id, subject_kind="organisation").first()
    return root.key_id if root else ""


def hub_key_id() -> str:
    """Return the id of the key that signs receipts; empty until the first station is enrolled."""
    found = Log.objects.filter(pk=Log.THE_ONE).first()
    return found.hub_key if found else ""


def log_proof(*, manifest_digest: str) -> dict[str, Any] | None:
    """Return ``log.json`` for a manifest; None until a checkpoint that covers it is signed."""
    entry = LogEntry.objects.filter(manifest=manifest_digest).first()
    checkpoint = _covering(entry)
    if entry is None or checkpoint is None:
        return None
    path = log.inclusion_proof(entry.index, checkpoint.size)
    return LogProof(
        index=entry.index,
        size=checkpoint.size,
        proof=[one.hex() for one in path],
        checkpoint=checkpoint.note,
    ).payload()


def time_tokens(*, manifest_digest: str) -> list[TimeToken]:
    """Return the time stamps over the checkpoint that ``log_proof`` gives for this manifest."""
    checkpoint = _covering(LogEntry.objects.filter(manifest=manifest_digest).first())
    stamps = checkpoint.stamps.filter(state=StampState.STAMPED).order_by("pk") if checkpoint else ()
    return [TimeToken(bytes(stamp.token), stamp.chain.encode()) for stamp in stamps]


def checkpoint() -> str:
    """Return the newest checkpoint's note; empty if the log is."""
    newest = Checkpoint.objects.order_by("-size").first()
    return newest.note if newest else ""


def consistency_proof(*, old: int, size: int) -> list[str]:
    """Return the proof, in hex, that the log at ``size`` begins with the log at ``old``.

    Raises:
        ValueError: the log has not that size, or was never smaller.
    """
    known = Log.objects.filter(pk=Log.THE_ONE).first()
    if size > (known.size if known else 0):
        raise ValueError(f"the log has fewer than {size} entries")
    return [one.hex() for one in log.consistency_proof(old, size)]


def unfinished_stamps() -> list[TimeStamp]:
    """Return the time stamps that an authority still owes, the longest waiting first."""
    rows = TimeStamp.objects.exclude(state=StampState.STAMPED).select_related("checkpoint")
    return list(rows.order_by("checkpoint_id")[:100])


def _covering(entry: LogEntry | None) -> Checkpoint | None:
    """Return the first time-stamped checkpoint that covers the entry, else the first one at all."""
    if entry is None:
        return None
    covering = Checkpoint.objects.filter(size__gt=entry.index).order_by("size")
    return covering.filter(stamps__state=StampState.STAMPED).first() or covering.first()
