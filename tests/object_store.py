"""A real S3 store (SeaweedFS) on this machine alone, for as long as it is needed; nothing of it stays."""

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path
from urllib.parse import urlencode

import boto3

BUCKET = "films"
ACCESS, SECRET = "the-hub", "secret-of-the-hub"
READER, READER_SECRET = "a-reader", "secret-of-a-reader"
STARTED_WITHIN = 30.0
"""Seconds; it takes one on an idle machine."""
_PORTS = ("master.port", "filer.port", "volume.port", "s3.port", "admin.port")


class _PortTaken(Exception):
    """Somebody took a port between our look and the server's start."""


@dataclass(frozen=True)
class ObjectStore:
    """A store with one bucket. ``ACCESS`` may do everything, ``READER`` only read."""

    endpoint: str

    def url(self, prefix: str, *, bucket: str = BUCKET, **options: str) -> str:
        """Return what ``PACKWITNESS_VAULT_URL`` says for a folder of this store."""
        query = {"endpoint": self.endpoint, "region": "us-east-1", **options}
        return f"s3://{bucket}/{prefix}?{urlencode(query)}"


@contextmanager
def running() -> Iterator[ObjectStore]:
    """Run a store; its folder is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="packwitness-s3-"))
    process = None
    try:
        for _ in range(3):
            try:
                process, store = _start(folder)
                break
            except _PortTaken:
                continue
        else:
            raise AssertionError((folder / "log").read_text()[-3000:])
        yield store
    finally:
        if process is not None:
            _kill(process)
        shutil.rmtree(folder)


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], ObjectStore]:
    """Start the server and make the bucket.

    Raises:
        _PortTaken: it ended at once.
    """
    rights = {ACCESS: (SECRET, ["Admin", "Read", "Write", "List"]), READER: (READER_SECRET, ["Read", "List"])}
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": secret}], "actions": actions}
        for name, (secret, actions) in rights.items()
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir(exist_ok=True)
    names = [*_PORTS, *(f"{name}.grpc" for name in _PORTS)]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                Path(get_path("scripts")) / "weed",
                "mini",
                f"-dir={folder / 'data'}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                f"-s3.config={folder / 's3.json'}",
                "-s3.autoCreateBucket=false",
                "-webdav=false",
                "-admin.ui=false",
                *(f"-{name}={port}" for name, port in ports.items()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    store = ObjectStore(f"http://127.0.0.1:{ports['s3.port']}")
    try:
        _wait(process, store)
    except BaseException:
        _kill(process)
        raise
    return process, store


def _wait(process: subprocess.Popen[bytes], store: ObjectStore) -> None:
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
    )
    deadline = time.monotonic() + STARTED_WITHIN
    while not _listens(store.endpoint):
        if process.poll() is not None or time.monotonic() > deadline:
            raise _PortTaken
        time.sleep(0.05)
    client.create_bucket(Bucket=BUCKET)
    # Only once its volumes are there does a put succeed; what comes earlier would be a 500.
    while True:
        try:
            client.put_object(Bucket=BUCKET, Key="up", Body=b"1")
            break
        except client.exceptions.ClientError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    client.close()


def _listens(endpoint: str) -> bool:
    try:
        urllib.request.urlopen(endpoint, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def _kill(process: subprocess.Popen[bytes]) -> None:
    # It is thrown away; asked to end, it would take its time.
    process.kill()
    process.wait()


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
