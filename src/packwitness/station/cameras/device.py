"""A camera at this computer's USB, as Linux shows it: the tiny interface, and the real one behind V4L2."""

import errno
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import av
from av.container import InputContainer

RAW = "rawvideo"


@dataclass(frozen=True, slots=True)
class Wish:
    """How a device is to send pictures: `format` as FFmpeg names it ("h264", "mjpeg", "yuyv422")."""

    format: str
    width: int
    height: int
    rate: int


@dataclass(frozen=True, slots=True)
class DevicePicture:
    """What the device sent, `seconds` on its own clock."""

    data: bytes
    seconds: Fraction
    key: bool


class Feed(Protocol):
    """An open device. `codec`: "h264", "mjpeg" or "rawvideo", and then `pixels` says of which kind."""

    @property
    def codec(self) -> str: ...
    @property
    def pixels(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...

    @property
    def rate(self) -> Fraction | None:
        """What the driver says it gives."""
        ...

    def pictures(self, over: threading.Event) -> Iterator[DevicePicture]:
        """Yield pictures until `over` is set or there are no more. Raises OSError: the device is gone."""
        ...

    def close(self) -> None: ...


class Device(Protocol):
    """Something that can be opened. One for each call."""

    def open(self, wish: Wish) -> Feed:
        """May wait for long, since drivers do.

        Raises:
            OSError, ValueError: as FFmpeg raises them, `errno` being the system's.
        """
        ...


class V4l2Device:
    """`/dev/video0` and the like."""

    def __init__(self, path: str) -> None:
        self._path = path

    def open(self, wish: Wish) -> "ContainerFeed":
        """See `Device.open`."""
        options = {
            "input_format": wish.format,
            "video_size": f"{wish.width}x{wish.height}",
            "framerate": str(wish.rate),
        }
        return ContainerFeed(av.open(self._path, format="v4l2", options=options))


class ContainerFeed:
    """What FFmpeg has opened."""

    def __init__(self, container: InputContainer) -> None:
        if not container.streams.video:
            container.close()
            raise OSError(errno.ENOTTY, "no picture in it")
        self._container = container
        self._stream = container.streams.video[0]
        context = self._stream.codec_context
        self.codec = context.name
        self.pixels = context.pix_fmt or "" if self.codec == RAW else ""
        self.width, self.height = context.width, context.height
        told = self._stream.average_rate
        self.rate = Fraction(told.numerator, told.denominator) if told else None

    def pictures(self, over: threading.Event) -> Iterator[DevicePicture]:
        """See `Feed.pictures`."""
        base = Fraction(self._stream.time_base.numerator, self._stream.time_base.denominator)
        for packet in self._container.demux(self._stream):
            if over.is_set():
                return
            stamp = packet.pts if packet.pts is not None else packet.dts
            # What the driver marks as damaged comes empty or marked.
            if packet.size and stamp is not None and not packet.is_corrupt:
                yield DevicePicture(bytes(packet), stamp * base, packet.is_keyframe)

    def close(self) -> None:
        """See `Feed.close`."""
        self._container.close()
