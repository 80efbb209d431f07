"""A camera that gives single pictures, as one that gives H.264: each is encoded once, when it comes.

Before the first, what that will cost is measured with the camera's own picture and taken out of the machine's
budget. While it runs, pictures for which there was no time are counted, never kept waiting.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial

import av
from av.video.frame import VideoFrame

from packwitness.station.cameras.budget import Budget, Running
from packwitness.station.cameras.camera import (
    Broken,
    CameraError,
    CameraPacket,
    Clock,
    NoFrames,
    Overloaded,
    StreamInfo,
    TimedOut,
)
from packwitness.station.cameras.encoder import CLOCK, Decoder, Encoded, Encoder, check_size, open_encoder
from packwitness.station.cameras.stills import Inbox, Still, Stills
from packwitness.station.cameras.trial import cost_of

WAKE_SECONDS = 0.5
SILENCE_SECONDS = 5.0
CLOSE_SECONDS = 1.0
WATCH_SECONDS = 1.0
"""How long pictures are counted where the camera does not say how many it gives."""
RATES = (1, 120)
UNREADABLE_LIMIT = 50
"""So many pictures in a row that cannot be read, and the camera is broken."""


class Encoding:
    """One source, encoded; for one call of `Camera.stream`."""

    def __init__(
        self,
        stills: Stills,
        *,
        place: str,
        clock: Clock,
        budget: Budget,
        silence_seconds: float = SILENCE_SECONDS,
        no_frames: type[NoFrames] = NoFrames,
    ) -> None:
        self._no_frames = no_frames
        self._stills = stills
        self._place = place
        self._budget = budget
        self._silence_seconds = silence_seconds
        self._decoder = Decoder(stills.form)
        self._inbox = Inbox(stills, clock=clock)
        self._encoder: Encoder | None = None
        self._size = (0, 0)
        self._make: Callable[[VideoFrame], Encoder] | None = None
        self._share = Running(budget)
        self._lost = self._dropped = self._unreadable = 0
        self._last_pts: int | None = None

    def items(self, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        """See `Camera.stream`."""
        heard, shown = time.monotonic(), False
        try:
            while not stop.is_set():
                came = self._inbox.take(WAKE_SECONDS)
                if came is not None:
                    still, dropped = came
                    heard = time.monotonic()
                    self._lost += still.lost
                    self._dropped += dropped
                    for item in self._take(still, stop):
                        shown = True
                        yield item
                elif time.monotonic() - heard > self._silence_seconds:
                    if self._unreadable:
                        raise Broken(f"{self._place} sends pictures that cannot be read.")
                    if not shown:
                        raise self._no_frames(f"{self._place} is open, but sends no picture.")
                    raise TimedOut(f"{self._place} went silent.")
        finally:
            self._inbox.close(CLOSE_SECONDS)
            self._share.close()

    def _take(self, still: Still, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        began = time.thread_time()
        picture = self._decoder.decode(still.data)
        if picture is None:
            self._lost += 1
            self._unreadable += 1
            if self._unreadable >= UNREADABLE_LIMIT:
                raise Broken(f"{self._place} sends pictures that cannot be read.")
            return
        self._unreadable = 0
        if (picture.width, picture.height) != self._size:
            first = self._encoder is None
            if not self._begin(picture, still.data, stop):
                return
            yield self._info(picture)
            if first:
                return  # by now it is old, and what came meanwhile is forgotten
            began = time.thread_time()
        encoded = self._encode(picture, still.pts)
        self._share.used(time.thread_time() - began, time.monotonic())
        for one in encoded:
            lost, self._lost, dropped, self._dropped = self._lost, 0, self._dropped, 0
            yield CameraPacket(one.data, one.pts, None, 0, one.key, still.arrival_ns, lost, dropped)

    def _info(self, picture: VideoFrame) -> StreamInfo:
        return StreamInfo(
            codec="h264",
            width=picture.width & ~1,
            height=picture.height & ~1,
            extradata=b"",
            time_base=Fraction(1, CLOCK),
            frame_rate=self._stills.promised,
            length_size=0,
            timing=self._stills.timing,
            encoded_from=self._stills.form.name,
        )

    # --- before the first picture of a size ---

    def _begin(self, picture: VideoFrame, data: bytes, stop: threading.Event) -> bool:
        """See that there is room for pictures of this size, and be ready for them; False: told to stop.

        Raises:
            Overloaded: there is none.
        """
        check_size(picture, self._place)
        cost = cost_of(self._stills.form, picture, data)
        rate = self._stills.promised or self._counted(stop)
        if rate is None:
            return False
        threads = cost.threads(rate)
        text = f"{self._place} gives {picture.width} x {picture.height} at {round(rate)} pictures a second"
        if threads is None or threads > max(1, int(self._budget.cores)):
            raise Overloaded(f"{text}, which is more than this computer encodes in that time.")
        needed = cost.cores(rate)
        if not self._share.take(needed, rate=float(rate) if threads == 1 else None):
            # Nothing in it that changes from one try to the next: each text is told once.
            raise Overloaded(
                f"{text}. To encode them takes {needed:.1f} of this computer's {self._budget.cores:g} cores, "
                "and those that run already leave too little."
            )
        self._make = partial(open_encoder, rate=rate, threads=threads, name=cost.encoder)
        self._encoder = self._make(picture)
        if self._last_pts is None:
            self._inbox.begin_anew()
            self._lost = self._dropped = 0
        self._size = picture.width, picture.height
        return True

    def _counted(self, stop: threading.Event) -> Fraction | None:
        """Pictures a second, counted for a while; None: told to stop."""
        while (seconds := self._inbox.counted()[1]) < WATCH_SECONDS:
            if stop.wait(WATCH_SECONDS - seconds):
                return None
        count, seconds = self._inbox.counted()
        return Fraction(min(max(round(count / seconds), RATES[0]), RATES[1]))

    def _encode(self, picture: VideoFrame, pts: int) -> Sequence[Encoded]:
        if self._encoder is None or self._make is None:
            return []
        last = self._last_pts
        if last is not None and pts <= last:
            # Time stamps of a driver may stand still for a picture, or begin anew.
            if last - pts > CLOCK:
                self._encoder = self._make(picture)
            else:
                pts = last + 1
        self._last_pts = pts
        try:
            return self._encoder.encode(picture, pts)
        except av.FFmpegError:
            raise CameraError(f"The pictures of {self._place} cannot be encoded.") from None
