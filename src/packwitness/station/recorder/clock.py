"""From a camera's time stamps to the monotonic clock, and how good they are.

A packet can only be late, never early: so the least difference between arrival and time stamp is the nearest
to the truth. It is taken over the last minute or so, because a camera's clock drifts against ours by a second
in some hours.
"""

import time
from collections import deque
from dataclasses import dataclass
from itertools import combinations
from statistics import median

WINDOW_NS = 30_000_000_000
DRIFT_WINDOW_NS = 5_000_000_000
"""The promptest packet of so long stands for it when drift is measured."""
DRIFT_WINDOWS = 60
DRIFT_NEEDS = 12
"""Windows, so a minute; over less the jitter of two packets would pass for drift."""
OFFSETS = 9


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


class Drift:
    """How much faster than ours a camera's clock runs: the slope through the promptest packet of each window.

    The median over the slopes of all pairs (Theil and Sen) does not mind windows in which everything was
    late.
    """

    __slots__ = ("_began", "_best", "_points")

    def __init__(self) -> None:
        self._points: deque[tuple[int, int]] = deque(maxlen=DRIFT_WINDOWS)
        self._began: int | None = None
        self._best = (0, 0)

    def add(self, arrival_ns: int, stamp_ns: int) -> None:
        """Learn from one packet."""
        late = arrival_ns - stamp_ns
        if self._began is None:
            self._began, self._best = arrival_ns, (arrival_ns, late)
        elif arrival_ns - self._began >= DRIFT_WINDOW_NS:
            self._points.append(self._best)
            self._began, self._best = arrival_ns, (arrival_ns, late)
        elif late < self._best[1]:
            self._best = (arrival_ns, late)

    @property
    def ppm(self) -> int | None:
        """Millionths; None under a minute of packets."""
        if len(self._points) < DRIFT_NEEDS:
            return None
        slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(self._points, 2) if b[0] > a[0]]
        return round(-1e6 * median(slopes)) if slopes else None


class Offset:
    """The camera's own clock minus this computer's: the median of the last few that it told."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: deque[int] = deque(maxlen=OFFSETS)

    def add(self, camera_utc_ns: int, moment_ns: int) -> None:
        """Learn that the camera's clock said `camera_utc_ns` at the monotonic `moment_ns`."""
        station_utc_ns = time.time_ns() - (time.monotonic_ns() - moment_ns)
        self._known.append(round((camera_utc_ns - station_utc_ns) / 1e6))

    @property
    def ms(self) -> int | None:
        return round(median(self._known)) if self._known else None


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a camera's times come from (`rtp`, `stream`, `arrival`) and how good they were, None where not
    measured.

    `drift_ppm`: how much faster than ours its time stamps ran; `jitter_ms`: how much later than the promptest
    the latest picture came; `clock_offset_ms`: its own clock minus ours.
    """

    source: str
    drift_ppm: int | None
    jitter_ms: int | None
    clock_offset_ms: int | None
