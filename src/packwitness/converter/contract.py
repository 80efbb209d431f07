"""What is said to the converter and what it answers. Pure: no FFmpeg is loaded here.

Messages both ways: one letter, four bytes of length, a body.

| to it | body |
| --- | --- |
| ``S`` | first: the settings, JSON |
| ``I`` | an init segment of the original, valid for the parts that follow |
| ``P`` | start and duration in the init's timescale (8 bytes each), 1 byte: begins at a keyframe, the part |
| ``E`` | the end; without it the converter fails, for then whoever feeds it has died |

| from it | body |
| --- | --- |
| ``I`` | the copy's one init segment, before its first part |
| ``P`` | a part of the copy, one for each of the original's and in its order |
| ``D`` | last: what was done, JSON |
| ``F`` | instead: why it cannot be done, JSON |
"""

import struct
from typing import Annotated, BinaryIO, Final

from pydantic import BaseModel, ConfigDict, Field

MODULE: Final = "packwitness.converter"
BODY_LIMIT: Final = 64 << 20
"""A part has at most 32 MiB; its copy may be larger in theory alone."""

SETTINGS: Final = b"S"
INIT: Final = b"I"
PART: Final = b"P"
END: Final = b"E"
DONE: Final = b"D"
FAILED: Final = b"F"

DETAIL_LIMIT: Final = 500
"""Characters of a failure's detail."""

_HEAD: Final = struct.Struct(">cI")
_PLACE: Final = struct.Struct(">QQ?")


type _Count = Annotated[int, Field(ge=0, lt=1 << 31)]


class Broken(Exception):
    """The other side said something that is no message, or stopped in the middle of one."""


class Settings(BaseModel):
    """How to convert, and what it may cost.

    The copy fits into ``width`` by ``height`` and is never enlarged. ``quality`` is x264's CRF: lower is
    better; ``bits_per_second`` bounds it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    width: int = 1920
    height: int = 1080
    quality: int = 20
    preset: str = "veryfast"
    bits_per_second: int = 8_000_000
    threads: int = 2
    memory_bytes: int = 2 << 30
    cpu_seconds: int = 3600
    nice: int = 15

    @property
    def words(self) -> str:
        """What decides how the copy looks, as the statement about it says."""
        return (
            f"crf {self.quality}, preset {self.preset}, at most {self.width}x{self.height} "
            f"and {self.bits_per_second} bit/s"
        )


class Done(BaseModel):
    """What was done, as whoever reads it can keep it.

    ``codec`` as in RFC 6381; ``unreadable`` counts pictures that could not be decoded, or that no part may
    hold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    codec: str = Field(max_length=40)
    width: _Count
    height: _Count
    encoder: str = Field(max_length=200)
    pictures: _Count
    unreadable: _Count


class Failure(BaseModel):
    """Why it could not be done: ``no_picture too_large not_video out_of_memory broken``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: str = Field(max_length=40)
    detail: str = Field("", max_length=DETAIL_LIMIT)


def write(stream: BinaryIO, kind: bytes, body: bytes = b"") -> None:
    """Send a message."""
    stream.write(_HEAD.pack(kind, len(body)))
    stream.write(body)


def write_part(stream: BinaryIO, data: bytes, *, start: int, duration: int, key: bool) -> None:
    """Send a part of the original."""
    write(stream, PART, _PLACE.pack(start, duration, key) + data)


def read(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """Return the next message's letter and body; None where the stream ends between two.

    Raises:
        Broken: it ends within one, or announces more than ``BODY_LIMIT``.
    """
    head = _exactly(stream, _HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise Broken("the stream ends in a message's head")
    kind, size = _HEAD.unpack(head)
    if size > BODY_LIMIT:
        raise Broken(f"a message of {size} bytes is announced")
    body = _exactly(stream, size)
    if len(body) < size:
        raise Broken("the stream ends in a message")
    return kind, body


def read_part(body: bytes) -> tuple[int, int, bool, bytes]:
    """Return start, duration, key and the bytes of a part of the original.

    Raises:
        Broken: it is shorter than its own head.
    """
    if len(body) < _PLACE.size:
        raise Broken("a part without its place")
    start, duration, key = _PLACE.unpack_from(body)
    return start, duration, key, body[_PLACE.size :]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """Return this many bytes, or all up to the end."""
    pieces = list[bytes]()
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
