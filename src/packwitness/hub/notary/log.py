"""The log as rows: appended under a lock, its nodes stored so that a proof reads O(log n) of them."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from packwitness.evidence import log as merkle
from packwitness.evidence.keys import SigningKey
from packwitness.hub.notary import keys
from packwitness.hub.notary.models import Log, LogEntry, LogNode


class NotInTransaction(RuntimeError):
    """The log was appended to outside ``transaction.atomic()``: the entry could outlive its cause."""


def locked() -> Log:
    """Return the log's row, locked until the transaction ends; made on the first call."""
    if not transaction.get_connection().in_atomic_block:
        raise NotInTransaction("the log is changed in the transaction that needs it")
    found = Log.objects.select_for_update().filter(pk=Log.THE_ONE).first()
    if found is None:
        Log.objects.bulk_create(
            [Log(id=Log.THE_ONE, origin=_origin(), hub_key=keys.hub_key(known="").public.key_id)],
            ignore_conflicts=True,
        )
        found = Log.objects.select_for_update().get(pk=Log.THE_ONE)
    return found


def signer(log: Log) -> SigningKey:
    """Return the key that signs for the log."""
    return keys.hub_key(known=log.hub_key)


def append(log: Log, *, manifest: str, at: datetime) -> int:
    """Append a manifest's digest to the locked log; return its index. One that is there keeps its place."""
    known = LogEntry.objects.filter(manifest=manifest).first()
    if known is not None:
        return known.index
    index, frontier, leaf = log.size, split(bytes(log.frontier)), merkle.leaf_of(manifest)
    LogEntry.objects.create(index=index, manifest=manifest, at=at)
    LogNode.objects.bulk_create(
        [
            LogNode(level=level, index=place, hash=value)
            for level, place, value in merkle.completed_nodes(frontier, index, leaf)
        ]
    )
    log.frontier = b"".join(merkle.append(frontier, index, leaf))
    log.size = index + 1
    log.save(update_fields=["frontier", "size"])
    return index


def split(frontier: bytes) -> list[bytes]:
    """Return the nodes of a stored frontier."""
    return [frontier[at : at + 32] for at in range(0, len(frontier), 32)]


def inclusion_proof(index: int, size: int) -> list[bytes]:
    """Return the audit path of a leaf in the first ``size`` leaves."""
    return _prove(lambda node: merkle.inclusion_proof(node, index, size))


def consistency_proof(old: int, size: int) -> list[bytes]:
    """Return the proof that the first ``size`` leaves begin with the first ``old``."""
    return _prove(lambda node: merkle.consistency_proof(node, old, size))


def _prove(proof: Callable[[merkle.NodeReader], list[bytes]]) -> list[bytes]:
    """Run a proof twice: first to learn which nodes it reads, then with those, fetched in one query."""
    wanted = Q(pk__in=())

    def note(level: int, place: int) -> bytes:
        nonlocal wanted
        wanted |= Q(level=level, index=place)
        return bytes(32)

    proof(note)
    found = {(node.level, node.index): bytes(node.hash) for node in LogNode.objects.filter(wanted)}
    return proof(lambda level, place: found[level, place])


def _origin() -> str:
    return f"{urlsplit(settings.BASE_URL).netloc}/log"
