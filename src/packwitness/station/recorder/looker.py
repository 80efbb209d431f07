"""Decodes one camera's pictures and has somebody look at them: newest first, never in a camera's way.

Imported only where somebody looks: NumPy costs a recorder 20 MB, and half of the time it takes to come back.
"""

import threading
from collections import deque
from collections.abc import Callable

import av
import numpy as np

from packwitness.station.recorder.messages import LookFailed, Sighting
from packwitness.station.recorder.packets import NANO, Packet, Track, nanoseconds
from packwitness.station.recorder.source import Gray, LookFunction, Region

LATE_SECONDS = 1.0
BACKLOG = 600


class Looker:
    """`run` is a thread of its own. Pictures that come while the look function is busy are passed over,
    unless it is `patient`. Looks at one picture each `interval_ns`: at the usual rate a parcel laid down is
    seen within two looks.
    """

    def __init__(
        self,
        camera: str,
        load_look: Callable[[], LookFunction],
        send: Callable[[Sighting | LookFailed], None],
        *,
        region: Region | None = None,
        interval_ns: int = 50_000_000,
        patient: bool = False,
        second: bool = False,
    ) -> None:
        self._camera = camera
        self._load_look = load_look
        self._send = send
        self._region = region
        self._interval_ns = interval_ns
        self._patient = patient
        self._second = second
        # Under the lock: which stream the waiting packets are of.
        self._film = True
        self._taken_from_film = True
        self._packets: deque[Packet] = deque()
        self._some = threading.Condition()
        self._over = False
        self._track: Track | None = None
        self._decoder: av.VideoCodecContext | None = None
        self._looked_ns = 0
        self._failing = False

    def push(self, packet: Packet, *, film: bool = True) -> None:
        """Hand over a packet of the film's stream or of the second one, whose turn it then is."""
        with self._some:
            if film is not self._film:
                self._film = film
                self._packets.clear()
            self._packets.append(packet)
            if len(self._packets) > BACKLOG:
                self._packets.clear()
                self._decoder = None  # begin anew at the next keyframe
            self._some.notify()

    def quit(self) -> None:
        with self._some:
            self._over = True
            self._some.notify()

    def run(self) -> None:
        """Body of the looking thread."""
        try:
            look = self._load_look()
        # Its modules may be missing or broken; filming goes on, and somebody must hear of it.
        except Exception as error:
            self._complain(error)
            return
        while (packet := self._next()) is not None:
            decoder = self._decoder_for(packet)
            if decoder is None:
                continue
            copy = av.Packet(packet.data)
            copy.pts, copy.dts = packet.pts, packet.dts
            try:
                frames = decoder.decode(copy)
            except av.FFmpegError:
                self._decoder = None  # a damaged picture: wait for the next keyframe
                continue
            if frames and (self._patient or self._newest()):
                self._see(look, frames[-1], packet)

    def _next(self) -> Packet | None:
        """Wait for a packet; when late, leap to the newest keyframe."""
        with self._some:
            while not self._packets and not self._over:
                self._some.wait()
            if self._over:
                return None
            late = nanoseconds(self._packets[-1].dts - self._packets[0].dts) > LATE_SECONDS * NANO
            if late and not self._patient:
                keys = [index for index, packet in enumerate(self._packets) if packet.key]
                for _ in range(keys[-1] if keys else 0):
                    self._packets.popleft()
            self._taken_from_film = self._film
            return self._packets.popleft()

    def _newest(self) -> bool:
        """Whether the decoded picture is the newest there is, give or take one."""
        return len(self._packets) <= 1

    def _decoder_for(self, packet: Packet) -> av.VideoCodecContext | None:
        if self._decoder is None or packet.track is not self._track:
            if not packet.key:
                return None
            decoder = av.CodecContext.create("h264" if packet.track.codec == "h264" else "hevc", "r")
            decoder.thread_count = 1  # threads over frames would hold pictures back
            decoder.extradata = packet.track.record
            self._decoder, self._track = decoder, packet.track
        return self._decoder

    def _see(self, look: LookFunction, frame: av.VideoFrame, packet: Packet) -> None:
        moment = packet.run.moment(frame.pts if frame.pts is not None else packet.pts)
        if 0 <= moment - self._looked_ns < self._interval_ns:
            return
        self._looked_ns = moment
        try:
            codes = look(brightness(frame), self._region)
        # The function is given to us; one picture it cannot bear must not end the looking.
        except Exception as error:
            self._complain(error)
            return
        self._failing = False
        film = self._taken_from_film
        self._send(Sighting(self._camera, tuple(codes), moment, second=self._second, film=film))

    def _complain(self, error: Exception) -> None:
        """Report the first failure of a row."""
        if not self._failing:
            self._failing = True
            self._send(LookFailed(self._camera, f"{type(error).__name__}: {error}"))


def brightness(frame: av.VideoFrame) -> Gray:
    """A picture's brightness; no copy where its first plane is that already."""
    if frame.format.name in ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "nv12", "gray"):
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]
    return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
