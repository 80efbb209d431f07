"""What lies on a disk at any moment of a recording, and what a power cut may leave of it. Pure: no I/O.

The model knows no more than POSIX promises. A file's bytes are safe once an fsync of it that began after the
write has ended; a name is safe (made, moved, gone) once an fsync of its folder has. Everything else is
*pending*: a cut keeps any part of it, in any order, torn at any sector.
"""

import posixpath
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from tests.faults.tracing import SYNCS, Call

SECTOR: Final = 512
PAGE: Final = 4096


class Leaves(Enum):
    """What a cut leaves of that which is pending."""

    NOTHING = "nothing that was not fsynced"
    ALL = "all of it, as after kill -9"
    NAMES = "all names, and none of the bytes: files are empty, or end where they did"
    HOLES = "all names and lengths, and zeros for bytes"
    SECTORS = "any sectors of 512 bytes, any names"
    PAGES = "any pages of 4096 bytes, any names"
    BEGINNING = "what was done first, up to a moment, torn there"


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes written at a place, or (``data`` None) the file's new length."""

    number: int
    ended: int
    at: int
    data: bytes | None


@dataclass(eq=False, slots=True)
class File:
    """A file by whatever name."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Bytes] = field(default_factory=list)
    length: int = 0
    """As the running program sees it."""

    def write(self, number: int, ended: int, at: int, data: bytes) -> None:
        self.pending.append(Bytes(number, ended, at, data))
        self.length = max(self.length, at + len(data))

    def cut(self, number: int, ended: int, length: int) -> None:
        self.pending.append(Bytes(number, ended, length, None))
        self.length = length

    def sync(self, began: int) -> None:
        """What was written before ``began`` is safe."""
        for one in self.pending:
            if one.ended < began:
                _apply(self.safe, one)
        self.pending = [one for one in self.pending if one.ended >= began]


FOLDER: Final = None
type Node = File | None


@dataclass(frozen=True, slots=True)
class Name:
    """A name that was made, or (``gone``) that is gone."""

    number: int
    ended: int
    path: str
    node: Node
    gone: bool = False


class Disk:
    """The folder ``root``, as a recording changes it. ``files`` and ``folders``: what is there and safe."""

    def __init__(self, root: str, files: dict[str, bytes], folders: Iterable[str]) -> None:
        self._root = root
        self._safe: dict[str, Node] = dict.fromkeys(folders, FOLDER)
        self._safe |= {path: File(bytearray(data), length=len(data)) for path, data in files.items()}
        self._now = dict(self._safe)
        self._pending: list[Name] = []
        self._places: dict[tuple[str, str], int] = {}
        self._number = 0

    def happens(self, call: Call) -> bool:
        """Follow a call; return whether it concerned this disk."""
        self._number += 1
        match call.name:
            case "openat" | "creat":
                return self._open(call)
            case "mkdir" | "mkdirat":
                return self._name(call, self._path(call), FOLDER)
            case "unlink" | "unlinkat" | "rmdir":
                return self._name(call, self._path(call), self._now.get(self._path(call)), gone=True)
            case "rename" | "renameat" | "renameat2":
                return self._rename(call)
            case "write" | "pwrite64":
                return self._write(call)
            case "ftruncate":
                return self._truncate(call)
            case "fsync" | "fdatasync":
                return self._sync(call)
            case "sync_file_range" | "sendto" | "sendmsg":
                return False
            case _:
                touched = any(
                    self._mine(word[1] if isinstance(word, tuple) else word.decode(errors="replace"))
                    for word in call.words
                    if not isinstance(word, str)
                )
                assert not touched, f"the disk's model knows no {call.name}"
                return False

    def after_cut(self, leaves: Leaves, rng: random.Random) -> tuple[dict[str, bytes], list[str]]:
        """Return the files and folders that a power cut at this moment leaves."""
        last = self._last_kept(leaves, rng)
        names = dict(self._safe)
        for one in self._pending:
            if _keeps_name(leaves, rng) if last is None else one.number <= last:
                _rename(names, one)
        files, folders = {}, []
        for path, node in names.items():
            # A name in a folder that is not there leads nowhere.
            if not self._reachable(names, path):
                continue
            if node is FOLDER:
                folders.append(path)
            elif not path.endswith("-shm"):  # not kept by any cut: SQLite makes it anew
                files[path] = _left(node, leaves, rng, last)
        return files, sorted(folders)

    def names(self) -> list[str]:
        """Return all names as the running program sees them."""
        return list(self._now)

    # --- calls ---

    def _mine(self, path: str) -> bool:
        return path == self._root or path.startswith(self._root + "/")

    def _path(self, call: Call, text: int = 0, handle: int = 0) -> str:
        path = call.text(text).decode()
        if posixpath.isabs(path):
            return posixpath.normpath(path)
        assert any(isinstance(word, tuple) for word in call.words), f"a relative path: {path}"
        return posixpath.normpath(posixpath.join(call.handle(handle)[1], path))

    def _open(self, call: Call) -> bool:
        path = call.opened.removesuffix("(deleted)") or self._path(call)
        if not self._mine(path):
            return False
        flags = " ".join(word for word in call.words if isinstance(word, str))
        node = self._now.get(path)
        self._places[str(call.result), path] = (
            node.length if "O_APPEND" in flags and isinstance(node, File) else 0
        )
        if path not in self._now and "O_CREAT" in flags:
            return self._name(call, path, File())
        if isinstance(node, File) and "O_TRUNC" in flags and node.length:
            node.cut(self._number, call.ended, 0)
        return "O_CREAT" in flags

    def _name(self, call: Call, path: str, node: Node, *, gone: bool = False) -> bool:
        if not self._mine(path):
            return False
        name = Name(self._number, call.ended, path, node, gone)
        _rename(self._now, name)
        self._pending.append(name)
        return True

    def _rename(self, call: Call) -> bool:
        handles = sum(isinstance(word, tuple) for word in call.words)
        old, new = self._path(call, 0), self._path(call, 1, min(1, max(0, handles - 1)))
        if not self._mine(old) and not self._mine(new):
            return False
        node = self._now[old]
        assert node is not FOLDER, "the disk's model moves no folders"
        # One act: a cut between the two names would show the file twice or not at all; both are tried.
        self._name(call, new, node)
        return self._name(call, old, node, gone=True)

    def _write(self, call: Call) -> bool:
        number, path = call.handle()
        node = self._now.get(path)
        if not self._mine(path) or not isinstance(node, File):
            return False
        data = call.text(0)[: call.result]
        if call.name == "pwrite64":
            at = call.number(3)
        else:
            at = self._places.get((number, path), 0)
            self._places[number, path] = at + len(data)
        node.write(self._number, call.ended, at, data)
        return True

    def _truncate(self, call: Call) -> bool:
        _, path = call.handle()
        node = self._now.get(path)
        if not self._mine(path) or not isinstance(node, File):
            return False
        node.cut(self._number, call.ended, call.number(1))
        return True

    def _sync(self, call: Call) -> bool:
        _, path = call.handle()
        if path != self._root and path not in self._now:
            return False
        node = self._now.get(path)
        if isinstance(node, File):
            node.sync(call.began)
            return True
        safe = [
            one for one in self._pending if one.ended < call.began and posixpath.dirname(one.path) == path
        ]
        for one in safe:
            _rename(self._safe, one)
        self._pending = [one for one in self._pending if one not in safe]
        return True

    # --- cuts ---

    def _last_kept(self, leaves: Leaves, rng: random.Random) -> int | None:
        """Return the number of the last act that is kept, where acts are kept in their order."""
        if leaves is not Leaves.BEGINNING:
            return None
        files = {id(node): node for node in self._now.values() if isinstance(node, File)}
        acts = [one.number for one in self._pending]
        acts += [one.number for file in files.values() for one in file.pending]
        return rng.choice(sorted(acts)) if acts else 0

    def _reachable(self, names: dict[str, Node], path: str) -> bool:
        while path != self._root:
            path = posixpath.dirname(path)
            if path != self._root and names.get(path, File()) is not FOLDER:
                return False
        return True


def is_act(call: Call) -> bool:
    """Whether a call changes a disk or makes a change safe."""
    return call.name in SYNCS or call.name in ("write", "pwrite64", "rename", "unlink", "unlinkat")


def _rename(names: dict[str, Node], one: Name) -> None:
    if one.gone:
        names.pop(one.path, None)
    else:
        names[one.path] = one.node


def _apply(data: bytearray, one: Bytes) -> None:
    if one.data is None:
        del data[one.at :]
        data.extend(bytes(one.at - len(data)))
        return
    if len(data) < one.at:
        data.extend(bytes(one.at - len(data)))
    data[one.at : one.at + len(one.data)] = one.data


def _keeps_name(leaves: Leaves, rng: random.Random) -> bool:
    if leaves in (Leaves.SECTORS, Leaves.PAGES):
        return rng.random() < 0.5
    return leaves is not Leaves.NOTHING


def _left(file: File, leaves: Leaves, rng: random.Random, last: int | None) -> bytes:
    data = bytearray(file.safe)
    for one in file.pending:
        if leaves is Leaves.ALL or (last is not None and one.number < last):
            _apply(data, one)
        elif leaves is Leaves.HOLES:
            size = one.at if one.data is None else one.at + len(one.data)
            data.extend(bytes(max(0, size - len(data))))
        elif leaves is Leaves.SECTORS or (leaves is Leaves.BEGINNING and one.number == last):
            _torn(data, one, SECTOR, rng)
        elif leaves is Leaves.PAGES:
            _torn(data, one, PAGE, rng)
    return bytes(data)


def _torn(data: bytearray, one: Bytes, size: int, rng: random.Random) -> None:
    """Apply some of a write: whole sectors of the disk, whichever."""
    if one.data is None:
        if rng.random() < 0.5:
            _apply(data, one)
        return
    share, end = rng.random(), one.at + len(one.data)
    at = one.at
    while at < end:
        upto = min(end, (at // size + 1) * size)
        if rng.random() < share:
            _apply(data, Bytes(one.number, one.ended, at, one.data[at - one.at : upto - one.at]))
        at = upto
