"""The cable between a camera and the station: it can be cut, and it can carry rubbish."""

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from enum import Enum

from tests.listener import Listener

type Change = Callable[[bytes], bytes]


class Carries(Enum):
    """What comes through."""

    STREAM = "what the camera sends"
    RUBBISH = "rubbish, then an end"
    NOTHING = "nothing: every connection is closed at once"


class Line:
    """Listens at ``port`` of 127.0.0.1 and hands connections on to the camera's port."""

    def __init__(self, camera_port: int) -> None:
        self.camera_port = camera_port
        self.carries = Carries.STREAM
        self._flows = threading.Event()
        self._flows.set()
        self.loses = False
        self.garbled: tuple[random.Random, float] | None = None
        self._open: list[socket.socket] = []
        self._held: list[threading.Event] = []
        self._listener = Listener(self._meet)
        self.port = self._listener.port

    def carry(self, what: Carries) -> None:
        """Cut every connection; the next ones find this."""
        self.carries = what
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def lead_to(self, camera_port: int) -> None:
        """Cut every connection; the next ones find another camera."""
        self.camera_port = camera_port
        self.carry(Carries.STREAM)

    def hold(self) -> None:
        """Keep every connection, and let nothing through."""
        self._flows.clear()

    def let_go(self) -> None:
        """Let through what was held."""
        self._flows.set()

    def lose(self) -> None:
        """Keep every connection, and throw away the pictures that come, whole packets of them: those of a
        camera that stands still never come.
        """
        self.loses = True

    def find(self) -> None:
        """Throw nothing away any more."""
        self.loses = False

    def garble(self, rng: random.Random, *, share: float) -> None:
        """Change some bytes of what comes from the camera, ``share`` of them, until ``clear``."""
        self.garbled = (rng, share)

    def clear(self) -> None:
        """Let everything through as it is."""
        self.garbled = None

    def let_go_of_new_ones(self) -> None:
        """Let new connections through; those that are held stay held for ever."""
        self._held.append(self._flows)
        self._flows = threading.Event()
        self._flows.set()

    def close(self) -> None:
        """Cut everything and listen no more."""
        for flows in (*self._held, self._flows):
            flows.set()
        self._listener.close()
        self.carry(Carries.NOTHING)
        self._listener.join()

    def _meet(self, station: socket.socket) -> None:
        if self.carries is Carries.STREAM:
            try:
                camera = socket.create_connection(("127.0.0.1", self.camera_port), 5)
            except OSError:
                station.close()
                return
            camera.settimeout(None)
            self._open += [station, camera]
            self._listener.run(_pump, station, camera, self._flows, bytes)
            self._listener.run(_pump, camera, station, self._flows, self._changes())
            return
        with contextlib.suppress(OSError):
            if self.carries is Carries.RUBBISH:
                station.recv(4096)
                station.sendall(b"\x00\xffRTSP?" * 4096)
        station.close()

    def _changes(self) -> Change:
        """What happens to one connection's bytes from the camera."""
        framing = _Framing()

        def change(data: bytes) -> bytes:
            units = framing.feed(data)
            kept = b"".join(unit for unit in units if not (self.loses and unit[:1] == b"$"))
            return self._spoilt(kept) if kept else kept

        return change

    def _spoilt(self, data: bytes) -> bytes:
        garbled = self.garbled
        if garbled is None:
            return data
        rng, share = garbled
        spoilt = bytearray(data)
        for _ in range(max(1, int(len(data) * share))):
            spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        return bytes(spoilt)


class _Framing:
    """Cuts what a camera sends by RTSP over TCP into whole packets (``$``, RFC 2326, 10.12) and answers."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return what is whole; a body after an answer's head passes as it comes."""
        self._rest += data
        units: list[bytes] = []
        while self._rest:
            if self._rest[:1] == b"$":
                size = 4 + int.from_bytes(self._rest[2:4], "big")
                if len(self._rest) < max(4, size):
                    break
            else:
                size = self._rest.find(b"$")
                size = len(self._rest) if size < 0 else size
            units.append(self._rest[:size])
            self._rest = self._rest[size:]
        return units


def _pump(source: socket.socket, target: socket.socket, flows: threading.Event, change: Change) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            flows.wait()
            target.sendall(change(data))
    for one in (source, target):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
    # Only the thread that reads from a socket closes it, so that nobody reads from a number given out anew.
    source.close()
