"""Paths, limits and the digest header that both sides must agree on."""

import base64
import binascii

API_BASE = "/api/station/v1"

INIT_LIMIT = 1 << 20
"""Largest init segment (``ftyp`` + ``moov``) in bytes."""
PART_LIMIT = 32 << 20
"""Largest part in bytes: one second at 256 Mbit/s."""
NAMED_LIMIT = 100
"""Most parts named in one call."""
JSON_LIMIT = 8 << 20
"""Largest JSON body in bytes: the manifest of two cameras over eight hours fits."""


def content_digest(sha256: bytes) -> str:
    """Return the RFC 9530 ``Content-Digest`` value for a 32-byte SHA-256 digest."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def parse_content_digest(value: str) -> bytes:
    """Return the 32 digest bytes of a ``Content-Digest`` header that holds one sha-256 member.

    Raises:
        ValueError: the header is not of that form.
    """
    if not (value.startswith("sha-256=:") and value.endswith(":")):
        raise ValueError("Content-Digest must read sha-256=:<base64>:")
    try:
        digest = base64.b64decode(value[len("sha-256=:") : -1], validate=True)
    except binascii.Error as error:
        raise ValueError("Content-Digest holds no valid base64") from error
    if len(digest) != 32:
        raise ValueError("Content-Digest holds no SHA-256: it must be 32 bytes")
    return digest
