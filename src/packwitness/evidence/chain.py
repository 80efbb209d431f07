"""The hash over several fields, and the chains that bind parts and events to their order.

Digests go in and come out as 64 lower-case hex digits.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from packwitness.evidence.canonical import canonical
from packwitness.evidence.errors import Malformed

ZERO = "0" * 64
"""The head of a chain that has no link yet."""

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def hash_fields(domain: str, *fields: bytes | str | int) -> bytes:
    """Return ``H(domain, fields…)``: SHA-256 over each as 4-byte big-endian length and bytes.

    Text goes in as UTF-8, integers as 8 bytes big-endian, digests as their 32 raw bytes.
    """
    digest = hashlib.sha256()
    for field in (domain, *fields):
        if isinstance(field, str):
            field = field.encode("utf-8")
        elif isinstance(field, int):
            field = field.to_bytes(8, "big")
        digest.update(len(field).to_bytes(4, "big"))
        digest.update(field)
    return digest.digest()


def raw_digest(text: str) -> bytes:
    """Return the 32 bytes of 64 lower-case hex digits.

    Raises:
        Malformed: another form.
    """
    if not _DIGEST.fullmatch(text):
        raise Malformed(f"a digest is 64 lower-case hex digits, not {text[:70]!r}")
    return bytes.fromhex(text)


class PartChain:
    """One camera's parts in their order. Give ``count`` and ``head`` to go on where a ledger stopped."""

    def __init__(self, take: str, camera: str, *, count: int = 0, head: str = ZERO) -> None:
        self.take = take
        self.camera = camera
        self.count = count
        self.head = head

    def append(self, init_sha256: str, part_sha256: str) -> str:
        """Link the next part, named with the init it is decoded with; return the new head."""
        self.head = hash_fields(
            "packwitness/part-chain/1",
            self.take,
            self.camera,
            self.count,
            raw_digest(self.head),
            raw_digest(init_sha256),
            raw_digest(part_sha256),
        ).hex()
        self.count += 1
        return self.head


class EventChain:
    """A take's events in their order. Give ``count`` and ``head`` to go on where a ledger stopped."""

    def __init__(self, take: str, *, count: int = 0, head: str = ZERO) -> None:
        self.take = take
        self.count = count
        self.head = head

    def append(self, event: Mapping[str, Any]) -> str:
        """Link the next event, given as its JSON object; return the new head."""
        body = hashlib.sha256(canonical(dict(event))).digest()
        self.head = hash_fields(
            "packwitness/event-chain/1", self.take, self.count, raw_digest(self.head), body
        ).hex()
        self.count += 1
        return self.head
