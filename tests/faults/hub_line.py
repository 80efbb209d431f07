"""The way from the station to the hub: it can break off, stay silent, answer with errors or by halves."""

import contextlib
import random
import socket
from enum import Enum

from tests.listener import Listener

HEAD_LIMIT = 64 << 10


class Mood(Enum):
    """What a connection meets."""

    CALM = "everything goes through"
    RESET = "it is reset in the middle of what the station says, in a head or in a film's bytes"
    ERROR = "a server's error, whatever was asked"
    SILENT = "nobody answers"
    HALF = "the hub does what it was asked, and half of its answer comes back"


class HubLine:
    """Listens at ``port`` of 127.0.0.1 and hands connections on to the hub's port, as its mood is."""

    def __init__(self, hub_port: int, rng: random.Random) -> None:
        self._hub_port = hub_port
        self._rng = rng
        self._mood = Mood.CALM
        self._open: list[socket.socket] = []
        self._listener = Listener(self._meet)
        self.port = self._listener.port

    def be(self, mood: Mood) -> None:
        """Change the mood and end the connections of the one before."""
        self._mood = mood
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._listener.close()
        self.be(Mood.CALM)
        self._listener.join()

    def _meet(self, station: socket.socket) -> None:
        self._open.append(station)
        self._listener.run(self._serve, station, self._mood)

    def _serve(self, station: socket.socket, mood: Mood) -> None:
        with contextlib.suppress(OSError), station:
            if mood is Mood.RESET:
                # Heads are hundreds of bytes, parts tens of thousands: half of the cuts lie in each.
                self._cut_short(station, after=int(10 ** self._rng.uniform(1.5, 5.5)))
            elif mood is Mood.SILENT:
                while station.recv(65_536):
                    pass
            elif mood is Mood.ERROR:
                station.recv(HEAD_LIMIT)
                station.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry")
            else:
                self._through(station, half=mood is Mood.HALF)

    def _cut_short(self, station: socket.socket, *, after: int) -> None:
        """Hand so many bytes on, then reset both connections."""
        with socket.create_connection(("127.0.0.1", self._hub_port), 5) as hub:
            hub.settimeout(None)
            self._open.append(hub)
            self._listener.run(_pump, hub, station)
            while after and (data := station.recv(min(after, 65_536))):
                hub.sendall(data)
                after -= len(data)
            for one in (station, hub):
                # Closed with a time of 0 to linger, a connection is reset instead of ended.
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            hub.shutdown(socket.SHUT_RD)

    def _through(self, station: socket.socket, *, half: bool) -> None:
        with socket.create_connection(("127.0.0.1", self._hub_port), 5) as hub:
            hub.settimeout(None)
            self._open.append(hub)
            self._listener.run(_pump, station, hub)
            while data := hub.recv(65_536):
                station.sendall(data[: len(data) // 2] if half else data)
                if half:
                    # Closing alone says nothing while the other thread still reads.
                    station.shutdown(socket.SHUT_RDWR)
                    return


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
