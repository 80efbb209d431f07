"""The last seconds of one camera, in memory, as groups of pictures that begin at a keyframe."""

from collections import deque

from packwitness.station.recorder.messages import TIMESCALE
from packwitness.station.recorder.packets import NANO, Packet

SECONDS = 3.5
"""Pre-roll and what a scan takes to become a take."""
BYTES = 64 << 20


class Ring:
    """Holds at least `seconds` up to the newest packet, but no more than `limit` bytes; always the current
    group.

    A group that outgrows four times the limit by itself is let go: a camera that sends no keyframes must not
    eat the station's memory.
    """

    def __init__(self, *, seconds: float = SECONDS, limit: int = BYTES) -> None:
        self._span = int(seconds * NANO)
        self._span_ticks = int(seconds * TIMESCALE)
        self._limit = limit
        self._groups: deque[list[Packet]] = deque()
        self._sizes: deque[int] = deque()
        self.size = 0

    def append(self, packet: Packet) -> None:
        """Add a packet; before the first keyframe there is nothing to add it to, and it is left out."""
        if packet.key:
            self._groups.append([])
            self._sizes.append(0)
        if not self._groups:
            return
        self._groups[-1].append(packet)
        self._sizes[-1] += len(packet.data)
        self.size += len(packet.data)
        if len(self._groups) > 1:
            second = self._groups[1][0]
            if packet.run is not second.run or packet.dts - second.dts >= self._span_ticks:
                self._trim(packet)
        while len(self._groups) > 1 and self.size > self._limit:
            self._drop()
        if self.size > 4 * self._limit:
            self._drop()

    def since(self, moment_ns: int) -> list[Packet]:
        """Everything from the last keyframe at or before `moment_ns`, or from the oldest there is."""
        groups = list(self._groups)
        first = 0
        for index, group in enumerate(groups):
            if group[0].run.moment(group[0].dts) <= moment_ns:
                first = index
        return [packet for group in groups[first:] for packet in group]

    def _trim(self, newest: Packet) -> None:
        horizon = newest.run.moment(newest.dts) - self._span
        while len(self._groups) > 1 and self._start(1) <= horizon:
            self._drop()

    def _start(self, index: int) -> int:
        head = self._groups[index][0]
        return head.run.moment(head.dts)

    def _drop(self) -> None:
        self._groups.popleft()
        self.size -= self._sizes.popleft()
