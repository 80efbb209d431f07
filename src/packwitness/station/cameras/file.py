"""A film on disk as a camera: for trying out, for tests, and for what an NVR left behind."""

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from packwitness.station.cameras.camera import Broken, CameraPacket, Clock, Ended, StreamInfo
from packwitness.station.cameras.demux import classify, picture_stream, pictures, stream_info

NANO = 1_000_000_000


class FilmOver(Ended):
    """A file that does not loop has been played to its end."""

    advice = "Add loop=1 to the camera's URL to play it again and again."
    retry = False


class FileCamera:
    """Any file that FFmpeg demuxes and that holds H.264 or H.265.

    `loop` plays it again and again on one line of time. With `realtime` packets come when due; without,
    at once, but stamped as if they had come when they were due.
    """

    def __init__(
        self, path: Path, *, loop: bool = False, realtime: bool = True, clock: Clock = time.monotonic_ns
    ) -> None:
        self._path = path
        self._place = f"The file {path.name}"
        self._loop = loop
        self._realtime = realtime
        self._clock = clock

    def stream(self, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        """See `Camera.stream`."""
        began = self._clock()
        shift = 0
        first: int | None = None
        told: StreamInfo | None = None
        while not stop.is_set():
            end = shift
            for item in self._play_once():
                if isinstance(item, StreamInfo):
                    if item != told:
                        told = item
                        yield item
                    tick = item.time_base * NANO
                    continue
                order = item.dts if item.dts is not None else item.pts
                if first is None:
                    first = order
                arrival = began + int((order - first + shift) * tick)
                if self._realtime and stop.wait(max(0.0, (arrival - self._clock()) / NANO)):
                    return
                end = max(end, order + item.duration - first + shift)
                yield CameraPacket(
                    data=item.data,
                    pts=item.pts + shift,
                    dts=None if item.dts is None else item.dts + shift,
                    duration=item.duration,
                    key=item.key,
                    arrival_ns=arrival,
                )
            if not self._loop:
                raise FilmOver(f"{self._place} is over.")
            if end == shift:
                raise Broken(f"{self._place} holds no picture.")
            shift = end

    def _play_once(self) -> Iterator[StreamInfo | CameraPacket]:
        try:
            container = av.open(str(self._path))
        except (av.FFmpegError, OSError) as error:
            raise classify(error, self._place) from None
        with container:
            stream = picture_stream(container, self._place)
            info = stream_info(stream)
            yield info
            usual = int(1 / (info.frame_rate or Fraction(25)) / info.time_base)
            count = 0
            for pts, packet in pictures(container, stream, self._place):
                if packet.is_corrupt:
                    raise Broken(f"A picture of {self._place} is cut short.")
                yield CameraPacket(
                    bytes(packet), pts, packet.dts, packet.duration or usual, packet.is_keyframe, 0
                )
                count += 1
            # Only some formats announce their number of pictures; 0 where they do not.
            if count < stream.frames:
                raise Broken(f"{self._place} is cut short after {count} of {stream.frames} pictures.")
            if count == 0:
                raise Broken(f"{self._place} holds no picture.")
