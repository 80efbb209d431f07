"""A camera that plays a script: real RTSP over TCP or TLS, packets between its answers or in datagrams."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Item = tuple[str, bytes] | float
"""A packet with its way, "video", "video control" or "sound"; or a pause in seconds."""
WAYS = {"video": 0, "video control": 1, "sound": 2, "sound control": 3}


@dataclass
class Script:
    """What the camera says and sends. `asked` is what it was asked, `reports` the RTCP that it got."""

    sdp: str
    items: Sequence[Item]
    tcp: bool = True
    udp: bool = True
    first_channel: int = 0
    """Of the interleaved ones; what the client asks for is not heeded."""
    timeout: int = 60
    public: str = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER"
    base: str | None = None
    flood: bytes = b""
    """Sent again and again after the items, as fast as it is taken."""
    tls: ssl.SSLContext | None = None
    refuses: dict[str, int] = field(default_factory=dict)
    """Status of the answer to requests whose first line holds this text."""
    asked: list[str] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)


class _Client:
    def __init__(self, script: Script, connection: socket.socket) -> None:
        self.script = script
        self.connection = connection
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._ways: dict[str, tuple[socket.socket, tuple[str, int]]] = {}
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        if self.script.tls is not None:
            try:
                self.connection = self.script.tls.wrap_socket(self.connection, server_side=True)
            except OSError:
                self.connection.close()
                return
        rest = b""
        with suppress(OSError):
            while data := self.connection.recv(65_536):
                rest += data
                while rest:
                    if rest[0] == 0x24:
                        size = 4 + int.from_bytes(rest[2:4], "big")
                        if len(rest) < size:
                            break
                        self.script.reports.append(rest[4:size])
                        rest = rest[size:]
                        continue
                    head, end, after = rest.partition(b"\r\n\r\n")
                    if not end:
                        break
                    rest = after
                    self._answer(head.decode())
        self.end()

    def end(self) -> None:
        self.over.set()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)
        for sock, _ in self._ways.values():
            sock.close()

    def _answer(self, request: str) -> None:
        script = self.script
        first = request.split("\r\n")[0]
        script.asked.append(request)
        status = next((status for text, status in script.refuses.items() if text in first), 200)
        lines = [f"RTSP/1.0 {status} x", re.findall(r"CSeq: \d+", request)[0]]
        body = ""
        if status == 200 and first.startswith("DESCRIBE"):
            body = script.sdp
            lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
            lines += [] if script.base is None else [f"Content-Base: {script.base}"]
        elif status == 200 and first.startswith("OPTIONS"):
            lines.append(f"Public: {script.public}")
        elif status == 200 and first.startswith("SETUP"):
            way = "sound" if "sound" in first else "video"
            transport = self._transport(way, request)
            if transport is None:
                lines[0] = "RTSP/1.0 461 Unsupported Transport"
            else:
                lines += [f"Transport: {transport}", f"Session: 77;timeout={script.timeout}"]
        self._send("\r\n".join([*lines, "", body]).encode())
        if status == 200 and first.startswith("PLAY"):
            self._begin(threading.Thread(target=self._play))

    def _begin(self, thread: threading.Thread) -> None:
        thread.start()
        self._threads.append(thread)  # only now may `end` join it

    def _transport(self, way: str, request: str) -> str | None:
        ports = re.search(r"client_port=(\d+)-(\d+)", request)
        if ports is None:
            channel = self.script.first_channel + WAYS[way]
            return f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}" if self.script.tcp else None
        if not self.script.udp:
            return None
        host = self.connection.getpeername()[0]
        own: list[int] = []
        for name, port in ((way, ports[1]), (f"{way} control", ports[2])):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(0.1)
            own.append(sock.getsockname()[1])
            self._ways[name] = (sock, (host, int(port)))
        self._begin(threading.Thread(target=self._hear, args=(f"{way} control",)))
        return f"RTP/AVP;unicast;{ports[0]};server_port={own[0]}-{own[1]}"

    def _hear(self, way: str) -> None:
        sock = self._ways[way][0]
        while not self.over.is_set():
            with suppress(TimeoutError):
                self.script.reports.append(sock.recv(2_000))

    def _play(self) -> None:
        with suppress(OSError):
            for item in self.script.items:
                if isinstance(item, float):
                    if self.over.wait(item):
                        return
                    continue
                way, packet = item
                if way in self._ways:
                    sock, to = self._ways[way]
                    sock.sendto(packet, to)
                    time.sleep(0.0002)
                else:
                    head = b"$%c" % (self.script.first_channel + WAYS[way]) + len(packet).to_bytes(2, "big")
                    self._send(head + packet)
            while self.script.flood and not self.over.is_set():
                self._send(self.script.flood)

    def _send(self, data: bytes) -> None:
        with self._lock:
            self.connection.sendall(data)


@contextmanager
def playing(script: Script) -> Iterator[int]:
    """Serve the script to whoever comes; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[_Client] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            clients.append(_Client(script, connection))
            thread = threading.Thread(target=clients[-1].run)
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for client in clients:
            client.end()
        for thread in threads:
            thread.join(5)
