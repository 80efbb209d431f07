"""Decodes one camera's pictures and has somebody look at them: newest first, never in a camera's way."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import av

from packwitness.station.recorder.decoder import Gray, brightness, open_decoder
from packwitness.station.recorder.messages import LookFailed, Sighting
from packwitness.station.recorder.packets import NANO, Packet, Track, nanoseconds

Region = tuple[float, float, float, float]
LookFunction = Callable[[Gray, Region | None], Sequence[object]]
"""A picture's brightness and where to look in it; returns what was seen."""

INTERVAL_NS = 50_000_000
"""Look at most so often; a parcel laid down is seen within two looks."""
LATE_SECONDS = 1.0
BACKLOG = 600


class Looker:
    """`run` is a thread of its own. `look` may be slow: pictures that came meanwhile are decoded, not looked
    at.
    """

    def __init__(
        self,
        camera: str,
        look: LookFunction,
        send: Callable[[Sighting | LookFailed], None],
        *,
        region: Region | None = None,
    ) -> None:
        self._camera = camera
        self._look = look
        self._send = send
        self._region = region
        self._packets: deque[Packet] = deque()
        self._some = threading.Condition()
        self._over = False
        self._track: Track | None = None
        self._decoder: av.VideoCodecContext | None = None
        self._looked_ns = 0
        self._failing = False

    def push(self, packet: Packet) -> None:
        with self._some:
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
            if frames and self._newest():
                self._see(frames[-1], packet)

    def _next(self) -> Packet | None:
        """Wait for a packet; when late, leap to the newest keyframe."""
        with self._some:
            while not self._packets and not self._over:
                self._some.wait()
            if self._over:
                return None
            late = nanoseconds(self._packets[-1].dts - self._packets[0].dts) > LATE_SECONDS * NANO
            if late:
                keys = [index for index, packet in enumerate(self._packets) if packet.key]
                for _ in range(keys[-1] if keys else 0):
                    self._packets.popleft()
            return self._packets.popleft()

    def _newest(self) -> bool:
        """Whether the decoded picture is the newest there is, give or take one."""
        return len(self._packets) <= 1

    def _decoder_for(self, packet: Packet) -> av.VideoCodecContext | None:
        if self._decoder is None or packet.track is not self._track:
            if not packet.key:
                return None
            decoder = open_decoder(packet.track.codec)
            decoder.extradata = packet.track.record
            self._decoder, self._track = decoder, packet.track
        return self._decoder

    def _see(self, frame: av.VideoFrame, packet: Packet) -> None:
        moment = packet.run.moment(frame.pts if frame.pts is not None else packet.pts)
        if 0 <= moment - self._looked_ns < INTERVAL_NS:
            return
        self._looked_ns = moment
        try:
            codes = self._look(brightness(frame), self._region)
        # The function is given to us; one picture it cannot bear must not end the looking.
        except Exception as error:
            if not self._failing:
                self._failing = True
                self._send(LookFailed(self._camera, f"{type(error).__name__}: {error}"))
            return
        self._failing = False
        self._send(Sighting(self._camera, tuple(codes), moment))
