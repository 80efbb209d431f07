"""Pictures that a film cannot hold as they come, encoded once, by the processor or by what helps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, cast

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from packwitness.station.cameras.camera import Broken

CLOCK = 90_000
KEY_EVERY = CLOCK
"""A keyframe each second, by the time stamps: a camera in the dark gives fewer pictures than it promised."""
BITS_OF_A_PIXEL = 0.13
"""Most that a picture may take on average: 8 Mbit/s at 1920x1080 and 30 pictures a second."""
LEAST_BIT_RATE = 500_000
QUALITY = "23"
PIXEL_LIMIT = 7_680 * 4_320
HARDWARE = "h264_v4l2m2m"
"""The one encoder of PyAV's wheel that small boards have; used where it opens and gives a picture at once."""
SOFTWARE = "libx264"
PIXELS = "yuv420p"
GROUP_LIMIT = 1_200

# FFmpeg's lines about broken pictures would fill the log; each is counted instead.
av.logging.set_level(av.logging.PANIC)


@dataclass(frozen=True, slots=True)
class Form:
    """Of the pictures that come: JPEGs, or raw ones of a size and a pixel format that FFmpeg names."""

    codec: Literal["mjpeg", "rawvideo"]
    pixels: str = ""
    width: int = 0
    height: int = 0

    @property
    def name(self) -> str:
        """As a film's manifest names it."""
        return self.pixels or self.codec


@dataclass(frozen=True, slots=True)
class Encoded:
    """One picture of H.264 in Annex B, `pts` in 90000ths of a second."""

    data: bytes
    pts: int
    key: bool


class Decoder:
    """From what a camera sends to a picture in memory."""

    def __init__(self, form: Form) -> None:
        self._context = av.CodecContext.create(form.codec, "r")
        # A few bytes may claim to be a picture that fills the memory.
        self._context.options = {"max_pixels": str(PIXEL_LIMIT)}
        if form.codec == "rawvideo":
            self._context.width, self._context.height = form.width, form.height
            self._context.pix_fmt = form.pixels
        self._context.thread_count = 1

    def decode(self, picture: bytes) -> VideoFrame | None:
        """None if it cannot be read."""
        try:
            frames = self._context.decode(av.Packet(picture))
        except (av.FFmpegError, ValueError):
            return None
        return frames[0] if frames else None


class Encoder:
    """For pictures of one size. `threads`: how many may work at one picture."""

    def __init__(self, like: VideoFrame, rate: Fraction, *, threads: int = 1, name: str = SOFTWARE) -> None:
        """Raises av.FFmpegError: there is no such encoder here."""
        context = cast("VideoCodecContext", av.CodecContext.create(name, "w"))
        context.width, context.height, context.pix_fmt = like.width & ~1, like.height & ~1, PIXELS
        context.color_range = like.color_range
        context.time_base, context.framerate = Fraction(1, CLOCK), rate
        context.thread_count = threads
        context.max_b_frames = 0
        context.gop_size = GROUP_LIMIT
        most = max(LEAST_BIT_RATE, int(BITS_OF_A_PIXEL * context.width * context.height * rate))
        if name == SOFTWARE:
            context.options = {
                "preset": "ultrafast",
                "tune": "zerolatency",
                "crf": QUALITY,
                "maxrate": str(most),
                "bufsize": str(most),
            }
        else:
            context.bit_rate = most // 2
        context.open()
        self._context = context
        self._key_pts: int | None = None

    def encode(self, picture: VideoFrame, pts: int) -> Sequence[Encoded]:
        """Return what is ready: with software that is the picture itself. `pts` grows.

        Raises:
            av.FFmpegError: the encoder failed.
        """
        context = self._context
        shaped = shaped_for_film(picture)
        shaped.pts, shaped.time_base = pts, context.time_base
        wanted = self._key_pts is None or pts - self._key_pts >= KEY_EVERY
        shaped.pict_type = PictureType.I if wanted else PictureType.NONE
        found = [
            Encoded(bytes(packet), pts if packet.pts is None else packet.pts, packet.is_keyframe)
            for packet in context.encode(shaped)
        ]
        for one in found:
            if one.key:
                self._key_pts = one.pts
        return found


def shaped_for_film(picture: VideoFrame) -> VideoFrame:
    """With a quarter of the colours, as every player reads it; such a picture has even sides only."""
    return picture.reformat(picture.width & ~1, picture.height & ~1, format=PIXELS)


def best_encoder(like: VideoFrame, rate: Fraction) -> str:
    """The hardware's name where it opens and gives a picture that begins with a keyframe, else the
    software's.
    """
    try:
        encoder = Encoder(like, rate, name=HARDWARE)
        found = [one for number in range(4) for one in encoder.encode(like, number * 3_000)]
    except (av.FFmpegError, ValueError):
        return SOFTWARE
    return HARDWARE if found and found[0].key else SOFTWARE


def open_encoder(like: VideoFrame, rate: Fraction, *, threads: int, name: str) -> Encoder:
    """The encoder of that name, or the software's where another camera has taken it since."""
    try:
        return Encoder(like, rate, threads=threads, name=name)
    except (av.FFmpegError, ValueError):
        return Encoder(like, rate, threads=threads)


def check_size(picture: VideoFrame, place: str) -> None:
    """Raises Broken: it is too small for a film."""
    if picture.width < 16 or picture.height < 16:
        raise Broken(f"The pictures of {place} have {picture.width} x {picture.height} points.")
