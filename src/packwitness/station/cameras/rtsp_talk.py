"""The conversation with a camera (RFC 2326): requests and answers, passwords, and RTP between them.

Everything runs over one TCP connection. What is said while pictures already flow (a keep-alive's answer,
pictures that come before the answer to PLAY) is told apart by the first byte: `$` begins a packet, a letter
begins text.
"""

import socket
import ssl
import struct
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass

from packwitness.station.cameras.address import Address
from packwitness.station.cameras.camera import (
    Broken,
    Ended,
    NotFound,
    Refused,
    TimedOut,
    Unauthorised,
)
from packwitness.station.cameras.challenge import Password, is_stale
from packwitness.station.cameras.headers import read_headers
from packwitness.station.cameras.reach import reach
from packwitness.station.cameras.rtp import DOLLAR

READ_BYTES = 128 << 10
TEXT_LIMIT = 64 << 10
"""Longest answer, head and body."""
HURRY_SECONDS = 0.1
"""How long a request may take to be sent while others share the thread; it takes none unless the camera has
stopped reading.
"""
SO_TIMESTAMPNS = 35
"""From Linux's asm-generic/socket.h; Python does not name it."""
EXTRAS_BYTES = 64
AGE_LIMIT_NS = 2_000_000_000
REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """A camera's answer. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: str


def _challenge_of(answer: Answer) -> str:
    return answer.headers.get("www-authenticate", "")


class Talk:
    """One connection. Not for two threads."""

    def __init__(self, address: Address, *, connect_seconds: float) -> None:
        self.address = address
        self._place = address.place
        self._methods = ""
        self._staying: tuple[str, str] | None = None  # a keep-alive that may yet be said again
        self._patience = connect_seconds
        self._number = 0
        self._session = ""
        self._password = Password(address.user, address.password)
        self._buffer = b""
        self._scratch = memoryview(bytearray(READ_BYTES))
        self._early = b""  # packets that came before an answer
        self._waits: float | None = None
        self.age_ns = 0
        """How long ago the last of what was read had come."""
        self.flows = False
        self.drained = False
        """Whether the last chunk took all that there was."""
        self.socket = reach(address, seconds=connect_seconds)

    def close(self) -> None:
        self.socket.close()

    @property
    def family(self) -> int:
        return self.socket.family

    @property
    def local(self) -> str:
        """Our address, as the camera sees it."""
        host: str = self.socket.getsockname()[0]
        return host

    @property
    def peer(self) -> str:
        """The camera's address."""
        host: str = self.socket.getpeername()[0]
        return host

    # --- requests ---

    def ask(self, method: str, url: str, *, allow: Collection[int] = (), **headers: str) -> Answer:
        """Send a request and wait for its answer, with the password if the camera wants it. An error whose
        status is in `allow` is returned too.

        Raises:
            CameraError: there is no answer, or it is an error.
        """
        answer = self._ask_once(method, url, headers)
        if answer.status == 401 and self.address.user and self._password.take(_challenge_of(answer)):
            answer = self._ask_once(method, url, headers)
            # The password was right, only its seal too old: some say so each time that they are asked.
            offered = _challenge_of(answer)
            if answer.status == 401 and is_stale(offered) and self._password.take(offered):
                answer = self._ask_once(method, url, headers)
        if answer.status in allow:
            return answer
        if answer.status in (401, 403):
            raise Unauthorised(f"{self._place} does not let us in.")
        if answer.status in (404, 410):
            raise NotFound(f"{self._place} does not have that stream.")
        if answer.status >= 400:
            raise Refused(f"{self._place} answered {method} with error {answer.status}.")
        if session := answer.headers.get("session"):
            self._session = session.partition(";")[0].strip()
        self._methods = answer.headers.get("public", self._methods)
        return answer

    def flow(self) -> bool:
        """From now on wait for nothing: reads return at once, and `age_ns` tells how long what was read lay
        there.

        Returns False, and changes nothing, where the system cannot tell that.
        """
        if sys.platform != "linux" or isinstance(self.socket, ssl.SSLSocket):
            return False
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        except OSError:
            return False
        self.flows, self._patience = True, HURRY_SECONDS
        return True

    def stay(self, url: str) -> None:
        """Keep the session alive, by a request that this camera knows."""
        known = not self._methods or "GET_PARAMETER" in self._methods.upper()
        self._staying = ("GET_PARAMETER" if known else "OPTIONS", url)
        self.say(*self._staying)

    def say(self, method: str, url: str, **headers: str) -> None:
        """Send a request whose answer nobody waits for."""
        self._number += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._number}", "User-Agent: packwitness"]
        if self._session:
            lines.append(f"Session: {self._session}")
        if authorization := self._password.authorization(method, url):
            lines.append(f"Authorization: {authorization}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        try:
            self._waits = None
            self.socket.settimeout(self._patience)
            self.socket.sendall(data)
        except OSError:
            raise Refused(f"{self._place} closed the connection.") from None

    def _ask_once(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        self.say(method, url, **headers)
        until = time.monotonic() + self._patience
        while True:
            left = until - time.monotonic()
            found = self._text() if left > 0 else None
            if found is not None:
                if found.headers.get("cseq") in (None, str(self._number)):
                    return found
                continue
            if left <= 0:
                raise TimedOut(f"{self._place} does not answer.")
            if self._read(left) == b"":
                raise Broken(f"{self._place} hung up instead of answering {method}.")

    # --- what comes in ---

    def chunk(self, seconds: float) -> bytes:
        """Return what is there, from the beginning of a packet on; wait up to `seconds` for more if it is not
        whole.

        Hand what was not used back to `keep`.

        Raises:
            Ended: the camera hung up.
            Broken: what came is neither packet nor answer.
        """
        whole = self._front()
        self.drained = False
        if not whole:
            came = self._read(seconds)
            if came == b"":
                raise Ended(f"{self._place} ended its stream.")
            self.drained = came is None or len(came) < READ_BYTES
            self._front()
        data, self._buffer, self._early = self._early + self._buffer, b"", b""
        return data

    def keep(self, rest: bytes) -> None:
        """The end of a chunk that is yet to be completed."""
        self._buffer = rest

    def _front(self) -> bool:
        """Take answers off the front of the buffer; returns whether a whole packet is there."""
        while self._buffer and self._buffer[0] != DOLLAR:
            answer = self._text()
            if answer is None:
                return False
            staying = self._staying
            if answer.status == 401 and staying is not None and self._password.take(_challenge_of(answer)):
                # The seal of our password is too old. Once for each keep-alive: it may be wrong as well.
                self._staying = None
                self.say(*staying)
        size = 4 + int.from_bytes(self._buffer[2:4], "big")
        return bool(self._early) or 4 <= size <= len(self._buffer)

    def _read(self, seconds: float) -> bytes | None:
        """Read what there is into the buffer; None if nothing came, empty if the camera hung up."""
        try:
            self._wait_up_to(0 if self.flows else seconds)
            count = self._received() if self.flows else self.socket.recv_into(self._scratch)
        except (TimeoutError, BlockingIOError):
            return None
        except OSError:
            return b""
        data = bytes(self._scratch[:count])
        self._buffer = self._buffer + data if self._buffer else data
        return data

    def _received(self) -> int:
        count, extras, _, _ = self.socket.recvmsg_into([self._scratch], EXTRAS_BYTES)
        self.age_ns = 0
        for _, kind, data in extras:
            if kind == SO_TIMESTAMPNS:
                seconds, rest = struct.unpack("@ll", data)
                age = time.time_ns() - (seconds * 1_000_000_000 + rest)
                # Both are the time of day: nothing is to be learned while that is being set.
                self.age_ns = age if 0 <= age < AGE_LIMIT_NS else 0
        return count

    def _wait_up_to(self, seconds: float) -> None:
        """Have reading wait so long. Python's own time-outs cost two more system calls a read, and each lets
        another camera's thread in between; where the system can wait by itself, it does.
        """
        if seconds == self._waits:
            return
        self._waits = seconds
        if seconds == 0:
            self.socket.setblocking(False)
            return
        if sys.platform == "win32" or isinstance(self.socket, ssl.SSLSocket):
            self.socket.settimeout(seconds)
            return
        self.socket.settimeout(None)
        whole = int(seconds)
        limit = struct.pack("@ll", whole, max(1, int((seconds - whole) * 1_000_000)))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    def _text(self) -> Answer | None:
        """Take an answer off the buffer if it is there whole; packets before it are kept.

        Requests that the camera makes are taken off too, and not answered: none matters to us.
        """
        while self._buffer[:1] == b"$":
            if len(self._buffer) < 4:
                return None
            size = 4 + int.from_bytes(self._buffer[2:4], "big")
            if len(self._buffer) < size:
                return None
            self._early += self._buffer[:size]
            self._buffer = self._buffer[size:]
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            if len(self._buffer) > TEXT_LIMIT or (self._buffer and not self._buffer[:1].isalpha()):
                raise Broken(f"{self._place} does not speak RTSP.")
            return None
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        headers = read_headers(lines)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > TEXT_LIMIT:
            raise Broken(f"{self._place} does not speak RTSP.")
        if len(rest) < int(length):
            return None
        self._buffer = rest[int(length) :]
        words = first.split(" ", 2)
        if not first.startswith("RTSP/"):
            if first.endswith("RTSP/1.0"):
                return self._text()
            raise Broken(f"{self._place} does not speak RTSP.")
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 500
        return Answer(status, headers, rest[: int(length)].decode("utf-8", "replace"))
