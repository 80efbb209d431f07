"""Salted commitments: a personal value can be shown and proved, or forgotten without breaking a proof."""

import secrets
from dataclasses import dataclass
from typing import Any, Self

from packwitness.evidence.canonical import decode_bytes, encode_bytes
from packwitness.evidence.chain import hash_fields, raw_digest
from packwitness.evidence.errors import Malformed

SALT_SIZE = 16
VALUE_LIMIT = 1_000
"""Longest committed value, in characters."""


def commit(value: str, salt: bytes) -> str:
    """Return the commitment to ``value`` under a salt of 16 random bytes."""
    if len(salt) != SALT_SIZE:
        raise Malformed(f"a commitment's salt has {SALT_SIZE} bytes")
    return hash_fields("packwitness/commitment/1", salt, value).hex()


@dataclass(frozen=True)
class Disclosure:
    """What opens a commitment. It travels beside a manifest, never in it."""

    commitment: str
    salt: bytes
    value: str

    @classmethod
    def make(cls, value: str) -> Self:
        """Commit to a value under a fresh random salt."""
        salt = secrets.token_bytes(SALT_SIZE)
        return cls(commit(value, salt), salt, value)

    def holds(self) -> bool:
        """Say whether value and salt give the commitment."""
        return commit(self.value, self.salt) == self.commitment

    def to_value(self) -> dict[str, str]:
        """Return the JSON object."""
        return {"commitment": self.commitment, "salt": encode_bytes(self.salt), "value": self.value}

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """Read the JSON object.

        Raises:
            Malformed: not a disclosure.
        """
        if not isinstance(value, dict) or set(value) != {"commitment", "salt", "value"}:
            raise Malformed("a disclosure is an object of 'commitment', 'salt' and 'value'")
        if not all(isinstance(text, str) and len(text) <= VALUE_LIMIT for text in value.values()):
            raise Malformed(f"a disclosure holds texts of at most {VALUE_LIMIT} characters")
        raw_digest(value["commitment"])
        salt = decode_bytes(value["salt"])
        if len(salt) != SALT_SIZE:
            raise Malformed(f"a disclosure's salt has {SALT_SIZE} bytes")
        return cls(value["commitment"], salt, value["value"])
