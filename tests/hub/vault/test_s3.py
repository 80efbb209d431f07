"""The S3 vault against a real store (SeaweedFS): what the store holds senders to, and what goes wrong."""

import hashlib
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from packwitness.hub.vault import s3_object
from packwitness.hub.vault.address import S3Address
from packwitness.hub.vault.interface import Ticket, VaultAway, VaultConflict, VaultMissing, VaultRefused
from packwitness.hub.vault.s3 import PIECE, S3Vault
from packwitness.hub.vault.store import open_vault
from tests import object_store
from tests.object_store import ObjectStore

DATA = random.Random(2).randbytes(200_000)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def at(s3: ObjectStore, prefix: str = "", **options: str) -> S3Vault:
    return S3Vault(S3Address.parse(s3.url(prefix or f"s3/{secrets.token_hex(4)}", **options)))


@pytest.fixture
def vault(s3: ObjectStore) -> S3Vault:
    # One connection for all tests: making a client takes longer than most of them.
    vault = copy(open_vault(s3.url("s3")))
    assert isinstance(vault, S3Vault)
    vault._prefix += f"{secrets.token_hex(4)}/"
    return vault


def ticket(vault: S3Vault, key: str = "org1/x", data: bytes = DATA, seconds: int = 60) -> Ticket:
    found = vault.ticket(key, size=len(data), sha256=sha(data), seconds=seconds)
    assert found is not None
    return found


def put(
    ticket: Ticket, data: bytes = DATA, *, url: str = "", headers: Mapping[str, str] | None = None
) -> int:
    """Put as a station would but for what is changed, and return the status."""
    changed = {**ticket.headers, "Content-Length": str(len(data)), **(headers or {})}
    sent = {name: value for name, value in changed.items() if value}
    return httpx2.put(url or ticket.url, content=data, headers=sent).status_code


def test_a_ticket_lets_its_bytes_in_once(vault: S3Vault) -> None:
    leave = ticket(vault)
    assert not vault.holds("org1/x", size=len(DATA), sha256=sha(DATA))
    assert put(leave) == 200
    assert vault.holds("org1/x", size=len(DATA), sha256=sha(DATA))
    assert put(leave) == 412
    with vault.open("org1/x") as file:
        assert file.read() == DATA


def test_a_ticket_lets_nothing_else_in(vault: S3Vault) -> None:
    leave = ticket(vault)
    other = b"\0" + DATA[1:]
    digest = ticket(vault, data=other).headers["x-amz-checksum-sha256"]
    assert put(leave, other) == 400, "tampered bytes"
    assert put(leave, other, headers={"x-amz-checksum-sha256": digest}) == 403, "with their own digest"
    assert put(leave, other, headers={"x-amz-checksum-sha256": ""}) == 403, "with none"
    assert put(leave, DATA + b"1") == 403, "longer"
    assert put(leave, DATA[:-1]) == 403, "shorter"
    assert put(leave, headers={"If-None-Match": ""}) == 403, "leave to overwrite"
    assert put(leave, url=leave.url.replace("/org1/", "/org2/")) == 403, "another organisation's folder"
    assert put(leave, headers={"x-amz-meta-note": "mine"}) == 403, "more than was signed"
    for method in ("GET", "DELETE"):
        digest_only = {"x-amz-checksum-sha256": leave.headers["x-amz-checksum-sha256"], "If-None-Match": "*"}
        assert httpx2.request(method, leave.url, headers=digest_only).status_code == 403
    assert list(vault.list("")) == []


def test_a_late_ticket_is_worth_nothing(vault: S3Vault) -> None:
    leave = ticket(vault, seconds=1)
    time.sleep(2.1)
    assert put(leave) == 403
    assert list(vault.list("")) == []


def test_tickets_name_the_store_as_stations_reach_it(s3: ObjectStore) -> None:
    vault = at(s3, "p", public="https://films.example.com")
    url = httpx2.URL(ticket(vault).url)
    assert (url.scheme, url.host, url.path) == ("https", "films.example.com", "/films/p/org1/x")
    assert "credential" not in repr(vault).lower()


KILLED = f"""
import io, os, sys
from packwitness.hub.vault.store import open_vault
class Breaks(io.BytesIO):
    def read(self, size=-1):
        return super().read(size) or os._exit(9)
open_vault(sys.argv[1]).put("a/x", Breaks(bytes({2 * PIECE + 1})), sha256=b"")
"""


def test_an_upload_that_was_broken_off_is_swept(s3: ObjectStore) -> None:
    url = s3.url("broken-off")
    assert subprocess.run([sys.executable, "-c", KILLED, url]).returncode == 9
    vault = S3Vault(S3Address.parse(url))
    with pytest.raises(VaultMissing):
        vault.size("a/x")
    assert list(vault.list("")) == []
    now = datetime.now(UTC)
    assert vault.sweep(before=now - timedelta(hours=1), ours=bool) == 0
    assert vault.sweep(before=now + timedelta(minutes=1), ours=lambda key: key != "a/x") == 0
    assert vault.sweep(before=now + timedelta(minutes=1), ours=lambda key: key == "a/x") == 1
    assert vault.sweep(before=now + timedelta(minutes=1), ours=bool) == 0


def test_one_folder_of_a_bucket_does_not_see_the_others(s3: ObjectStore) -> None:
    one, two = at(s3, "one"), at(s3, "one/two")
    one.put("a", b"1", sha256=sha(b"1"))
    two.put("a", b"2", sha256=sha(b"2"))
    assert [info.key for info in two.list("")] == ["a"]
    two.delete("a")
    with one.open("a") as file:
        assert file.read() == b"1"
    one.delete("a")


def test_what_the_store_refuses_says_what_to_look_at(
    s3: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(vault: S3Vault) -> str:
        with pytest.raises(VaultRefused) as caught:
            vault.put("a/x", b"1", sha256=sha(b"1"))
        assert not caught.value.retry
        return str(caught.value)

    assert "There is no such bucket" in refused(at(s3, bucket="elsewhere"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert "secret key is not the access key's" in refused(at(s3))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    assert "does not know the access key" in refused(at(s3))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.READER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.READER_SECRET)
    assert "lack a right" in refused(at(s3))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert "no credentials" in refused(at(s3))
    monkeypatch.setenv("AWS_PROFILE", "none-such")
    with pytest.raises(VaultRefused, match="none-such"):
        at(s3)


def test_a_store_that_is_away_may_be_asked_again(s3: ObjectStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    vault = at(ObjectStore(f"http://127.0.0.1:{port}"))
    with pytest.raises(VaultAway) as caught:
        vault.size("a/x")
    assert caught.value.retry


def test_reading_goes_on_where_the_line_broke(s3: ObjectStore, vault: S3Vault) -> None:
    data = random.Random(3).randbytes(3 * s3_object.FIRST)
    vault.put("a/x", data, sha256=sha(data))
    line = BreakingLine(s3.endpoint, every=700_000)
    try:
        far = S3Vault(S3Address("films", vault._prefix, line.url, "", "us-east-1", "path"))
        with far.open("a/x") as file:
            assert file.read() == data
        assert line.broken >= 2
    finally:
        line.close()


def test_two_that_put_different_films_under_one_name(vault: S3Vault) -> None:
    outcomes: list[str] = []

    def write(fill: int) -> None:
        data = bytes([fill]) * (PIECE + 10)
        try:
            vault.put("a/film", data, sha256=sha(data))
            outcomes.append("stored")
        except VaultConflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(fill,)) for fill in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "stored"]


class BreakingLine:
    """A line to a server that breaks after ``every`` bytes of each answer."""

    def __init__(self, url: str, *, every: int) -> None:
        self._to, self._every = httpx2.URL(url), every
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.broken = 0
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client, socket.create_connection((self._to.host, self._to.port or 80)) as server:
                self._carry(client, server)

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """One request, and as much of its answer as goes through. The signature covers the host's name."""
        asked = client.recv(65536)
        here = self.url.removeprefix("http://").encode()
        assert here in asked
        server.sendall(asked)
        server.settimeout(0.5)
        left = self._every
        while left:
            try:
                data = server.recv(min(65536, left))
            except TimeoutError:
                return
            if not data:
                return
            client.sendall(data)
            left -= len(data)
        self.broken += 1
