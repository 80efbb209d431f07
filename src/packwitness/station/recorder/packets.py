"""What the ring holds: packets as MP4 wants them, on a line of time that maps to the monotonic clock."""

from dataclasses import dataclass

from packwitness.station.recorder.clock import Anchor, Drift, Offset, Timing
from packwitness.station.recorder.messages import TIMESCALE, StreamFacts

NANO = 1_000_000_000


def ticks(ns: int) -> int:
    """Nanoseconds to 90000ths of a second, to the nearest."""
    return (ns * TIMESCALE + NANO // 2) // NANO


def nanoseconds(count: int) -> int:
    return count * NANO // TIMESCALE


class Run:
    """An uninterrupted line of time of a camera: one connection, or what follows a jump of the camera's
    clock.
    """

    __slots__ = ("anchor", "connection", "drift", "offset", "source")

    def __init__(self, connection: int, source: str = "stream") -> None:
        self.connection = connection
        self.source = source
        self.anchor = Anchor()
        self.drift = Drift()
        self.offset = Offset()

    def moment(self, tick: int) -> int:
        """Monotonic nanoseconds of `tick` on this line."""
        return self.anchor.moment(nanoseconds(tick))

    def timing(self, late_ns: int) -> Timing:
        """What is known of its times, `late_ns` being the latest that a picture came."""
        return Timing(self.source, self.drift.ppm, -(-late_ns // 1_000_000), self.offset.ms)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Track:
    """A camera's stream as long as its parameter sets stay the same. `template` belongs to an open
    container.
    """

    codec: str
    sets: tuple[bytes, ...]
    init: bytes
    facts: StreamFacts
    record: bytes


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Packet:
    """One encoded picture, units length-prefixed, times in 90000ths of a second on its `run`. Shared, never
    changed.

    Within a run `dts` only grows, and `pts` is never below it. `late_ns`: how much later than the promptest
    it came. `lost`: packets of the network that were lost just before it; `dropped`: pictures that came
    before it and could not be encoded in time.
    """

    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool
    run: Run
    track: Track
    late_ns: int = 0
    lost: int = 0
    dropped: int = 0
