"""The filesystem vault against real files, threads and killed processes."""

import hashlib
import io
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
from packwitness.hub.vault.interface import (
    BadKey,
    DigestMismatch,
    ObjectInfo,
    VaultConflict,
    VaultMissing,
)


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


def test_what_was_put_is_read_back_in_ranges(vault: FilesystemVault) -> None:
    data = random.Random(1).randbytes(3_000_000)
    vault.put("org/a/one.bin", io.BytesIO(data), sha256=sha(data))
    assert vault.size("org/a/one.bin") == len(data)
    with vault.open("org/a/one.bin") as file:
        file.seek(1_234_567)
        assert file.read(1000) == data[1_234_567:1_235_567]
    assert files(vault) == ["org/a/one.bin"]


def test_the_same_bytes_again_are_fine_and_others_refused(vault: FilesystemVault) -> None:
    vault.put("a/x", b"one", sha256=sha(b"one"))
    vault.put("a/x", b"one", sha256=sha(b"one"))
    with pytest.raises(VaultConflict):
        vault.put("a/x", b"two", sha256=sha(b"two"))
    with vault.open("a/x") as file:
        assert file.read() == b"one"
    with pytest.raises(VaultConflict):
        vault.put("a/x/below", b"two", sha256=sha(b"two"))
    assert files(vault) == ["a/x"]


def test_bytes_of_another_digest_leave_nothing(vault: FilesystemVault) -> None:
    with pytest.raises(DigestMismatch):
        vault.put("a/x", b"one", sha256=sha(b"two"))
    assert files(vault) == []
    with pytest.raises(VaultMissing):
        vault.open("a/x")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "a/./b",
        ".hidden",
        "a\\b",
        "a/b\n",
        "a b",
        "ä",
        "a" * 600,
        "a\0",
    ],
)
def test_keys_that_could_leave_the_folder_are_refused(vault: FilesystemVault, key: str) -> None:
    for call in (
        lambda: vault.put(key, b"", sha256=sha(b"")),
        lambda: vault.open(key),
        lambda: vault.size(key),
        lambda: vault.delete(key),
    ):
        with pytest.raises(BadKey):
            call()
    assert files(vault) == []


def test_a_missing_object_is_missing_and_deleting_it_is_fine(vault: FilesystemVault) -> None:
    vault.put("a/b/x", b"1", sha256=sha(b"1"))
    for key in ("a/b", "a/c", "a/b/x/y"):
        with pytest.raises(VaultMissing):
            vault.size(key)
        vault.delete(key) if key != "a/b" else None
    vault.delete("nothing/here")
    assert files(vault) == ["a/b/x"]


def test_listing_is_in_the_order_of_keys(vault: FilesystemVault) -> None:
    keys = ["a/b/1", "a/b-c", "a/b.d", "a/b/2", "a/bb/1", "b", "a/a", "a.x/1"]
    for key in keys:
        vault.put(key, key.encode(), sha256=sha(key.encode()))
    assert list(vault.list("")) == [ObjectInfo(key, len(key)) for key in sorted(keys)]
    assert [info.key for info in vault.list("a/b")] == sorted(key for key in keys if key.startswith("a/b"))
    assert [info.key for info in vault.list("a/b/")] == ["a/b/1", "a/b/2"]
    assert list(vault.list("c/")) == []
    with pytest.raises(BadKey):
        list(vault.list("../"))


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


def test_many_writers_of_one_key_agree_on_one_object(vault: FilesystemVault) -> None:
    outcomes: list[str] = []

    def write(data: bytes) -> None:
        try:
            vault.put("a/x", data, sha256=sha(data))
            outcomes.append("stored")
        except VaultConflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(bytes([n % 2]) * 200_000,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 4 + ["stored"] * 4
    assert files(vault) == ["a/x"]


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
    vault.sweep(before=datetime.now(UTC) + timedelta(seconds=5))
    assert len(files(vault)) == len(listed)


def test_sweeping_spares_young_drafts_and_objects(vault: FilesystemVault) -> None:
    vault.put("a/x", b"1", sha256=sha(b"1"))
    old, young = vault._root / "a" / ".draft-old", vault._root / "a" / ".draft-young"
    old.write_bytes(b"1")
    young.write_bytes(b"1")
    now = datetime.now(UTC)
    os.utime(old, (now.timestamp() - 7200,) * 2)
    os.utime(vault._root / "a" / "x", (now.timestamp() - 7200,) * 2)
    assert vault.sweep(before=now - timedelta(hours=1)) == 1
    assert files(vault) == ["a/.draft-young", "a/x"]
