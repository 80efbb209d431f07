"""Cameras on the network: RTSP with the pictures in the same TCP connection."""

import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import av

from packwitness.station.cameras.camera import (
    BadAddress,
    Broken,
    CameraPacket,
    Clock,
    Ended,
    StreamInfo,
    TimedOut,
)
from packwitness.station.cameras.demux import classify, picture_stream, pictures, stream_info

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 5.0
"""A camera that sends nothing for so long is taken for lost."""
PROBE_MICROSECONDS = 500_000
"""How long FFmpeg looks at the stream before it hands on the first packet."""


class RtspCamera:
    """An `rtsp://` or `rtsps://` URL, with user name and password in it if the camera wants them."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = time.monotonic_ns,
        connect_seconds: float = CONNECT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host:
            raise BadAddress("The camera's URL names no host.")
        self._url = url
        self._place = f"The camera at {host}" + (f":{port}" if port else "")
        self._clock = clock
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds

    def stream(self, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        """See `Camera.stream`. Once `stop` is set it returns with the next packet, or after the silence."""
        clock = self._clock
        container = self._connect()
        try:
            stream = picture_stream(container, self._place)
            yield stream_info(stream)
            for pts, packet in pictures(container, stream, self._place):
                if stop.is_set():
                    return
                yield CameraPacket(
                    data=bytes(packet),
                    pts=pts,
                    dts=packet.dts,
                    duration=packet.duration or 0,
                    key=packet.is_keyframe,
                    arrival_ns=clock(),
                )
            raise Ended(f"{self._place} ended its stream.")
        finally:
            container.close()

    def _connect(self) -> av.container.InputContainer:
        began = time.monotonic()
        options = {
            "rtsp_transport": "tcp",
            "allowed_media_types": "video",
            "timeout": str(int(self._connect_seconds * 1_000_000)),
            "analyzeduration": str(PROBE_MICROSECONDS),
        }
        try:
            # The second timeout covers each read from here on.
            return av.open(self._url, options=options, timeout=(self._connect_seconds, self._silence_seconds))
        except (av.FFmpegError, OSError) as error:
            waited = time.monotonic() - began
            fault = classify(error, self._place)
            # FFmpeg reports a server that never answers as invalid data.
            if isinstance(fault, Broken) and waited > 0.9 * self._connect_seconds:
                fault = TimedOut(f"{self._place} does not answer.")
            raise fault from None
