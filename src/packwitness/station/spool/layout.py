"""Where things lie in a station's data folder, and how a file becomes durable."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one data folder (recording.md, "The spool")."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "station.toml"

    @property
    def certificates(self) -> Path:
        return self.root / "certificates.json"

    @property
    def key(self) -> Path:
        return self.root / "keys" / "station.key"

    @property
    def token(self) -> Path:
        return self.root / "keys" / "token"

    @property
    def trigger_token(self) -> Path:
        """What another program shows when it sends a scan over HTTP."""
        return self.root / "keys" / "trigger-token"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite3"

    @property
    def takes(self) -> Path:
        return self.root / "takes"

    @property
    def spool_id(self) -> Path:
        return self.takes / "spool.id"

    @property
    def lock(self) -> Path:
        """Locked by the one station process that runs on this folder."""
        return self.root / "station.lock"

    def take(self, take: str) -> Path:
        return self.takes / take

    def parts(self, take: str, camera: str) -> Path:
        return self.takes / take / "parts" / camera

    def init_file(self, take: str, camera: str, k: int) -> Path:
        return self.parts(take, camera) / f"init-{k:03d}.mp4"

    def part_file(self, take: str, camera: str, n: int) -> Path:
        return self.parts(take, camera) / f"{n:08d}.m4s"


def new_spool_id() -> str:
    """Return the random name that the ledger and its spool folder share (R7)."""
    return secrets.token_hex(16)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Create the folder and its missing parents durably; an existing one costs one ``stat``."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file that nobody reads yet: file fsynced, then its folder (R2, first half).

    What an earlier crash left under the same name is overwritten. The folder must exist.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(handle, "wb", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.fsync(handle)
    sync_folder(path.parent)


def replace_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file that somebody may be reading: they see the old bytes or the new ones, never half."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_durably(draft, data, mode=mode)
        os.replace(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    sync_folder(path.parent)


def files_under(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder, symbolic links not followed."""
    for here, _, names in os.walk(folder):
        for name in names:
            path = Path(here, name)
            if path.is_file() and not path.is_symlink():
                yield path
