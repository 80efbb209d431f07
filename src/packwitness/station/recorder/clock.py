"""From a camera's time stamps to the monotonic clock.

A packet can only be late, never early: so the least difference between arrival and time stamp is the nearest
to the truth. It is taken over the last minute or so, because a camera's clock drifts against ours by a second
in some hours.
"""

WINDOW_NS = 30_000_000_000


class Anchor:
    """Monotonic nanoseconds of time stamp 0: the least `arrival - pts` of this window and the one before."""

    __slots__ = ("_before", "_began", "_least", "_value")

    def __init__(self) -> None:
        self._began: int | None = None
        self._before: int | None = None
        self._least = 0
        self._value = 0

    def add(self, arrival_ns: int, pts_ns: int) -> None:
        """Learn from one packet."""
        late = arrival_ns - pts_ns
        if self._began is None:
            self._began, self._least = arrival_ns, late
        elif arrival_ns - self._began >= WINDOW_NS:
            self._began, self._before, self._least = arrival_ns, self._least, late
        elif late < self._least:
            self._least = late
        self._value = self._least if self._before is None else min(self._least, self._before)

    def moment(self, pts_ns: int) -> int:
        """Monotonic nanoseconds at which the picture stamped `pts_ns` was taken (as near as we know)."""
        return self._value + pts_ns
