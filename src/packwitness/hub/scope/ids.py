"""Ids that are also path components and say nothing about a person."""

import secrets

ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"
"""No ``i``, ``l``, ``o``, ``0``, ``1``: an id may be read out over the telephone."""

LENGTH = 12


def new_id() -> str:
    """Return 12 random characters of ``ALPHABET``: 59 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
