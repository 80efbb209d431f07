"""When a camera that is connected gives nothing. Pure: time is told to it.

A picture can be late because of the camera, of the network, or because this machine is busy. So three things
are kept apart. After `QUIET_SECONDS` without a picture people are told, for the film may have a hole; nothing
is torn down, because what waits in a network's buffers still comes, and then the film has none. After
`DEAD_SECONDS` the connection is given up and made anew, which helps where a camera's encoder has died. And
time in which nobody ticked does not count: a process that stood still itself blames no camera.
"""

from enum import Enum

from packwitness.station.recorder.packets import NANO

QUIET_SECONDS = 1.5
DEAD_SECONDS = 4.0
USUAL_PICTURES = 4
"""A camera that sends one picture a second, or fewer, has so many of its own intervals."""
KEY_FACTOR = 4
KEY_LEAST_SECONDS = 4.0
KEY_MOST_SECONDS = 15.0
KEY_UNKNOWN_SECONDS = 60.0
"""How long a camera may take for its second keyframe."""
TICK_LIMIT_NS = 300_000_000


class Stall(Enum):
    """What a tick finds."""

    QUIET = "no picture"
    DEAD = "no picture for so long that the connection is given up"
    NO_KEYFRAME = "pictures, but none that a film could begin with"


class Watchdog:
    """Of one camera, over all its connections, so that what is usual need not be learned anew."""

    def __init__(self) -> None:
        self._interval_ns = 0
        self._group_ns = 0
        """The longest group of pictures so far: some cameras stretch theirs while nothing moves."""
        self._picture_ns: int | None = None
        self._key_ns: int | None = None
        self._quiet_ns = 0
        self._ticked_ns: int | None = None

    def begin(self) -> None:
        """A new connection: nothing is expected before its first picture."""
        self._picture_ns = self._key_ns = None
        self._quiet_ns = 0

    def picture(self, arrival_ns: int, *, key: bool) -> None:
        """A picture came."""
        if self._picture_ns is not None and arrival_ns > self._picture_ns:
            # Slow to believe that pictures have become rare, quick to believe that they have become frequent.
            step = arrival_ns - self._picture_ns
            self._interval_ns = min(step, self._interval_ns + self._interval_ns // 8 + NANO // 100)
        self._picture_ns, self._quiet_ns = arrival_ns, 0
        if key:
            if self._key_ns is not None:
                self._group_ns = max(self._group_ns, arrival_ns - self._key_ns)
            self._key_ns = arrival_ns

    def tick(self, now_ns: int) -> Stall | None:
        """Judge, some ten times a second."""
        passed = 0 if self._ticked_ns is None else min(now_ns - self._ticked_ns, TICK_LIMIT_NS)
        self._ticked_ns = now_ns
        if self._picture_ns is None:
            return None
        self._quiet_ns += passed
        usual = USUAL_PICTURES * self._interval_ns
        if self._quiet_ns >= max(DEAD_SECONDS * NANO, 2 * usual):
            return Stall.DEAD
        if self._quiet_ns >= max(QUIET_SECONDS * NANO, usual):
            return Stall.QUIET
        if self._key_ns is not None and self._picture_ns - self._key_ns >= self._key_limit():
            self._group_ns = max(self._group_ns, self._picture_ns - self._key_ns)
            return Stall.NO_KEYFRAME
        return None

    def _key_limit(self) -> float:
        group = self._group_ns
        if not group:
            return KEY_UNKNOWN_SECONDS * NANO
        wanted = min(max(KEY_FACTOR * group, KEY_LEAST_SECONDS * NANO), KEY_MOST_SECONDS * NANO)
        return max(wanted, 1.5 * group)
