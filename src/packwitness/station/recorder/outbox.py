"""Reports on their way to the app, in order. A slow app delays them, and loses live pictures, but never the
film.
"""

import threading
from collections import Counter, deque
from multiprocessing.connection import Connection

from packwitness.station.recorder.messages import Frame, Order, Report

FRAME_LIMIT = 60
"""Live pictures of one camera that may wait; beyond it they are let go until the next keyframe."""


class Outbox:
    """`run` is a thread of its own; `put` may be called from any."""

    def __init__(self, pipe: "Connection[Report, Order]") -> None:
        self._pipe = pipe
        self._waiting: deque[Report] = deque()
        self._frames: Counter[str] = Counter()
        self._skipping: set[str] = set()
        self._some = threading.Condition()
        self._over = False

    def put(self, report: Report) -> None:
        with self._some:
            if isinstance(report, Frame) and not self._admit(report):
                return
            self._waiting.append(report)
            self._some.notify()

    def _admit(self, frame: Frame) -> bool:
        camera = frame.camera
        if self._frames[camera] >= FRAME_LIMIT and not frame.init:
            self._skipping.add(camera)
        elif frame.key:
            self._skipping.discard(camera)
        if camera in self._skipping and not frame.init:
            return False
        self._frames[camera] += 1
        return True

    def quit(self) -> None:
        """Let `run` return once everything is sent."""
        with self._some:
            self._over = True
            self._some.notify()

    def run(self) -> None:
        """Body of the sending thread. Ends when told to, or when nobody listens any more."""
        while True:
            with self._some:
                while not self._waiting and not self._over:
                    self._some.wait()
                if not self._waiting:
                    return
                report = self._waiting.popleft()
                if isinstance(report, Frame):
                    self._frames[report.camera] -= 1
            try:
                self._pipe.send(report)
            except OSError:
                return
