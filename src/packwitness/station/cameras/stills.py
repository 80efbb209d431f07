"""What a camera is that sends single pictures: the tiny interface behind which HTTP and USB stand, and what
waits between reading and encoding.
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from packwitness.station.cameras.camera import Clock
from packwitness.station.cameras.encoder import Form

WAITING_LIMIT = 8
WAITING_BYTES = 48 << 20
"""What may wait for the encoder. Beyond it the oldest are let go, and counted: a film of now with holes is
worth more than one that falls further behind with every picture, until memory ends.
"""


@dataclass(frozen=True, slots=True)
class Still:
    """One picture; `pts` in 90000ths of a second on the source's line of time, `arrival_ns` monotonic.

    `lost`: pictures before this one that did not come whole; `key`: it can be read without those before.
    """

    data: bytes
    pts: int
    arrival_ns: int
    lost: int = 0
    key: bool = True


class Stills(Protocol):
    """An open source of single pictures."""

    @property
    def form(self) -> Form: ...

    @property
    def promised(self) -> Fraction | None:
        """Pictures a second, None where the source does not say."""
        ...

    @property
    def timing(self) -> str:
        """See `StreamInfo.timing`."""
        ...

    def read(self, over: threading.Event) -> Iterator[Still]:
        """Yield pictures until `over` is set.

        Raises:
            CameraError: no more come.
        """
        ...

    def close(self) -> None:
        """Let go of it. Called when nobody reads any more."""
        ...


class Inbox:
    """Reads a source in a thread of its own, as fast as it sends, and keeps the newest few."""

    def __init__(self, stills: Stills, *, clock: Clock, limit: int = WAITING_LIMIT) -> None:
        self._stills = stills
        self._limit = limit
        self._clock = clock
        self._came = threading.Condition()
        self._waiting: deque[Still] = deque()
        self._bytes = 0
        self._dropped = 0
        self._error: Exception | None = None
        self._over = threading.Event()
        self._count = 0
        self._first_ns = 0
        self._thread = threading.Thread(target=self._run, name="stills", daemon=True)
        self._thread.start()

    def take(self, seconds: float) -> tuple[Still, int] | None:
        """Wait for the next picture; returns it and how many were let go before it. None: none came.

        Raises:
            CameraError: the source failed; told after the last picture that it gave.
        """
        with self._came:
            self._came.wait_for(lambda: self._waiting or self._error, seconds)
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                return None
            still = self._waiting.popleft()
            self._bytes -= len(still.data)
            dropped, self._dropped = self._dropped, 0
            return still, dropped

    def begin_anew(self) -> None:
        """Forget what has come so far, as if the camera had been opened now."""
        with self._came:
            self._waiting.clear()
            self._bytes = self._dropped = 0

    def counted(self) -> tuple[int, float]:
        """How many pictures came after the first, and the seconds since then."""
        with self._came:
            if not self._count:
                return 0, 0.0
            return self._count - 1, (self._clock() - self._first_ns) / 1e9

    def close(self, seconds: float) -> None:
        """End the thread. One that hangs in a driver is left behind, with what it has open."""
        self._over.set()
        self._thread.join(seconds)
        if not self._thread.is_alive():
            self._stills.close()

    def _run(self) -> None:
        try:
            for still in self._stills.read(self._over):
                self._put(still)
        # Whatever a driver or a library raises belongs to whoever takes.
        except Exception as error:
            self._error = error
        with self._came:
            self._came.notify_all()

    def _put(self, still: Still) -> None:
        with self._came:
            if not self._count:
                self._first_ns = self._clock()
            self._count += 1
            self._waiting.append(still)
            self._bytes += len(still.data)
            while len(self._waiting) > self._limit or (
                self._bytes > WAITING_BYTES and len(self._waiting) > 1
            ):
                gone = self._waiting.popleft()
                self._bytes -= len(gone.data)
                self._dropped += 1
            self._came.notify_all()
