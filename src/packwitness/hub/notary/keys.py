"""Private keys as files: mode 0600 in ``settings.KEYS_DIR``, never in the database.

A key is made once. Two processes that make it at the same time end up with the same one, and a key that the
database knows but the folder lacks is never replaced by a new one: that would silently break every proof.
"""

import contextlib
import os
import secrets
from pathlib import Path

from django.conf import settings

from packwitness.evidence.errors import Malformed
from packwitness.evidence.keys import SigningKey

HUB = "hub.pem"


class KeyLost(Exception):
    """A key that was used before is not in the folder, or is another one. Only a back-up can help."""


def hub_key(*, known: str) -> SigningKey:
    """Return the key that signs receipts and checkpoints; made if none is ``known`` yet.

    Raises:
        KeyLost: the key in the folder is not the one with the id ``known``.
    """
    return _key(Path(settings.KEYS_DIR) / HUB, known)


def organisation_key(*, organisation_id: str, known: str) -> SigningKey:
    """Return the organisation's key; made if none is ``known`` yet.

    Raises:
        KeyLost: the key in the folder is not the one with the id ``known``.
    """
    return _key(Path(settings.KEYS_DIR) / "organisations" / f"{organisation_id}.pem", known)


def _key(path: Path, known: str) -> SigningKey:
    if not known:
        write_once(path, SigningKey.generate().pem())
    try:
        key = SigningKey.load(path.read_bytes())
    except (FileNotFoundError, Malformed) as error:
        raise KeyLost(f"{path} does not hold the key {known}. Bring it back from a back-up.") from error
    if known and key.public.key_id != known:
        raise KeyLost(
            f"{path} holds {key.public.key_id} where {known} was used. Bring it back from a back-up."
        )
    return key


def write_once(path: Path, data: bytes) -> None:
    """Create a secret file durably unless it is there already; a reader never sees half of it."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # somebody else was first: theirs counts
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
