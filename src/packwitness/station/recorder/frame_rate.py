"""A camera that gives clearly fewer pictures than it promised. Pure: time is told to it.

As a rule it is dark, and the camera exposes for longer than a picture should take; or the line to it is too
thin. The film goes on, with less in it, so people are told. What is promised is what the camera's own
description says, or what the user wrote into its address.

Judged is the mean of some seconds, and what began at one mark ends at another, so that a rate between the two
does not flap.
"""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from packwitness.station.recorder.packets import NANO

WINDOW_NS = 5 * NANO
FEW, ENOUGH = Fraction(7, 10), Fraction(85, 100)
"""Of what is promised: below the one it is told, from the other on it is over."""
SANE = (1, 240)
"""Descriptions also hold nonsense, such as the clock's 90000."""
TICK_LIMIT_NS = 300_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """Pictures a second, rounded. `few`: too few, else enough again."""

    few: bool
    given: int
    promised: int


class RateWatch:
    """Of one connection to a camera."""

    def __init__(self) -> None:
        self._promised = Fraction(0)
        self._few = False
        self._count = 0
        self._ticked_ns: int | None = None
        self._ticks: deque[tuple[int, int]] = deque()
        """Each tick's time and pictures, of the window."""
        self._passed_ns = self._pictures = 0

    def begin(self, promised: Fraction | None) -> bool:
        """The camera describes its stream, at first or anew. Returns whether it was told that it gives too
        few of what it promised before: that is over, as it promises something else now.
        """
        sane = promised is not None and SANE[0] <= promised <= SANE[1]
        now = promised if promised is not None and sane else Fraction(0)
        if now == self._promised:
            return False
        over, self._promised = self._few, now
        self.forget()
        return over

    def forget(self) -> None:
        """Nothing that came so far counts, nor that it was told."""
        self._few = False
        self._ticks.clear()
        self._count = self._passed_ns = self._pictures = 0
        self._ticked_ns = None

    def picture(self, count: int = 1) -> None:
        """So many pictures came."""
        self._count += count

    def tick(self, now_ns: int) -> Rate | None:
        """Judge, some ten times a second; returns what has changed.

        Nothing is judged before the first picture. Time in which nobody ticked does not count.
        """
        before, self._ticked_ns = self._ticked_ns, now_ns
        if before is None or not self._promised or not (self._count or self._ticks):
            return None
        self._add(min(now_ns - before, TICK_LIMIT_NS), self._count)
        self._count = 0
        if self._passed_ns < WINDOW_NS:
            return None
        given = Fraction(self._pictures * NANO, self._passed_ns)
        mark = ENOUGH if self._few else FEW
        few = given < mark * self._promised
        if few == self._few:
            return None
        self._few = few
        return Rate(few, round(given), round(self._promised))

    def _add(self, passed_ns: int, count: int) -> None:
        self._ticks.append((passed_ns, count))
        self._passed_ns += passed_ns
        self._pictures += count
        while self._passed_ns - self._ticks[0][0] >= WINDOW_NS:
            gone_ns, gone = self._ticks.popleft()
            self._passed_ns -= gone_ns
            self._pictures -= gone
