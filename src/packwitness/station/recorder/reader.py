"""One thread that reads all cameras of a recorder.

With a thread for each, every picture wakes one, and most of what it costs is not the picture: the switch of
threads, the interpreter handed over, caches gone cold. One thread that looks ten times a second takes at one
go what all cameras sent meanwhile; fifty times a second where somebody waits for the next picture. A camera's
own thread connects, and waits here while its pictures flow.
"""

import threading
import time
from collections.abc import Callable

PAUSE_SECONDS = 0.1
HURRIED_SECONDS = 0.02
"""Less than a picture's time."""
FIRST_SECONDS = 2.0
"""How long a camera is read hurriedly at first: a connection that just began takes little at a time, and some
cameras throw away what it does not take.
"""

Pump = Callable[[], bool]
"""Take what is there, without waiting. Returns whether more may come."""


class _Carried:
    """A camera whose pictures flow."""

    def __init__(self, pump: Pump, settled: float) -> None:
        self.pump = pump
        self.settled = settled
        self.over = threading.Event()
        self.error: BaseException | None = None


class Reader:
    """`read` and `pause` belong to the thread; all else is called by others. `hurried` tells whether somebody
    waits.
    """

    def __init__(self, hurried: Callable[[], bool], *, first_seconds: float = FIRST_SECONDS) -> None:
        self._hurried = hurried
        self._first_seconds = first_seconds
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._carried: list[_Carried] = []

    def carry(self, pump: Pump) -> None:
        """Call `pump` until no more is there, and have the reader call it from then on; return when it is
        over.

        Raises what `pump` raises.
        """
        if not pump():
            return
        mine = _Carried(pump, time.monotonic() + self._first_seconds)
        with self._lock:
            self._carried.append(mine)
        self._wake.set()
        mine.over.wait()
        try:
            if mine.error is not None:
                raise mine.error
        finally:
            del mine  # an error holds this frame, and would hold itself

    def look(self) -> None:
        """Do not pause any longer."""
        self._wake.set()

    def read(self) -> bool:
        """One round. Returns whether there was anybody to ask."""
        with self._lock:
            carried = list(self._carried)
        for one in carried:
            self._ask(one)
        return bool(carried)

    def pause(self) -> None:
        """Until the next round."""
        now = time.monotonic()
        hurried = self._hurried() or any(now < one.settled for one in self._carried)
        self._wake.wait(HURRIED_SECONDS if hurried else PAUSE_SECONDS)
        self._wake.clear()

    def _ask(self, one: _Carried) -> None:
        try:
            if one.pump():
                return
        # Whatever one camera raises, the others must go on; its own thread hears of it.
        except BaseException as error:
            one.error = error
        with self._lock:
            self._carried.remove(one)
        one.over.set()
