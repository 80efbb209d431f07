"""Packets made by hand, for what needs no film: the ring, the cutter, the reel."""

from packwitness.station.recorder.messages import StreamFacts
from packwitness.station.recorder.packets import Packet, Run, Track

TRACK = Track("h264", (), b"init", StreamFacts("avc1.42c00d", 320, 240), b"")
STEP = 3000


def run(*, at_ns: int = 0, connection: int = 1) -> Run:
    """A line of time whose tick 0 is the monotonic moment `at_ns`."""
    line = Run(connection)
    line.anchor.add(at_ns, 0)
    return line


def packets(
    line: Run, count: int, *, first: int = 0, gop: int = 30, size: int = 10, step: int = STEP
) -> list[Packet]:
    """`count` packets from number `first` on, a keyframe every `gop`."""
    return [
        Packet(bytes(size), index * step, index * step, step, index % gop == 0, line, TRACK)
        for index in range(first, first + count)
    ]
