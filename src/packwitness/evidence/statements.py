"""Signed statements: a payload in canonical form and signatures over it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from packwitness.evidence.canonical import JSON_LIMIT, canonical, decode_bytes, encode_bytes, parse
from packwitness.evidence.errors import Malformed
from packwitness.evidence.keys import PublicKey, SigningKey

DOMAIN = b"packwitness/statement/1\x00"
SIGNATURE_LIMIT = 16
"""Most signatures on one statement."""


@dataclass(frozen=True)
class Signature:
    """One key's signature, 64 bytes. The public key travels along, so that a statement needs nothing else."""

    public: PublicKey
    value: bytes

    @property
    def key(self) -> str:
        """The key's id."""
        return self.public.key_id

    def to_value(self) -> dict[str, str]:
        """Return the JSON object."""
        return {
            "alg": "Ed25519",
            "key": self.key,
            "public": self.public.text,
            "value": encode_bytes(self.value),
        }


@dataclass(frozen=True)
class Statement:
    """A payload and its signatures. Treat the payload as read-only: its canonical form is computed once."""

    payload: Mapping[str, Any]
    signatures: tuple[Signature, ...]

    @cached_property
    def canonical(self) -> bytes:
        """The RFC 8785 form of the payload."""
        return canonical(dict(self.payload))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical payload, 64 hex digits: it names the content, whoever signed it."""
        return hashlib.sha256(self.canonical).hexdigest()

    @property
    def type(self) -> str:
        """The payload's ``type``, or an empty text."""
        value = self.payload.get("type")
        return value if isinstance(value, str) else ""

    def verified_by(self, public: PublicKey) -> bool:
        """Say whether one of the signatures is this key's and holds."""
        message = DOMAIN + self.canonical
        return any(one.public == public and public.verify(one.value, message) for one in self.signatures)

    def signer(self, key: str) -> PublicKey | None:
        """Return the public key with the id ``key`` if its signature is here and holds."""
        public = next((one.public for one in self.signatures if one.key == key), None)
        return public if public and self.verified_by(public) else None

    def to_value(self) -> dict[str, Any]:
        """Return the JSON object, as it travels inside other JSON."""
        return {
            "payload": dict(self.payload),
            "signatures": [one.to_value() for one in self.signatures],
        }

    def to_json(self) -> bytes:
        """Return the file form: canonical JSON of payload and signatures."""
        signatures = canonical([one.to_value() for one in self.signatures])
        return b'{"payload":' + self.canonical + b',"signatures":' + signatures + b"}"

    @classmethod
    def from_value(cls, value: Any) -> Self:
        """Read a parsed JSON object.

        Raises:
            Malformed: not a statement, or a payload without canonical form.
        """
        if not isinstance(value, dict) or set(value) != {"payload", "signatures"}:
            raise Malformed("a statement is an object of exactly 'payload' and 'signatures'")
        payload, signatures = value["payload"], value["signatures"]
        if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
            raise Malformed("a statement's payload is an object with a 'type'")
        if not isinstance(signatures, list) or not 1 <= len(signatures) <= SIGNATURE_LIMIT:
            raise Malformed(f"a statement has 1 to {SIGNATURE_LIMIT} signatures")
        statement = cls(payload, tuple(_signature(one) for one in signatures))
        _ = statement.canonical  # computed now, so that a payload without canonical form is refused at once
        return statement

    @classmethod
    def from_json(cls, data: bytes, *, limit: int = JSON_LIMIT) -> Self:
        """Read a file of at most ``limit`` bytes.

        Raises:
            Malformed: not a statement.
        """
        return cls.from_value(parse(data, limit=limit))


def sign(payload: Mapping[str, Any], key: SigningKey) -> Statement:
    """Return the payload as a statement signed by ``key``.

    Raises:
        Malformed: the payload has no canonical form.
    """
    value = key.sign(DOMAIN + canonical(dict(payload)))
    return Statement(payload, (Signature(key.public, value),))


def _signature(value: Any) -> Signature:
    if not isinstance(value, dict) or set(value) != {"alg", "key", "public", "value"}:
        raise Malformed("a signature is an object of 'alg', 'key', 'public' and 'value'")
    if value["alg"] != "Ed25519" or not all(isinstance(text, str) for text in value.values()):
        raise Malformed("a signature's 'alg' is Ed25519, and its other fields are texts")
    public, raw = PublicKey.from_text(value["public"]), decode_bytes(value["value"])
    if public.key_id != value["key"]:
        raise Malformed("a signature names one key and carries another")
    if len(raw) != 64:
        raise Malformed("an Ed25519 signature has 64 bytes")
    return Signature(public, raw)
