"""One request by HTTP (RFC 9112), and the bytes that come in answer, for as long as the camera sends them."""

import re
import socket
import time
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from packwitness.station.cameras.address import Address, parse_address
from packwitness.station.cameras.camera import Broken, Ended, NotFound, Refused, TimedOut, Unauthorised
from packwitness.station.cameras.challenge import Password, is_stale
from packwitness.station.cameras.headers import read_headers
from packwitness.station.cameras.reach import reach

HEAD_LIMIT = 32 << 10
READ_BYTES = 256 << 10
REDIRECTS = 3
MOVED = (301, 302, 303, 307, 308)
LINE_LIMIT = 1_024
SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(;|$)")


@dataclass(frozen=True, slots=True)
class Head:
    """An answer without its body. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]


class HttpTalk:
    """One connection with one answer. Not for two threads."""

    def __init__(self, address: Address, password: Password, *, seconds: float) -> None:
        self._address = address
        self._seconds = seconds
        self._buffer = b""
        self._chunks: Chunks | None = None
        self._socket: socket.socket = reach(address, seconds=seconds)
        try:
            self.head = self._ask(password)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def body(self, seconds: float) -> bytes:
        """Return what there is of the body; empty if nothing comes for so long.

        Raises:
            Ended: the camera ended it.
            Broken: it is cut into chunks that cannot be read.
        """
        data, self._buffer = self._buffer, b""
        if not data:
            found = self._read(seconds)
            if found is None:
                return b""
            data = found
        if not data:
            raise Ended(f"{self._address.place} ended its stream.")
        if self._chunks is None:
            return data
        try:
            found = self._chunks.push(data)
        except ValueError:
            raise Broken(f"{self._address.place} sends what is no HTTP.") from None
        if not found and self._chunks.over:
            raise Ended(f"{self._address.place} ended its stream.")
        return found

    def _ask(self, password: Password) -> Head:
        parts = urlsplit(self._address.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"GET {target} HTTP/1.1", f"Host: {parts.netloc}", "User-Agent: packwitness", "Accept: */*"]
        if authorization := password.authorization("GET", target):
            lines.append(f"Authorization: {authorization}")
        try:
            self._socket.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        except OSError:
            raise Refused(f"{self._address.place} closed the connection.") from None
        until = time.monotonic() + self._seconds
        while b"\r\n\r\n" not in self._buffer:
            left = until - time.monotonic()
            data = self._read(left) if left > 0 else None
            if data is None:
                raise TimedOut(f"{self._address.place} does not answer.")
            if not data:
                raise Broken(f"{self._address.place} hung up instead of answering.")
            self._buffer += data
            far = b"\r\n\r\n" not in self._buffer[:HEAD_LIMIT] and len(self._buffer) > HEAD_LIMIT
            if far or not b"HTTP/".startswith(self._buffer[:5]):
                raise Broken(f"{self._address.place} does not speak HTTP.")
        text, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        head = _head(text)
        if head is None:
            raise Broken(f"{self._address.place} does not speak HTTP.")
        if "chunked" in head.headers.get("transfer-encoding", "").lower():
            self._chunks = Chunks()
        return head

    def _read(self, seconds: float) -> bytes | None:
        """None if nothing came, empty if the camera hung up."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(READ_BYTES)
        except TimeoutError:
            return None
        except OSError:
            return b""


class Chunks:
    """Takes a body in chunks (RFC 9112, 7.1), gives it in one. Raises ValueError where it is none."""

    def __init__(self) -> None:
        self.over = False
        self._left = 0  # of the chunk that is being read
        self._line = b""
        self._ends = False  # the line's end behind a chunk is yet to come

    def push(self, data: bytes) -> bytes:
        """Return what of the body is in `data`."""
        found = []
        while data and not self.over:
            if self._left:
                found.append(data[: self._left])
                data, self._left = data[self._left :], max(0, self._left - len(data))
                self._ends = not self._left
                continue
            end = data.find(b"\n")
            self._line += data if end < 0 else data[:end]
            if len(self._line) > LINE_LIMIT:
                raise ValueError("no chunk's size")
            if end < 0:
                break
            line, self._line, data = self._line.strip(), b"", data[end + 1 :]
            if self._ends and not line:
                self._ends = False
                continue
            size = SIZE.match(line)
            if size is None:
                raise ValueError("no chunk's size")
            self._left = int(size[1], 16)
            self.over = not self._left
        return b"".join(found)


def get(address: Address, *, seconds: float) -> HttpTalk:
    """Ask for the address's stream, with the password if the camera wants it, and follow where it sends us.

    Raises:
        CameraError: it cannot be had.
    """
    here = address
    for _ in range(1 + REDIRECTS):
        talk = _let_in(here, seconds)
        status, headers = talk.head.status, talk.head.headers
        if status == 200:
            return talk
        talk.close()
        if status in (401, 403, 407):
            raise Unauthorised(f"{here.place} does not let us in.")
        if status in (404, 410):
            raise NotFound(f"{here.place} does not have that stream.")
        if status not in MOVED or "location" not in headers:
            raise Refused(f"{here.place} answered with error {status}.")
        there = urljoin(
            f"http{'s' if here.secure else ''}{here.url.removeprefix('http')}", headers["location"]
        )
        moved = parse_address(there.partition("#")[0])
        if here.secure and not moved.secure:
            raise Refused(f"{here.place} sends us to an address without TLS.")
        # The password goes to the camera it was given for, nowhere else.
        known = moved.host == address.host
        here = replace(address.moved(moved, trusted=known), secure=moved.secure)
    raise NotFound(f"{address.place} sends us from one address to the next.")


def _let_in(address: Address, seconds: float) -> HttpTalk:
    """Ask once, once more with the password, and a last time if only its seal was too old."""
    password = Password(address.user, address.password)
    talk = HttpTalk(address, password, seconds=seconds)
    for number in range(2):
        offered = talk.head.headers.get("www-authenticate", "")
        if talk.head.status != 401 or not address.user or (number and not is_stale(offered)):
            break
        if not password.take(offered):
            break
        talk.close()
        talk = HttpTalk(address, password, seconds=seconds)
    return talk


def _head(text: bytes) -> Head | None:
    first, *lines = text.decode("utf-8", "replace").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[1].isdigit():
        return None
    return Head(int(words[1]), read_headers(lines))
