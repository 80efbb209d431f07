"""Reports on their way to the app, in order. A slow app delays them, and loses live pictures, but never the
film.
"""

import pickle
import threading
from collections import Counter
from multiprocessing.connection import Connection
from queue import SimpleQueue

from packwitness.station.recorder.messages import Frame, Order, Report

FRAME_LIMIT = 60
"""Live pictures of one camera that may wait; beyond it they are let go until the next keyframe."""


class Outbox:
    """`run` is a thread of its own; `put` may be called from any."""

    def __init__(self, pipe: "Connection[Report, Order]") -> None:
        self._pipe = pipe
        self._waiting: SimpleQueue[Report | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._frames: Counter[str] = Counter()
        self._skipping: set[str] = set()

    def put(self, report: Report) -> None:
        if isinstance(report, Frame):
            with self._lock:
                if not self._admit(report):
                    return
        self._waiting.put(report)

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
        self._waiting.put(None)

    def run(self) -> None:
        """Body of the sending thread. Ends when told to, or when nobody listens any more."""
        while (report := self._waiting.get()) is not None:
            if isinstance(report, Frame):
                with self._lock:
                    self._frames[report.camera] -= 1
            try:
                # What `send` does, without the pickler of its own that it makes for each.
                self._pipe.send_bytes(pickle.dumps(report, pickle.HIGHEST_PROTOCOL))
            except OSError:
                return
