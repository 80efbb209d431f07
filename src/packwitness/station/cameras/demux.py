"""What RTSP streams and files have in common once they are open: one picture stream, demuxed by FFmpeg."""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from packwitness.station.cameras.camera import (
    Broken,
    CameraError,
    NotFound,
    NoVideo,
    Refused,
    StreamInfo,
    TimedOut,
    Unauthorised,
    WrongCodec,
)

CODECS = ("h264", "hevc")

# A camera's log lines name its URL, and that holds its password.
av.logging.set_level(av.logging.PANIC)


def picture_stream(container: InputContainer, place: str) -> VideoStream:
    """Return the container's first video stream, which must be H.264 or H.265.

    Raises:
        NoVideo, WrongCodec.
    """
    if not container.streams.video:
        raise NoVideo(f"There is no picture in {place}.")
    stream = container.streams.video[0]
    # Without a decoder there is no codec context, whatever PyAV's stubs say.
    codec = getattr(stream.codec_context, "name", "something unknown")
    if codec not in CODECS:
        raise WrongCodec(f"The picture of {place} is coded as {codec}.")
    return stream


def stream_info(stream: VideoStream) -> StreamInfo:
    """Describe an open stream. Width and height are 0 where the stream has not said them yet."""
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate
    return StreamInfo(
        codec=context.name,
        width=context.width,
        height=context.height,
        extradata=context.extradata or b"",
        time_base=Fraction(stream.time_base.numerator, stream.time_base.denominator),
        frame_rate=Fraction(rate.numerator, rate.denominator) if rate else None,
    )


def pictures(
    container: InputContainer, stream: VideoStream, place: str
) -> "Iterator[tuple[int, Packet[VideoStream]]]":
    """Yield the stream's packets that hold a picture and their presentation times, until it ends.

    Raises:
        CameraError: the stream broke off or went silent.
    """
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue  # PyAV's flush packet at the end
            pts = packet.pts if packet.pts is not None else packet.dts
            if pts is None:
                continue  # parameter sets on their own: they come again with the next keyframe
            yield pts, packet
    except (av.FFmpegError, OSError) as error:
        raise classify(error, place) from None


def classify(error: Exception, place: str) -> CameraError:
    """Say which kind of `CameraError` a failure of FFmpeg is. `place` names the camera without its password.

    The caller raises it `from None`: FFmpeg's own text quotes the whole URL.
    """
    found: type[CameraError]
    match error:
        case av.HTTPUnauthorizedError() | av.HTTPForbiddenError():
            found, text = Unauthorised, f"{place} does not let us in."
        case av.HTTPNotFoundError() | FileNotFoundError():
            found, text = NotFound, f"{place} does not exist."
        case ConnectionRefusedError():
            found, text = Refused, f"{place} refuses connections."
        case av.HTTPError():
            found, text = Refused, f"{place} answered with an error."
        case TimeoutError() | av.ExitError():
            found, text = TimedOut, f"{place} went silent."
        case IsADirectoryError() | PermissionError():
            found, text = NotFound, f"{place} is not a file that we may read."
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            found, text = Refused, f"{place} closed the connection."
        case av.InvalidDataError():
            found, text = Broken, f"{place} does not hold a video that can be read."
        case OSError():
            found, text = NotFound, f"{place} cannot be reached."
        case _:
            found, text = CameraError, f"{place} cannot be read."
    return found(text)
