"""Decoding, for those who look: the film itself is never decoded."""

import av

from packwitness.station.recorder import nal


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
