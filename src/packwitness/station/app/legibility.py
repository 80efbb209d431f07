"""Whether a take's label can be read in its own film.

Where cameras look for labels anyway, their looks are counted. Where a hand scanner begins the films, the
cameras that would look do so for the first seconds of a take, twice a second and from the ring, until the
label was read a few times: enough to know whether lens, light and angle serve, and cheap. So do cameras
that watch for labels in a smaller stream: what could be read there says nothing of the film.
"""

from collections.abc import Callable, Sequence

from packwitness.station.app.takes import Running
from packwitness.station.config import CameraSettings
from packwitness.station.recorder.messages import Look
from packwitness.station.triggers.heard import SeenCode
from packwitness.station.workflow.codes import CodeRefused, normalise

INTERVAL_NS = 500_000_000
BEFORE_NS = 1_000_000_000
"""A label is in view before its scan, too."""
LOOKED_NS = 5_000_000_000
ENOUGH = 3
"""Readable pictures after which nobody need look any longer."""
FEWEST = 3
"""Looks under which a take says nothing of the camera."""
IN_A_ROW = 3
"""Takes with an unreadable label after which the packer is told."""


class Legibility:
    """Of one bench's takes. ``look`` is given orders for the recorder."""

    def __init__(
        self, lookers: Sequence[CameraSettings], look: Callable[[Look], None], *, watches: bool
    ) -> None:
        self._own = [camera for camera in lookers if camera.look_url or not watches]
        """Those that look for us alone."""
        self._look = look
        self._running: Running | None = None
        self._looking = False
        self._unread = 0

    @property
    def warns(self) -> bool:
        """Whether labels have become unreadable."""
        return self._unread >= IN_A_ROW

    def begin(self, running: Running) -> None:
        """A take begins."""
        self._running = running
        self._looking = True
        since_ns = running.started_ns - BEFORE_NS
        for camera in self._own:
            self._look(Look(camera.id, True, camera.region, interval_ns=INTERVAL_NS, since_ns=since_ns))

    def saw(self, camera: str, codes: Sequence[SeenCode], moment_ns: int) -> bool:
        """Count a look at the film; return whether the warning goes."""
        running = self._running
        if running is None or moment_ns < running.started_ns - BEFORE_NS:
            return False
        counts = running.looks.setdefault(camera, [0, 0])
        counts[0] += 1
        if not any(_is(running.code, code) for code in codes):
            return False
        counts[1] += 1
        if counts[1] >= ENOUGH:
            self._look_no_more()
        warned, self._unread = self.warns, 0
        return warned

    def tick(self, now_ns: int) -> None:
        """Let time pass."""
        if self._running is not None and now_ns - self._running.started_ns >= LOOKED_NS:
            self._look_no_more()

    def end(self) -> None:
        """The take ends: judge it."""
        running, self._running = self._running, None
        self._look_no_more()
        if running is None:
            return
        looks = sum(counts[0] for counts in running.looks.values())
        if looks >= FEWEST and not any(counts[1] for counts in running.looks.values()):
            self._unread += 1

    def _look_no_more(self) -> None:
        if self._looking:
            self._looking = False
            for camera in self._own:
                self._look(Look(camera.id, False))


def _is(wanted: str, seen: SeenCode) -> bool:
    try:
        return normalise(seen.text).text == wanted
    except CodeRefused:
        return False
