"""What a store of objects has to do, whatever it is made of.

VaultError
├── VaultMissing     no object of that name
├── VaultConflict    the name is taken by other bytes: objects are never overwritten
├── DigestMismatch   the bytes that arrived are not those announced: send them again
├── BadKey           the name is not one that every store can hold
├── VaultAway        the store does not answer or is in trouble: the same call may succeed later
└── VaultRefused     the store says no to us (credentials, bucket, rights): the operator has to look
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, Protocol

KEY_LIMIT: Final = 500
"""Longest key in characters."""
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)


class VaultError(Exception):
    """Base of what a vault raises on purpose; ``retry`` says whether the same call can succeed later."""

    retry = False


class VaultMissing(VaultError):
    """There is no object of this name."""


class VaultConflict(VaultError):
    """The name holds other bytes; they were kept and the new ones refused."""


class DigestMismatch(VaultError):
    """The bytes do not have the announced SHA-256; nothing was stored."""

    retry = True


class BadKey(VaultError, ValueError):
    """Keys are segments of letters, digits and ``._-`` joined by ``/``; none begins with a dot."""


class VaultAway(VaultError):
    """The store was not reached, or said that it is in trouble; nothing is known of what was asked."""

    retry = True


class VaultRefused(VaultError):
    """The store does not let us; the text says what to look at. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object in a listing; ``size`` in bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave to PUT one object, of one size and digest, once and soon; ``headers`` are sent as they are."""

    url: str
    headers: dict[str, str]


class Vault(Protocol):
    """Immutable objects under path-like keys. Safe to use from several threads and processes."""

    def put(self, key: str, data: bytes | BinaryIO, *, sha256: bytes) -> None:
        """Store the bytes durably: on return they survive a power loss. The same bytes again are fine.

        Raises:
            DigestMismatch: the bytes are not those of ``sha256`` (32 raw bytes).
            VaultConflict: the key holds other bytes.
            BadKey: see there.
        """

    def open(self, key: str, *, start: int = 0) -> BinaryIO:
        """Return a seekable stream of the object's bytes, standing at byte ``start``; the caller closes it.

        Raises:
            VaultMissing: there is no such object.
        """

    def size(self, key: str) -> int:
        """Return the object's size in bytes.

        Raises:
            VaultMissing: there is no such object.
        """

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects whose keys begin with ``prefix``; those of one folder by their names.

        In which order folders come is the store's to say: not every S3 store sorts whole keys.
        """

    def holds(self, key: str, *, size: int, sha256: bytes) -> bool:
        """Say whether the object is there, durable, with this size in bytes and this digest."""

    def ticket(self, key: str, *, size: int, sha256: bytes, seconds: int) -> Ticket | None:
        """Return leave for somebody else to put the object; None where only the hub reaches the store.

        The store itself refuses other bytes, another length, another key, a second put and a late one.
        """

    def delete(self, *keys: str) -> None:
        """Remove the objects; a missing one is fine."""

    def sweep(self, *, before: datetime, ours: Callable[[str], bool]) -> int:
        """Remove what writes begun before then left unfinished; return how many.

        ``ours`` says of a key whether it can be one of our names: a bucket may be other programs' too.
        """


def check_key(key: str) -> None:
    """Refuse a key that could leave its store or that some store could not hold.

    Raises:
        BadKey: it is not a valid key.
    """
    if len(key) > KEY_LIMIT or not all(map(_SEGMENT.fullmatch, key.split("/"))):
        raise BadKey(f"not a key for the vault: {key[:80]!r}")


def check_prefix(prefix: str) -> None:
    """Refuse a listing's prefix that no key can begin with; the empty one lists everything.

    Raises:
        BadKey: it begins no valid key.
    """
    if prefix:
        check_key(prefix + "x" if prefix.endswith("/") else prefix)
