"""What the recorder needs of a camera. Structural, since cameras and recorder do not know each other."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol, TypeGuard, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Stream(Protocol):
    """How to read the packets that follow.

    `width` and `height` may be 0: not known yet. `extradata`: an avcC/hvcC record or Annex B parameter sets,
    perhaps none. `length_size`: bytes of the length before each NAL unit of a packet, 0 if they are Annex B,
    None if packets are framed as the extradata is. `timing` says where the time stamps come from: `rtp`
    (the camera, over the network), `stream` (a file's), `arrival` (ours, when the picture came).
    `frame_rate`: what is promised, None if nothing is. `encoded_from`: what the camera sent, where this is an
    encoding of it.
    """

    @property
    def codec(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def extradata(self) -> bytes: ...
    @property
    def time_base(self) -> Fraction: ...
    @property
    def frame_rate(self) -> Fraction | None: ...
    @property
    def length_size(self) -> int | None: ...
    @property
    def timing(self) -> str: ...
    @property
    def encoded_from(self) -> str | None: ...


class Picture(Protocol):
    """One encoded picture in decode order. Times in ticks of the stream's `time_base`, `arrival_ns`
    monotonic. `lost`: packets of the network that were lost just before it, as their numbers told.
    """

    @property
    def data(self) -> bytes: ...
    @property
    def pts(self) -> int: ...
    @property
    def dts(self) -> int | None: ...
    @property
    def duration(self) -> int: ...
    @property
    def key(self) -> bool: ...
    @property
    def arrival_ns(self) -> int: ...
    @property
    def lost(self) -> int:
        """Packets of the network that did not come, since the picture before."""
        ...

    @property
    def dropped(self) -> int:
        """Pictures that came and could not be encoded in time, since the picture before."""
        ...


class CameraClock(Protocol):
    """The camera's own clock: at `utc_ns` (since 1970) it took the picture stamped `pts`; told at
    `arrival_ns`.
    """

    @property
    def pts(self) -> int: ...
    @property
    def utc_ns(self) -> int: ...
    @property
    def arrival_ns(self) -> int: ...


class SoundStream(Protocol):
    """The sound that follows, where it was asked for; comes before the first picture. `sound_codec`: "aac"
    with its AudioSpecificConfig, "pcm_mulaw" or "pcm_alaw".
    """

    @property
    def sound_codec(self) -> str: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def config(self) -> bytes: ...


class Sound(Protocol):
    """A frame of AAC, or samples of G.711; `pts` counts samples, `arrival_ns` monotonic."""

    @property
    def sound(self) -> bytes: ...
    @property
    def pts(self) -> int: ...
    @property
    def arrival_ns(self) -> int: ...


class NoSound(Protocol):
    """Sound was asked for, and why there is none."""

    @property
    def no_sound(self) -> str: ...
    @property
    def advice(self) -> str: ...


SourceItem = Stream | Picture | CameraClock | SoundStream | Sound | NoSound


class Source(Protocol):
    """One connection for each call of `stream`; a `Stream` first, and again when it changes."""

    def stream(self, stop: threading.Event) -> Iterator[SourceItem]: ...


@runtime_checkable
class FlowingSource(Protocol):
    """A source of which many can be read in one thread: `flow` is as `stream`, but may yield None instead of
    waiting once its pictures flow.
    """

    def flow(self, stop: threading.Event) -> Generator[SourceItem | None, None, None]: ...


@runtime_checkable
class SourceFault(Protocol):
    """An exception that can say what happened and what to do."""

    code: str
    message: str
    advice: str
    retry: bool


OpenCamera = Callable[[str], Source]

type Gray = npt.NDArray[np.uint8]
"""Rows x columns of brightness, 0..255."""
type Region = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture."""
type LookFunction = Callable[[Gray, Region | None], Sequence[object]]
"""A picture and where to look in it; returns what was seen."""


def is_picture(item: SourceItem) -> TypeGuard[Picture]:
    return hasattr(item, "key")


def is_stream(item: SourceItem) -> TypeGuard[Stream]:
    return hasattr(item, "extradata")


def is_clock(item: SourceItem) -> TypeGuard[CameraClock]:
    return hasattr(item, "utc_ns")


def is_sound_stream(item: SourceItem) -> TypeGuard[SoundStream]:
    return hasattr(item, "sound_codec")


def is_sound(item: SourceItem) -> TypeGuard[Sound]:
    return hasattr(item, "sound")


def is_no_sound(item: SourceItem) -> TypeGuard[NoSound]:
    return hasattr(item, "no_sound")
