"""The filesystem vault against real files, threads and killed processes."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packwitness.hub.vault.filesystem import FilesystemVault
from packwitness.hub.vault.interface import DigestMismatch, VaultConflict, VaultMissing


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.fixture
def vault(tmp_path: Path) -> FilesystemVault:
    root = tmp_path / "vault"
    root.mkdir()
    return FilesystemVault(root)


def files(vault: FilesystemVault) -> list[str]:
    """Every file below the root, drafts too."""
    root = vault._root
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_no_bytes_of_another_digest_and_no_draft_stay(vault: FilesystemVault) -> None:
    with pytest.raises(DigestMismatch):
        vault.put("a/x", b"one", sha256=sha(b"two"))
    assert files(vault) == []


def test_an_object_is_no_folder(vault: FilesystemVault) -> None:
    vault.put("a/b/x", b"1", sha256=sha(b"1"))
    with pytest.raises(VaultConflict):
        vault.put("a/b/x/below", b"two", sha256=sha(b"two"))
    for key in ("a/b", "a/b/x/y"):
        with pytest.raises(VaultMissing):
            vault.size(key)
    vault.delete("a/b/x/y")
    assert files(vault) == ["a/b/x"]


def test_a_link_out_of_the_folder_is_not_listed(vault: FilesystemVault, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x").write_bytes(b"secret")
    (vault._root / "out").symlink_to(tmp_path / "secret")
    assert list(vault.list("")) == []


def test_deleting_prunes_empty_folders_while_others_write(vault: FilesystemVault) -> None:
    """Puts and deletes of neighbours at the same time: no put fails, and each object stands."""
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for round_ in range(150):
                key = f"a/b/c/{name}-{round_}"
                vault.put(key, name.encode(), sha256=sha(name.encode()))
                assert vault.size(key) == len(name)
                vault.delete(key)
        except BaseException as error:  # the test's main thread raises it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(vault._root.iterdir()) == []


WRITER = """
import hashlib, sys
from pathlib import Path
from packwitness.hub.vault.filesystem import FilesystemVault
vault = FilesystemVault(Path(sys.argv[1]))
n = 0
while True:
    data = bytes([n % 251]) * 300_000
    vault.put(f"a/{n:06d}", data, sha256=hashlib.sha256(data).digest())
    print(n, flush=True)
    n += 1
"""


def test_a_killed_writer_leaves_whole_objects_or_none(vault: FilesystemVault) -> None:
    rng = random.Random(7)
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(vault._root)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(rng.uniform(0.01, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = [int(line) for line in [first, *writer.stdout.read().splitlines()]]
        writer.stdout.close()
        writer.wait()
        listed = {info.key: info.size for info in vault.list("a/")}
        assert {f"a/{n:06d}" for n in acknowledged} <= listed.keys()
        assert set(listed.values()) == {300_000}
    vault.sweep(before=datetime.now(UTC) + timedelta(seconds=5), ours=bool)
    assert len(files(vault)) == len(listed)


def test_sweeping_spares_young_drafts_and_objects(vault: FilesystemVault) -> None:
    vault.put("a/x", b"1", sha256=sha(b"1"))
    old, young = vault._root / "a" / ".draft-old", vault._root / "a" / ".draft-young"
    old.write_bytes(b"1")
    young.write_bytes(b"1")
    now = datetime.now(UTC)
    os.utime(old, (now.timestamp() - 7200,) * 2)
    os.utime(vault._root / "a" / "x", (now.timestamp() - 7200,) * 2)
    assert vault.sweep(before=now - timedelta(hours=1), ours=bool) == 1
    assert files(vault) == ["a/.draft-young", "a/x"]
