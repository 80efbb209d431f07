"""The conversation with a camera (RFC 2326): requests and answers, passwords, and RTP between them.

Everything runs over one TCP connection. What is said while pictures already flow (a keep-alive's answer,
pictures that come before the answer to PLAY) is told apart by the first byte: `$` begins a packet, a letter
begins text.
"""

import base64
import hashlib
import re
import secrets
import socket
import ssl
import time
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit, urlunsplit

from packwitness.station.cameras.camera import (
    BadAddress,
    Broken,
    Ended,
    NotFound,
    Refused,
    TimedOut,
    Unauthorised,
)
from packwitness.station.cameras.rtp import DOLLAR

PORTS = {"rtsp": 554, "rtsps": 322}
READ_BYTES = 64 << 10
TEXT_LIMIT = 64 << 10
"""Longest answer, head and body."""
REDIRECTS = 3
SUPPORTED_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Address:
    """A camera's URL, taken apart: `url` holds no password, and `place` may be shown."""

    url: str
    host: str
    port: int
    user: str
    password: str
    secure: bool

    @property
    def place(self) -> str:
        return f"The camera at {self.host}:{self.port}"

    def moved(self, to: "Address", *, trusted: bool) -> "Address":
        """Where a camera sends us. The password comes along only if it is `trusted`."""
        user, password = (self.user, self.password) if trusted else ("", "")
        return replace(to, user=user, password=password, secure=self.secure)


def parse_address(url: str) -> Address:
    """Raises BadAddress; its text quotes nothing."""
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname
        port = parts.port or PORTS.get(scheme, 0)
    except ValueError:
        raise BadAddress("The camera's URL cannot be read.") from None
    if not host or not port:
        raise BadAddress("The camera's URL names no host.")
    netloc = parts.netloc.rpartition("@")[2]
    plain = urlunsplit(("rtsp", netloc, parts.path or "/", parts.query, ""))
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Address(plain, host, port, user, password, scheme == "rtsps")


@dataclass(frozen=True, slots=True)
class Answer:
    """A camera's answer. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: str


class Talk:
    """One connection. Not for two threads."""

    def __init__(self, address: Address, *, connect_seconds: float) -> None:
        self.address = address
        self._place = address.place
        self._patience = connect_seconds
        self._number = 0
        self._session = ""
        self._challenge: dict[str, str] | None = None
        self._nonce_count = 0
        self._buffer = b""
        self._scratch = memoryview(bytearray(READ_BYTES))
        self._early = b""  # packets that came before an answer
        self._socket = self._connect()

    def _connect(self) -> socket.socket:
        """Raises CameraError of the kind that fits."""
        try:
            plain = socket.create_connection((self.address.host, self.address.port), self._patience)
        except ConnectionRefusedError:
            raise Refused(f"{self._place} refuses connections.") from None
        except TimeoutError:
            raise TimedOut(f"{self._place} does not answer.") from None
        except OSError:
            raise NotFound(f"{self._place} cannot be reached.") from None
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self.address.secure:
            return plain
        # Cameras sign their own certificates; there is nobody to check them against.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            return context.wrap_socket(plain, server_hostname=self.address.host)
        except OSError:
            plain.close()
            raise Refused(f"{self._place} does not speak TLS.") from None

    def close(self) -> None:
        self._socket.close()

    # --- requests ---

    def ask(self, method: str, url: str, **headers: str) -> Answer:
        """Send a request and wait for its answer, with the password if the camera wants it.

        Raises:
            CameraError: there is no answer, or it is an error.
        """
        answer = self._ask_once(method, url, headers)
        if answer.status == 401 and self.address.user and self._take_challenge(answer):
            answer = self._ask_once(method, url, headers)
        if answer.status in (401, 403):
            raise Unauthorised(f"{self._place} does not let us in.")
        if answer.status in (404, 410):
            raise NotFound(f"{self._place} does not have that stream.")
        if answer.status >= 400:
            raise Refused(f"{self._place} answered {method} with error {answer.status}.")
        if session := answer.headers.get("session"):
            self._session = session.partition(";")[0].strip()
        return answer

    def say(self, method: str, url: str, **headers: str) -> None:
        """Send a request whose answer nobody waits for."""
        self._number += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._number}", "User-Agent: packwitness"]
        if self._session:
            lines.append(f"Session: {self._session}")
        if authorization := self._authorization(method, url):
            lines.append(f"Authorization: {authorization}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(self._patience)
            self._socket.sendall(data)
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

    # --- passwords (RFC 7616, 7617) ---

    def _take_challenge(self, answer: Answer) -> bool:
        """Remember how to identify ourselves. Returns whether it is worth another try."""
        challenge = answer.headers.get("www-authenticate", "")
        scheme, _, rest = challenge.partition(" ")
        found = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', rest)}
        found["scheme"] = scheme.lower()
        before, self._challenge = self._challenge, found
        self._nonce_count = 0
        return before is None or before.get("nonce") != found.get("nonce")

    def _authorization(self, method: str, url: str) -> str:
        challenge = self._challenge
        if challenge is None:
            return ""
        user, password = self.address.user, self.address.password
        if challenge["scheme"] == "basic":
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        algorithm = challenge.get("algorithm", "MD5").upper()
        make = SUPPORTED_HASHES.get(algorithm)
        if make is None:
            return ""

        def digest(*words: str) -> str:
            return make(":".join(words).encode()).hexdigest()

        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        secret, request = digest(user, realm, password), digest(method, url)
        head = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}"'
        if "algorithm" in challenge:
            head += f", algorithm={algorithm}"
        if "opaque" in challenge:
            head += f', opaque="{challenge["opaque"]}"'
        if "auth" not in re.split(r"[\s,]+", challenge.get("qop", "")):
            return f'{head}, response="{digest(secret, nonce, request)}"'
        self._nonce_count += 1
        count, ours = f"{self._nonce_count:08x}", secrets.token_hex(8)
        response = digest(secret, nonce, count, ours, "auth", request)
        return f'{head}, qop=auth, nc={count}, cnonce="{ours}", response="{response}"'

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
        if not whole and self._read(seconds) == b"":
            raise Ended(f"{self._place} ended its stream.")
        if not whole:
            self._front()
        data, self._buffer, self._early = self._early + self._buffer, b"", b""
        return data

    def keep(self, rest: bytes) -> None:
        """The end of a chunk that is yet to be completed."""
        self._buffer = rest

    def _front(self) -> bool:
        """Take answers off the front of the buffer; returns whether a whole packet is there."""
        while self._buffer and self._buffer[0] != DOLLAR:
            if self._text() is None:
                return False
        size = 4 + int.from_bytes(self._buffer[2:4], "big")
        return bool(self._early) or 4 <= size <= len(self._buffer)

    def _read(self, seconds: float) -> bytes | None:
        """Read what there is into the buffer; None if nothing came, empty if the camera hung up."""
        try:
            self._socket.settimeout(seconds)
            count = self._socket.recv_into(self._scratch)
        except TimeoutError:
            return None
        except OSError:
            return b""
        data = bytes(self._scratch[:count])
        self._buffer = self._buffer + data if self._buffer else data
        return data

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
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
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
