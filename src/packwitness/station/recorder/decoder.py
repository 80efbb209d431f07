"""Decoding, for those who look: the film itself is never decoded."""

import av
import numpy as np
import numpy.typing as npt

from packwitness.station.recorder import nal

Gray = npt.NDArray[np.uint8]
"""Rows x columns of brightness, 0..255."""


def open_decoder(codec: str) -> av.VideoCodecContext:
    """A decoder that gives each picture as soon as it can."""
    decoder = av.CodecContext.create("h264" if codec == "h264" else "hevc", "r")
    decoder.thread_count = 1  # threads over frames would hold pictures back
    return decoder


def picture_size(codec: str, sets: tuple[bytes, ...], data: bytes) -> tuple[int, int]:
    """Decode one keyframe (units length-prefixed) and return its width and height.

    Raises:
        nal.BadStream: it cannot be decoded.
    """
    decoder = open_decoder(codec)
    whole = nal.annexb([*sets, *nal.prefixed_units(data)])
    try:
        frames = decoder.decode(av.Packet(whole)) + decoder.decode(None)
    except av.FFmpegError as error:
        raise nal.BadStream("its keyframe cannot be decoded") from error
    if not frames:
        raise nal.BadStream("its keyframe holds no picture")
    return frames[0].width, frames[0].height


def brightness(frame: av.VideoFrame) -> Gray:
    """A picture's brightness; no copy where its first plane is that already."""
    if frame.format.name in ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "nv12", "gray"):
        plane = frame.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return rows[: frame.height, : frame.width]
    return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
