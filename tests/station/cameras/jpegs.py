"""JPEG pictures made on the spot, and a camera that sends them by HTTP."""

import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import av
import numpy as np

USER, PASSWORD = "admin", "pa:ss w%d"
Item = bytes | float
"""A picture, or a pause in seconds."""


@cache
def jpegs(count: int, *, width: int = 320, height: int = 240, seed: int = 1) -> tuple[bytes, ...]:
    """So many pictures, each with a bright square that moves."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(40, 90, (height // 8, width // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    encoder = av.CodecContext.create("mjpeg", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj422p"
    encoder.time_base = Fraction(1, 30)
    found = []
    for number in range(count):
        points = ground.copy()
        points[:48, 16 + number : 64 + number] = 230
        frame = av.VideoFrame.from_ndarray(points, format="rgb24").reformat(format="yuvj422p")
        frame.pts = number
        found += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(found)


def lasting(pictures: Sequence[bytes], *, rate: float = 30.0, seconds: float = 60.0) -> Iterator[Item]:
    """These pictures again and again."""
    for number in range(int(seconds * rate)):
        yield pictures[number % len(pictures)]
        yield 1 / rate


def then_flood(pictures: Sequence[bytes], begun: threading.Event, *, count: int) -> Iterator[Item]:
    """Pictures at an easy pace until the film has begun, then so many as fast as they go, then none."""
    while not begun.is_set():
        yield pictures[0]
        yield 0.05
    for number in range(count):
        yield pictures[number % len(pictures)]


@dataclass
class Shown:
    """What the camera answers. `length`: says how long each picture is; `chunked`: in chunks; `stays`: keeps
    the connection open at the end. `asked`: the requests that came.
    """

    items: Iterator[Item] | Sequence[Item] = ()
    content_type: str = 'multipart/x-mixed-replace; boundary="frame"'
    boundary: str = "frame"
    length: bool = True
    chunked: bool = False
    stays: bool = True
    status: str = "200 OK"
    headers: tuple[str, ...] = ()
    auth: str = ""
    tls: ssl.SSLContext | None = None
    raw: bytes = b""
    asked: list[str] = field(default_factory=list)


class _Server:
    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._connections: list[socket.socket] = []
        self._threads[0].start()

    def close(self) -> None:
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self.shown.tls is not None:
                connection = self.shown.tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            request = b""
            while b"\r\n\r\n" not in request:
                data = connection.recv(65_536)
                if not data:
                    return
                request += data
            self._answer(connection, request.decode())
            connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, connection: socket.socket, request: str) -> None:
        shown = self.shown
        shown.asked.append(request)
        challenge = _challenge(shown.auth, request)
        if challenge:
            head = ["HTTP/1.1 401 Unauthorized", f"WWW-Authenticate: {challenge}", "Content-Length: 0"]
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            return
        head = [f"HTTP/1.1 {shown.status}", f"Content-Type: {shown.content_type}", *shown.headers]
        head += ["Transfer-Encoding: chunked"] if shown.chunked else []
        connection.sendall("\r\n".join([*head, "", ""]).encode() + shown.raw)
        for item in shown.items:
            if isinstance(item, float):
                if self.over.wait(item):
                    return
                continue
            length = f"Content-Length: {len(item)}\r\n" if shown.length else ""
            part = f"--{shown.boundary}\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + item + b"\r\n"
            if shown.chunked:
                half = len(part) // 2
                pieces = (part[:half], part[half:])
                part = b"".join(f"{len(piece):X};x=1\r\n".encode() + piece + b"\r\n" for piece in pieces)
            connection.sendall(part)
        if shown.chunked:
            connection.sendall(b"0\r\n\r\n")
        if shown.stays:
            self.over.wait()


def _challenge(auth: str, request: str) -> str:
    """How the camera asks for the password; empty if it was told it."""
    if not auth:
        return ""
    told = next((line for line in request.split("\r\n") if line.startswith("Authorization: ")), "")
    if auth == "basic":
        good = "Authorization: Basic YWRtaW46cGE6c3MgdyVk"  # admin:pa:ss w%d
        return "" if told == good else 'Basic realm="cam"'
    target = request.split(" ")[1]
    a1 = hashlib.sha256(f"{USER}:cam:{PASSWORD}".encode()).hexdigest()
    a2 = hashlib.sha256(f"GET:{target}".encode()).hexdigest()
    words = dict(
        word.strip().split("=", 1) for word in told.partition("Digest ")[2].split(",") if "=" in word
    )
    between = ":".join(words.get(name, "").strip('"') for name in ("nonce", "nc", "cnonce", "qop"))
    wanted = hashlib.sha256(f"{a1}:{between}:{a2}".encode()).hexdigest()
    if words.get("response", "").strip('"') == wanted and words.get("uri") == f'"{target}"':
        return ""
    return 'Digest realm="cam", nonce="abc", qop="auth", algorithm=SHA-256'


@contextmanager
def showing(shown: Shown) -> Iterator[int]:
    """Serve to whoever comes; gives the port."""
    server = _Server(shown)
    try:
        yield server.port
    finally:
        server.close()
