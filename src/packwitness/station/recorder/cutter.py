"""Packets to parts. Pure: no clock, no disk, no FFmpeg.

A part begins at every keyframe and before the open one would grow past a second. Its duration is known when
the next packet is: from its first decode time to the next part's, so that parts join without seam.
"""

from dataclasses import dataclass

from packwitness.station.recorder.messages import TIMESCALE
from packwitness.station.recorder.packets import Packet

LIMIT = TIMESCALE


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Packets that make one part. `start` and `duration` in 90000ths of a second on the packets' own line."""

    packets: tuple[Packet, ...]
    start: int
    duration: int

    @property
    def key(self) -> bool:
        return self.packets[0].key


class Cutter:
    """Cuts one run of packets."""

    def __init__(self) -> None:
        self._open: list[Packet] = []
        self._step = 0

    def push(self, packet: Packet) -> Cut | None:
        """Add a packet; return the part that it closes, if it does."""
        cut = None
        if self._open:
            first = self._open[0].dts
            step = packet.dts - self._open[-1].dts
            if step > LIMIT:
                cut = self.flush()  # a hole, not a long picture
            else:
                self._step = step
            if self._open and (packet.key or packet.dts + self._usual(packet) - first > LIMIT):
                cut = self._close(min(packet.dts - first, LIMIT))
        self._open.append(packet)
        return cut

    def flush(self) -> Cut | None:
        """Close the open part where its last packet ends."""
        if not self._open:
            return None
        first, last = self._open[0], self._open[-1]
        return self._close(min(last.dts + self._usual(last) - first.dts, LIMIT))

    @property
    def empty(self) -> bool:
        return not self._open

    def _usual(self, packet: Packet) -> int:
        """How long a packet lasts, if its successor is not known."""
        return packet.duration or self._step or TIMESCALE // 25

    def _close(self, duration: int) -> Cut:
        packets = tuple(self._open)
        self._open.clear()
        return Cut(packets, packets[0].dts, duration)
