"""What every vault keeps to: the same tests over a folder and over a real S3 store."""

import hashlib
import io
import random
import secrets
import threading
from copy import copy
from pathlib import Path

import pytest

from packwitness.hub.vault.filesystem import FilesystemVault
from packwitness.hub.vault.interface import (
    BadKey,
    DigestMismatch,
    ObjectInfo,
    Vault,
    VaultConflict,
    VaultMissing,
)
from packwitness.hub.vault.s3 import PIECE, S3Vault
from packwitness.hub.vault.store import open_vault

BIG = random.Random(1).randbytes(PIECE + 100_000)
"""More than S3 takes in one piece."""


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.xdist_group("s3"))])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    if request.param == "folder":
        return FilesystemVault(tmp_path)
    # One connection for all tests: making a client takes longer than most of them.
    vault = copy(open_vault(request.getfixturevalue("s3").url("contract")))
    assert isinstance(vault, S3Vault)
    vault._prefix += f"{secrets.token_hex(4)}/"
    return vault


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def keys(vault: Vault) -> list[str]:
    return [info.key for info in vault.list("")]


@pytest.mark.parametrize("size", [1, PIECE, len(BIG)])
def test_what_was_put_is_read_back_in_ranges(vault: Vault, size: int) -> None:
    data = BIG[:size]
    vault.put("org/a/one.bin", io.BytesIO(data), sha256=sha(data))
    assert vault.size("org/a/one.bin") == len(data)
    with vault.open("org/a/one.bin") as file:
        assert file.read() == data
        file.seek(-1, io.SEEK_END)
        assert file.read(10) == data[-1:]
        file.seek(size // 3)
        assert file.read(1000) == data[size // 3 : size // 3 + 1000]
        assert file.tell() == min(size, size // 3 + 1000)
    with vault.open("org/a/one.bin", start=size // 2) as file:
        assert file.read(5) == data[size // 2 : size // 2 + 5]
        file.seek(0)
        assert file.read(5) == data[:5]
    with vault.open("org/a/one.bin", start=size) as file:
        assert file.read(5) == b""
    assert keys(vault) == ["org/a/one.bin"]


def test_an_object_may_be_empty(vault: Vault) -> None:
    vault.put("a/empty", b"", sha256=sha(b""))
    vault.put("a/empty", b"", sha256=sha(b""))
    with vault.open("a/empty") as file:
        assert (vault.size("a/empty"), file.read()) == (0, b"")


@pytest.mark.parametrize("one", [b"one", BIG], ids=["small", "in pieces"])
def test_the_same_bytes_again_are_fine_and_others_refused(vault: Vault, one: bytes) -> None:
    vault.put("a/x", one, sha256=sha(one))
    vault.put("a/x", one, sha256=sha(one))
    for two in (b"two", one[:-1] + b"2"):
        with pytest.raises(VaultConflict):
            vault.put("a/x", two, sha256=sha(two))
    with vault.open("a/x") as file:
        assert file.read() == one
    assert keys(vault) == ["a/x"]


@pytest.mark.parametrize("one", [b"one", BIG], ids=["small", "in pieces"])
def test_bytes_of_another_digest_leave_nothing(vault: Vault, one: bytes) -> None:
    with pytest.raises(DigestMismatch):
        vault.put("a/x", io.BytesIO(one), sha256=sha(b"two"))
    with pytest.raises(VaultMissing):
        vault.open("a/x")
    with pytest.raises(VaultMissing):
        vault.size("a/x")
    assert keys(vault) == []


@pytest.mark.parametrize("one", [b"one", BIG], ids=["small", "in pieces"])
def test_it_is_held_only_with_its_size_and_its_digest(vault: Vault, one: bytes) -> None:
    vault.put("a/x", one, sha256=sha(one))
    assert vault.holds("a/x", size=len(one), sha256=sha(one))
    assert not vault.holds("a/x", size=len(one) + 1, sha256=sha(one))
    assert not vault.holds("a/x", size=len(one), sha256=sha(b"two"))
    assert not vault.holds("a/y", size=len(one), sha256=sha(one))


def test_keys_that_not_every_store_can_hold_are_refused(vault: Vault) -> None:
    bad = ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".hidden", "a\\b", "a/b\n", "a b", "ä", "a\0"]
    for key in [*bad, "a" * 600]:
        for call in (
            lambda key: vault.put(key, b"", sha256=sha(b"")),
            vault.open,
            vault.size,
            vault.delete,
            lambda key: vault.holds(key, size=0, sha256=sha(b"")),
            lambda key: vault.ticket(key, size=0, sha256=sha(b""), seconds=60),
        ):
            with pytest.raises(BadKey):
                call(key)
    assert keys(vault) == []


def test_a_missing_object_is_missing_and_deleting_it_is_fine(vault: Vault) -> None:
    for key in ("a/b/x", "a/b/y", "a/c"):
        vault.put(key, b"1", sha256=sha(b"1"))
    with pytest.raises(VaultMissing):
        vault.size("a/d")
    with pytest.raises(VaultMissing):
        vault.open("a/d")
    vault.delete("nothing/here")
    vault.delete()
    vault.delete("a/c", "a/b/y", "a/d")
    assert keys(vault) == ["a/b/x"]


def test_listing_names_all_and_those_of_a_folder_in_order(vault: Vault) -> None:
    names = ["a/b/1", "a/b-c", "a/b.d", "a/b/2", "a/bb/1", "b", "a/a", "a.x/1", "a/b/10"]
    for key in names:
        vault.put(key, key.encode(), sha256=sha(key.encode()))
    found = list(vault.list(""))
    assert sorted(found, key=lambda info: info.key) == [ObjectInfo(key, len(key)) for key in sorted(names)]
    assert sorted(info.key for info in vault.list("a/b")) == sorted(k for k in names if k.startswith("a/b"))
    assert [info.key for info in vault.list("a/b/")] == ["a/b/1", "a/b/10", "a/b/2"]
    assert list(vault.list("c/")) == []
    with pytest.raises(BadKey):
        list(vault.list("../"))


def test_many_writers_of_one_key_agree_on_one_object(vault: Vault) -> None:
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
    assert keys(vault) == ["a/x"]
