"""An object of an S3 store as a stream: ranges are fetched as they are read, again where a line breaks."""

import io
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from packwitness.hub.vault.interface import VaultAway, VaultMissing
from packwitness.hub.vault.s3_refusals import OutOfRange, told

if TYPE_CHECKING:
    # Stubs, which only development installs.
    from types_boto3_s3 import S3Client

FIRST: Final = 1 << 20
"""Bytes of the first range; each further one is twice as long, up to ``MOST``: who watches a second of a film
does not fetch all of it, and who reads it whole does not ask a thousand times."""
MOST: Final = 8 << 20
BUFFER: Final = 256 << 10
ATTEMPTS: Final = 4
"""How often the same byte is asked for before the store counts as away."""


class Body(Protocol):
    """An answer's bytes."""

    def read(self, amt: int | None = None) -> bytes: ...

    def close(self) -> None: ...


def opened(client: "S3Client", bucket: str, key: str, *, start: int, name: str) -> BinaryIO:
    """Return an object's bytes as a buffered stream that stands at ``start``.

    Raises:
        VaultMissing: there is no such object.
    """
    return io.BufferedReader(S3Object(client, bucket, key, start=start, name=name), BUFFER)


class S3Object(io.RawIOBase):
    """The bytes of one object; ``name`` is what errors call it."""

    def __init__(self, client: "S3Client", bucket: str, key: str, *, start: int, name: str) -> None:
        super().__init__()
        self._client, self._bucket, self._key, self._name = client, bucket, key, name
        self._at = start
        self._window = FIRST
        self._body: Body | None = None
        self._left = 0
        """Of the range that is being read."""
        self._size = 0
        self._fetch()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        target = max(0, base + offset)
        if target != self._at:
            self._drop()
            self._at, self._window = target, FIRST
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read some bytes.

        Raises:
            VaultAway: the line broke, again and again.
        """
        if self._at >= self._size:
            return 0
        for attempt in range(1, ATTEMPTS + 1):
            try:
                data = self._read(len(buffer))
                break
            except (BotoCoreError, HTTPError, VaultAway) as error:
                self._drop()
                if attempt == ATTEMPTS:
                    raise VaultAway(f"{self._name} broke off at byte {self._at}: {error}") from error
        buffer[: len(data)] = data
        self._at += len(data)
        self._left -= len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _read(self, limit: int) -> bytes:
        if not self._left:
            self._drop()
            self._fetch()
        if self._body is None:
            raise VaultMissing(f"{self._name} became shorter while it was read")
        data = self._body.read(min(limit, self._left))
        if not data:
            raise VaultAway(f"{self._name} ended early")
        return data

    def _fetch(self) -> None:
        """Ask for the next range; learn the size."""
        wanted = f"bytes={self._at}-{self._at + self._window - 1}"
        try:
            with told(self._name):
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key, Range=wanted)
        except OutOfRange:
            # Empty, or it ends before.
            with told(self._name):
                head = self._client.head_object(Bucket=self._bucket, Key=self._key)
            self._size = head["ContentLength"]
            return
        self._body, self._left = answer["Body"], answer["ContentLength"]
        said = answer.get("ContentRange", "")
        self._size = int(said.rpartition("/")[2]) if said else answer["ContentLength"]
        self._window = min(MOST, self._window * 2)

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body, self._left = None, 0
