"""How far this computer's clock is from the hub's, measured at each heartbeat as NTP does it."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from packwitness.station.spool.moments import rfc3339

KEPT = 8
"""How many measurements are weighed against each other."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """``offset_ms``: station minus hub. The truth lies within ``uncertainty_ms`` of it, whichever way was
    slower.
    """

    offset_ms: int
    uncertainty_ms: int
    measured_ms: int


def measure(*, sent_ms: float, answered_ms: float, hub_ms: float) -> Measurement:
    """Weigh one exchange: our clock when we asked and when the answer came, the hub's in between.

    The hub read its clock at some moment of the round trip, taken for the middle: wrong by at most half of
    it.
    """
    half = max(0.0, answered_ms - sent_ms) / 2
    return Measurement(round(sent_ms + half - hub_ms), max(1, round(half + 0.5)), int(answered_ms))


class HubClock:
    """The latest measurements. The one with the shortest round trip is believed."""

    def __init__(self) -> None:
        self._kept: deque[Measurement] = deque(maxlen=KEPT)

    def add(self, measurement: Measurement) -> None:
        """Take a measurement; a clock that was set in between makes the older ones worthless."""
        best = self.best
        if best is not None:
            apart = abs(measurement.offset_ms - best.offset_ms)
            if apart > measurement.uncertainty_ms + best.uncertainty_ms:
                self._kept.clear()
        self._kept.append(measurement)

    @property
    def best(self) -> Measurement | None:
        return min(self._kept, key=lambda one: one.uncertainty_ms, default=None)

    def statement(self) -> dict[str, Any]:
        """Return the manifest's ``clock``."""
        best = self.best
        return {
            "source": "system",
            "reference": "none" if best is None else "hub",
            "offset_ms": None if best is None else best.offset_ms,
            "uncertainty_ms": None if best is None else best.uncertainty_ms,
            "measured_at": None if best is None else rfc3339(best.measured_ms),
        }
