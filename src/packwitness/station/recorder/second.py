"""A camera's second, smaller stream: only looked at, never filmed, and never in the film's way.

Decoding is most of what looking costs, and a label can be read in far fewer pixels than a film should have.
While the second stream gives no pictures, the film's own are looked at instead, and that is told.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from packwitness.station.recorder.intake import Intake
from packwitness.station.recorder.messages import Report, SecondStreamBack, SecondStreamLost
from packwitness.station.recorder.packets import NANO
from packwitness.station.recorder.source import OpenCamera, SourceFault, is_picture, is_stream

if TYPE_CHECKING:
    from packwitness.station.recorder.looker import Looker

QUIET_NS = 3 * NANO // 2
"""Without a picture for so long it is gone, as for a stalled camera."""
BACK_OFF_SECONDS = (0.5, 10.0)


class SecondStream:
    """`run` is a thread of its own; `gone` and `end` are called by others."""

    def __init__(
        self,
        camera: str,
        url: str,
        looker: "Looker",
        *,
        open_camera: OpenCamera,
        report: Callable[[Report], None],
    ) -> None:
        self._camera = camera
        self._url = url
        self._looker = looker
        self._open_camera = open_camera
        self._report = report
        self._stop = threading.Event()
        self._began_ns = time.monotonic_ns()
        self._heard_ns = 0
        self._told = ""
        self._lock = threading.Lock()  # what is told comes in order

    def end(self) -> None:
        """Let go of the stream, within about a second."""
        self._stop.set()

    def gone(self, now_ns: int) -> bool:
        """Whether the film has to be looked at instead."""
        quiet = now_ns - max(self._heard_ns, self._began_ns) > QUIET_NS
        if quiet and not self._told:
            self._lost("stalled", "The stream is connected, but sends no picture.", "")
        return bool(self._told)

    def run(self) -> None:
        """Body of the thread."""
        wait, longest = BACK_OFF_SECONDS
        connection = 0
        while not self._stop.is_set():
            connection += 1
            heard_ns = self._heard_ns
            try:
                self._follow(Intake(connection))
            # Whatever this stream raises, the film goes on, and is looked at instead.
            except Exception as error:
                if isinstance(error, SourceFault):
                    self._lost(error.code, error.message, error.advice)
                else:
                    self._lost("camera_failed", f"The stream failed: {type(error).__name__}.", "")
            if self._heard_ns != heard_ns:
                wait = BACK_OFF_SECONDS[0]
            self._stop.wait(wait)
            wait = min(wait * 2, longest)

    def _follow(self, intake: Intake) -> None:
        for item in self._open_camera(self._url).stream(self._stop):
            if self._stop.is_set():
                return
            if is_stream(item):
                intake.begin(item)
            elif is_picture(item):
                for packet in intake.push(item):
                    self._heard_ns = time.monotonic_ns()
                    if packet.key:
                        self._back()
                    if not self._told:
                        self._looker.push(packet, film=False)

    def _back(self) -> None:
        with self._lock:
            if self._told:
                self._told = ""
                self._report(SecondStreamBack(self._camera, time.monotonic_ns()))

    def _lost(self, code: str, message: str, advice: str) -> None:
        """Tell it, once for each time that it goes."""
        with self._lock:
            if not self._told and not self._stop.is_set():
                self._told = code
                self._report(SecondStreamLost(self._camera, code, message, advice, time.monotonic_ns()))
