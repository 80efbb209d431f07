"""Objects as files under one folder.

A put, step by step, so that a crash at any point leaves either nothing or the whole object:

1. make the folders, each entry fsynced by step 5;
2. write a draft (a hidden file in the same folder), hashing as it is written;
3. compare the digest; fsync the draft;
4. link it to its name, which fails if the name is taken; then the bytes there are compared;
5. remove the draft, fsync the folder and those above it.

What a crash leaves is a draft: it is invisible to every method, and ``sweep`` removes it.
"""

import contextlib
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from packwitness.hub.vault.interface import (
    DigestMismatch,
    ObjectInfo,
    Ticket,
    VaultConflict,
    VaultMissing,
    check_key,
    check_prefix,
)

_BLOCK: Final = 1 << 20
_DRAFT: Final = ".draft-"
_ATTEMPTS: Final = 20
"""How often a put meets a folder that a delete has just removed before it gives up."""


class FilesystemVault:
    """A vault in a folder of this machine (see the module for how a put is made durable)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes | BinaryIO, *, sha256: bytes) -> None:
        """Store the bytes durably; see ``Vault.put``."""
        check_key(key)
        path = self._root / key
        draft, handle = self._new_draft(path.parent)
        try:
            with open(handle, "wb", buffering=0) as file:
                source = io.BytesIO(data) if isinstance(data, bytes) else data
                if _copy(source, file) != sha256:
                    raise DigestMismatch(f"the bytes for {key} are not those of the announced digest")
                os.fsync(file.fileno())
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                if _digest(path) != sha256:
                    raise VaultConflict(f"{key} holds other bytes") from None
        finally:
            draft.unlink()
        self._sync_upwards(path.parent)

    def open(self, key: str, *, start: int = 0) -> BinaryIO:
        """Return a seekable stream; see ``Vault.open``."""
        check_key(key)
        try:
            file = (self._root / key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise VaultMissing(f"there is no object {key}") from None
        file.seek(start)
        return file

    def size(self, key: str) -> int:
        """Return the size in bytes; see ``Vault.size``."""
        with self.open(key) as file:
            return os.fstat(file.fileno()).st_size

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects; see ``Vault.list``."""
        check_prefix(prefix)
        above, _, _ = prefix.rpartition("/")
        return self._walk(above, prefix)

    def holds(self, key: str, *, size: int, sha256: bytes) -> bool:
        """Say whether these very bytes are there; see ``Vault.holds``."""
        try:
            return self.size(key) == size and _digest(self._root / key) == sha256
        except (VaultMissing, FileNotFoundError):  # the second where it is deleted just now
            return False

    def ticket(self, key: str, *, size: int, sha256: bytes, seconds: int) -> Ticket | None:
        """Return None: nobody else reaches this folder; see ``Vault.ticket``."""
        check_key(key)
        return None

    def delete(self, *keys: str) -> None:
        """Remove the objects and the folders they leave empty; see ``Vault.delete``."""
        for key in keys:
            self._delete(key)

    def _delete(self, key: str) -> None:
        check_key(key)
        path = self._root / key
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        for folder in path.parents:
            if folder == self._root:
                break
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # not empty
                break
        self._sync_upwards(path.parent)

    def sweep(self, *, before: datetime, ours: Callable[[str], bool]) -> int:
        """Remove drafts last written before then; see ``Vault.sweep``. Drafts are always ours."""
        count = 0
        for here, _, names in os.walk(self._root):
            for name in names:
                path = Path(here, name)
                with contextlib.suppress(FileNotFoundError):
                    if name.startswith(_DRAFT) and path.stat().st_mtime < before.timestamp():
                        path.unlink()
                        count += 1
        return count

    def _new_draft(self, folder: Path) -> tuple[Path, int]:
        """Create an empty hidden file in the folder, making the folder; a delete may prune it meanwhile."""
        draft = folder / (_DRAFT + secrets.token_hex(8))
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                folder.mkdir(parents=True, exist_ok=True)
                return draft, os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        raise VaultConflict(f"{folder.relative_to(self._root)} is no folder, or does not stay one")

    def _sync_upwards(self, folder: Path) -> None:
        """Make the entries from this folder up to the root durable, whoever made the folders."""
        while True:
            with contextlib.suppress(
                FileNotFoundError, NotADirectoryError
            ):  # pruned: then the one above counts
                _sync(folder)
            if folder == self._root:
                return
            folder = folder.parent

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        try:
            with os.scandir(self._root / folder) as entries:
                # A folder sorts as its keys do: by its name and a slash.
                found = {e.name + "/" if e.is_dir(follow_symlinks=False) else e.name: e for e in entries}
        except (FileNotFoundError, NotADirectoryError):
            return
        for name, entry in sorted(found.items()):
            key = f"{folder}/{name}" if folder else name
            if name.startswith("."):
                continue
            if name.endswith("/"):
                if key.startswith(prefix) or prefix.startswith(key):
                    yield from self._walk(key[:-1], prefix)
            elif key.startswith(prefix) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    yield ObjectInfo(key, entry.stat(follow_symlinks=False).st_size)


def _copy(source: BinaryIO, target: io.FileIO | BinaryIO) -> bytes:
    """Copy to the end; return the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    while block := source.read(_BLOCK):
        digest.update(block)
        view = memoryview(block)
        while view:
            view = view[target.write(view) :]
    return digest.digest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
