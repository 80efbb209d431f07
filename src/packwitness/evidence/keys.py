"""Ed25519 keys and their ids."""

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from packwitness.evidence.canonical import decode_bytes, encode_bytes
from packwitness.evidence.errors import Malformed

KEY_ID = re.compile(r"ed25519:[0-9a-f]{64}", re.ASCII)
"""The full form of a key id, which is also the fingerprint that people compare."""


@dataclass(frozen=True)
class PublicKey:
    """The 32 raw bytes of an Ed25519 public key."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise Malformed(f"an Ed25519 public key has 32 bytes, not {len(self.raw)}")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the base64url form used in certificates and at enrolment."""
        return cls(decode_bytes(text))

    @property
    def text(self) -> str:
        """The base64url form, 43 characters."""
        return encode_bytes(self.raw)

    @property
    def key_id(self) -> str:
        """``ed25519:`` and the SHA-256 of the raw bytes: the fingerprint."""
        return "ed25519:" + hashlib.sha256(self.raw).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Say whether ``signature`` is this key's over ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """An Ed25519 private key. Its representation never shows the secret."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey({self.public.key_id})"

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Make the key of a 32-byte secret seed (RFC 8032)."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, pem: bytes) -> Self:
        """Read an unencrypted PKCS #8 PEM file's bytes.

        Raises:
            Malformed: no such key in it.
        """
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise Malformed("this file holds no readable unencrypted PKCS #8 private key") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise Malformed("this file holds a key that is not Ed25519")
        return cls(private)

    def pem(self) -> bytes:
        """Return the unencrypted PKCS #8 PEM form; who writes it to disk gives it mode 0600."""
        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over ``message``."""
        return self._private.sign(message)
