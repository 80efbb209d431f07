"""A film in which every picture says which one it is, and which tells early from late by its colour.

The upper band of a picture holds its number as eleven black or white blocks, the highest digit first, and an
eleventh for parity; the field below is red in the first ``RED_SECONDS`` of the film and blue from then on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

RATE = 15
SECONDS = 36
COUNT = RATE * SECONDS
RED_SECONDS = 12
SIZE = WIDTH, HEIGHT = 640, 360
SOUND_RATE = 48_000
DIGITS = 10
BLOCK = 56
"""Edge of a block in pixels; eleven stand side by side."""

_RED, _BLUE = (200, 20, 20), (20, 20, 200)


@dataclass(frozen=True)
class Seen:
    """One decoded picture: when it is shown, in seconds of its file; its number; and its colour."""

    at: float
    number: int
    colour: str


def make(
    path: Path, *, group: int = RATE, b_frames: int = 0, size: tuple[int, int] = SIZE, sound_s: int = 0
) -> Path:
    """Encode the film: H.264, a keyframe every ``group`` pictures, sound in its first ``sound_s`` seconds.

    A ``size`` other than the usual shows the same pictures, larger or smaller.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {
            "preset": "ultrafast",
            "crf": "28",
            "x264-params": f"keyint={group}:min-keyint={group}:scenecut=0:bframes={b_frames}",
        }
        if sound_s:
            _sound(container, sound_s)
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(_picture(number), format="rgb24").reformat(*size)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _sound(container: av.container.OutputContainer, seconds: int) -> None:
    stream = container.add_stream("aac", rate=SOUND_RATE)
    assert isinstance(stream, av.AudioStream)
    stream.codec_context.layout = "mono"
    for at in range(0, seconds * SOUND_RATE, 1024):
        wave = np.sin((at + np.arange(1024)) * (2 * np.pi * 440 / SOUND_RATE)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None, :] / 2, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def pictures(data: bytes) -> list[Seen]:
    """Decode a whole film, or an init with the parts that belong to it.

    Raises:
        AssertionError: a picture is not readable, so it is damaged or none of ours.
    """
    return list(_decoded(data))


def holes(seen: list[Seen]) -> list[tuple[Seen, Seen]]:
    """Return the neighbours between which a picture is missing or doubled; after its end the film begins
    again.
    """
    return [
        (before, after) for before, after in pairwise(seen) if after.number != (before.number + 1) % COUNT
    ]


def _picture(number: int) -> NDArray[np.uint8]:
    picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    picture[:] = _RED if number < RED_SECONDS * RATE else _BLUE
    digits = [number >> place & 1 for place in reversed(range(DIGITS))]
    for place, digit in enumerate([*digits, sum(digits) % 2]):
        picture[:BLOCK, place * BLOCK : (place + 1) * BLOCK] = 235 * digit
    return picture


def _decoded(data: bytes) -> Iterator[Seen]:
    with av.open(BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="rgb24")
            middle = slice(BLOCK // 4, 3 * BLOCK // 4)
            digits = [
                int(
                    picture[middle, place * BLOCK + BLOCK // 4 : (place + 1) * BLOCK - BLOCK // 4].mean()
                    > 127
                )
                for place in range(DIGITS + 1)
            ]
            assert sum(digits) % 2 == 0, f"the picture at {frame.time} s cannot be read"
            red, _, blue = picture[2 * BLOCK :].reshape(-1, 3).mean(0)
            number = int("".join(map(str, digits[:-1])), 2)
            assert frame.time is not None
            yield Seen(frame.time, number, "red" if red > blue else "blue")
