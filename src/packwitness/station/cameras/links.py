"""How RTP comes from a camera: in the conversation's own connection, or in datagrams beside it."""

import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from packwitness.station.cameras.camera import CameraError, Clock, Refused
from packwitness.station.cameras.reorder import Reorder
from packwitness.station.cameras.rtcp import EMPTY, Reception
from packwitness.station.cameras.rtp import Depacketiser, Picture
from packwitness.station.cameras.rtsp_talk import Talk

RECEIVE_BYTES = 2 << 20
"""Room for a keyframe that comes at once."""
DATAGRAM_BYTES = 65_536
PORT_TRIES = 50


@dataclass(slots=True)
class Came:
    """What came: pictures, and the packets of the picture's RTCP and of the sound."""

    pictures: list[Picture] = field(default_factory=list)
    control: list[bytes] = field(default_factory=list)
    sound: list[bytes] = field(default_factory=list)


class Link(Protocol):
    """Where the packets come from."""

    def take(self, seconds: float) -> Came:
        """Wait up to `seconds`; return what is there.

        Raises:
            CameraError: the camera hung up.
            BadPacket: what came is no video.
        """
        ...

    @property
    def age_ns(self) -> int:
        """How long ago the last of it came."""
        ...

    def report(self) -> None:
        """Tell the camera that we are here, and what came."""
        ...

    def close(self) -> None: ...


class TcpLink:
    """Packets between the conversation's answers (RFC 2326, 10.12)."""

    def __init__(self, talk: Talk, depacketiser: Depacketiser, channel: int) -> None:
        self._talk = talk
        self._depacketiser = depacketiser
        self._channel = channel
        self.sound: int | None = None
        """The channel of the sound's RTP, once there is one."""

    @property
    def age_ns(self) -> int:
        """See `Link.age_ns`."""
        return self._talk.age_ns

    @property
    def sound_wish(self) -> str:
        """Two channels that the picture does not use."""
        return f"{self._channel + 2}-{self._channel + 3}"

    def take(self, seconds: float) -> Came:
        """See `Link.take`."""
        data = self._talk.chunk(seconds)
        pictures, used = self._depacketiser.take(data, self._channel)
        self._talk.keep(data[used:])
        came = Came(pictures)
        aside = self._depacketiser.aside
        if aside:
            for channel, packet in aside:
                if channel == self.sound:
                    came.sound.append(packet)
                elif channel == self._channel + 1:
                    came.control.append(packet)
            aside.clear()
        return came

    def report(self) -> None:
        """See `Link.report`. Nothing is lost here, so there is nothing to report but ourselves."""
        self._talk.send(b"$%c\x00\x08" % (self._channel + 1) + EMPTY)

    def close(self) -> None:
        """Nothing is open but the conversation."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Two sockets side by side: RTP at an even port, RTCP at the next."""

    rtp: socket.socket
    rtcp: socket.socket

    @property
    def number(self) -> int:
        port: int = self.rtp.getsockname()[1]
        return port

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def open_ports(talk: Talk) -> Ports:
    """Two free ports at the address that the camera sees us by.

    Raises:
        CameraError: there are none.
    """
    family, local = talk.family, talk.local
    for _ in range(PORT_TRIES):
        rtp = socket.socket(family, socket.SOCK_DGRAM)
        rtcp = socket.socket(family, socket.SOCK_DGRAM)
        try:
            rtp.bind((local, 0))
            port = rtp.getsockname()[1]
            if port % 2 == 0:
                rtcp.bind((local, port + 1))
                rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return Ports(rtp, rtcp)
        except OSError:
            pass  # the next port is somebody's: try another pair
        rtp.close()
        rtcp.close()
    raise CameraError(f"The station has no two free ports for {talk.address.place}.")


class UdpLink:
    """Packets in datagrams, put back in order. Only the camera's own are taken."""

    age_ns = 0
    """They are taken as they come, since the system throws away what is not."""

    def __init__(self, talk: Talk, depacketiser: Depacketiser, clock: Clock) -> None:
        self._talk = talk
        self._depacketiser = depacketiser
        self._clock = clock
        self._peers = {talk.peer}
        self._reorder, self._reception = Reorder(), Reception()
        self._picture: Ports | None = None
        self._sound: Ports | None = None
        self._report_to: tuple[str, int] | None = None

    def expect(self, ports: Ports, server_ports: Sequence[int], source: str, *, sound: bool) -> None:
        """Take what comes at `ports`. `server_ports` and `source`: from where the camera said it sends."""
        if source:
            self._peers.add(source)
        if sound:
            self._sound = ports
        else:
            self._picture = ports
        if len(server_ports) == 2:
            # Opens the way back through a firewall or router that stands between.
            self._send(ports.rtp, b"\x80" + bytes(11), server_ports[0])
            self._send(ports.rtcp, EMPTY, server_ports[1])
            if not sound:
                self._report_to = (self._talk.peer, server_ports[1])

    def take(self, seconds: float) -> Came:
        """See `Link.take`."""
        came = Came()
        picture = self._picture
        if picture is None:
            raise Refused(f"{self._talk.address.place} sends no picture.")
        sockets = [picture.rtp, picture.rtcp]
        if self._sound is not None:
            sockets += [self._sound.rtp, self._sound.rtcp]
        ready, _, _ = select.select([*sockets, self._talk.socket], [], [], seconds)
        if self._talk.socket in ready:
            rest = self._talk.chunk(0.01)
            self._talk.keep(b"" if rest.startswith(b"$") else rest)
        packets = self._reorder.due(self._clock())
        if picture.rtp in ready:
            for packet in self._datagrams(picture.rtp):
                if len(packet) < 12 or packet[0] >> 6 != 2:
                    continue
                self._reception.note(packet)
                packets += self._reorder.push(packet, self._clock())
        for packet in packets:
            came.pictures += self._depacketiser.push(memoryview(packet))
        if picture.rtcp in ready:
            came.control += self._datagrams(picture.rtcp)
        if self._sound is not None:
            if self._sound.rtp in ready:
                came.sound += self._datagrams(self._sound.rtp)
            if self._sound.rtcp in ready:
                self._datagrams(self._sound.rtcp)
        return came

    def report(self) -> None:
        """See `Link.report`."""
        if self._picture is not None and self._report_to is not None:
            self._send(self._picture.rtcp, self._reception.report(), self._report_to[1])

    def close(self) -> None:
        """Free the ports."""
        for ports in (self._picture, self._sound):
            if ports is not None:
                ports.close()

    def _datagrams(self, sock: socket.socket) -> list[bytes]:
        found: list[bytes] = []
        while True:
            try:
                data, (host, *_) = sock.recvfrom(DATAGRAM_BYTES)
            except BlockingIOError:
                return found
            except OSError:
                continue  # an ICMP answer to one of our reports
            if host in self._peers:
                found.append(data)

    def _send(self, sock: socket.socket, data: bytes, port: int) -> None:
        try:
            sock.sendto(data, (self._talk.peer, port))
        except OSError:
            return  # a report that does not go out is no reason to stop
