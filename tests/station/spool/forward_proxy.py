"""A forward proxy on loopback: what a shop's network may put between a station and its hub."""

import contextlib
import re
import socket
import threading

from tests.listener import Listener


class ForwardProxy:
    """Passes connections on to the host that their first request names; remembers the requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        """What came first on each connection: the first request's head, at least."""
        self._listener = Listener(lambda client: self._listener.run(self._serve, client))
        self.url = f"http://127.0.0.1:{self._listener.port}"

    def close(self) -> None:
        self._listener.close()
        self._listener.join()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            first = client.recv(65_536)
            line = first.split(b"\r\n", 1)[0].decode()
            found = re.match(r"[A-Z]+ http://([\d.]+):(\d+)/", line)
            if found is None:
                return
            self.asked.append(line)
            self.heads.append(first)
            with socket.create_connection((found[1], int(found[2])), 5) as origin:
                origin.settimeout(None)
                # What goes on to the origin names the path alone (RFC 9112, 3.2.1).
                whole, bare = f" http://{found[1]}:{found[2]}/".encode(), b" /"
                origin.sendall(first.replace(whole, bare))
                back = threading.Thread(target=_pump, args=(origin, client, b"", b""))
                back.start()
                _pump(client, origin, whole, bare)
                back.join(5)


def _pump(source: socket.socket, target: socket.socket, what: bytes, instead: bytes) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data.replace(what, instead) if what else data)
        target.shutdown(socket.SHUT_WR)
