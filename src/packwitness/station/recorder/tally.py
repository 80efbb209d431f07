"""What a camera lost, told once a second. Pure."""

from packwitness.station.recorder.messages import PacketsLost, PicturesDropped, Report

TELL_NS = 1_000_000_000


class Tally:
    """Of one camera: packets that the network lost, and pictures that there was no time to encode."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._lost = self._dropped = 0
        self._told_ns = 0

    def add(self, lost: int, dropped: int, now_ns: int) -> list[Report]:
        """Count; return what is to be told now."""
        self._lost += lost
        self._dropped += dropped
        if not (self._lost or self._dropped) or now_ns - self._told_ns < TELL_NS:
            return []
        told: list[Report] = []
        if self._lost:
            told.append(PacketsLost(self._camera, self._lost))
        if self._dropped:
            told.append(PicturesDropped(self._camera, self._dropped))
        self._lost, self._dropped, self._told_ns = 0, 0, now_ns
        return told
