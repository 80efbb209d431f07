"""Encoded cycles on disk: each is drawn once, encoded once, and kept from run to run.

Invariants: a file under its final name is whole; all clips of a view can follow one another in one stream,
since they share their encoder settings. A clip is written 1. into memory, 2. to a `.part` beside its place,
3. fsync, 4. renamed, 5. fsync of the folder. A crash leaves at most a `.part`, which nobody reads. Two
processes that want the same clip both draw it; the bytes are the same, so either may win.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import get_args

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from packwitness.station.cameras.scene.drawing import frames
from packwitness.station.cameras.scene.lens import HEIGHT, WIDTH, View
from packwitness.station.cameras.scene.parcels import PARCELS
from packwitness.station.cameras.scene.relief import Pixels
from packwitness.station.cameras.scene.sensor import Sensor
from packwitness.station.cameras.scene.timing import FPS

Draw = Callable[[int, View], Iterator[Pixels]]

_X264 = {
    "preset": "superfast",
    "crf": "23",
    # One closed GOP a second, no B-frames; a short look ahead halves the bits of a bench that hardly moves.
    "x264-params": f"keyint={FPS}:min-keyint={FPS}:scenecut=0:open-gop=0:bframes=0:mbtree=1:rc-lookahead=10",
}
_MATRIX_BT601, _PRIMARIES_BT709, _TRANSFER_BT709, _RANGE_TV = 6, 1, 1, 1


def draw_parcel(index: int, view: View) -> Iterator[Pixels]:
    """The frames of cycle `index`: the parcels come round and round."""
    return frames(PARCELS[index % len(PARCELS)], view)


class ClipStore:
    """The clips in `folder`; it is made if it is missing. Threads may share it."""

    def __init__(self, folder: Path, *, draw: Draw = draw_parcel, edition: str | None = None) -> None:
        self._folder = folder
        self._draw = draw
        self._edition = edition or drawing_edition()
        self._gate = threading.Lock()
        self._busy: dict[Path, threading.Lock] = {}

    def clip(self, index: int, view: View) -> Path:
        """The MP4 of cycle `index` as `view` sees it, drawn now if it is not there yet.

        Raises:
            OSError: the folder cannot be written.
        """
        path = self._place(index, view)
        with self._gate:
            busy = self._busy.setdefault(path, threading.Lock())
        with busy:
            if not path.exists():
                _keep(path, encode(self._draw(index % len(PARCELS), view)))
        return path

    def ready(self, index: int, view: View) -> bool:
        """Whether `clip` would answer at once."""
        return self._place(index, view).exists()

    def drawn(self, *, before: float) -> list[int]:
        """The parcels that every view has had a clip of since `before` (seconds of the wall clock)."""

        def whole(index: int, view: View) -> bool:
            try:
                return self._place(index, view).stat().st_mtime <= before
            except FileNotFoundError:
                return False

        return [index for index in range(len(PARCELS)) if all(whole(index, view) for view in get_args(View))]

    def discard(self, index: int, view: View) -> None:
        """Forget a clip that proved broken; the next `clip` draws it afresh."""
        self._place(index, view).unlink(missing_ok=True)

    def _place(self, index: int, view: View) -> Path:
        return self._folder / f"{view}-{index % len(PARCELS):02d}-{self._edition}.mp4"


@lru_cache(maxsize=1)
def drawing_edition() -> str:
    """Changes with the drawing code and with the encoder, so that no old clip is taken for a new one."""
    digest = hashlib.sha256(repr(sorted(av.library_versions.items())).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:10]


def encode(pictures: Iterator[Pixels]) -> bytes:
    """An MP4 of BGR `pictures`: H.264, yuv420p, one closed GOP a second."""
    # For pictures this small OpenCV's threads cost more than they save, and views are drawn side by side.
    cv2.setNumThreads(1)
    target = BytesIO()
    with av.open(target, "w", format="mp4") as container:
        stream = _stream(container.add_stream("libx264", rate=FPS, options=_X264))
        sensor = Sensor()
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(sensor.expose(picture, number), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return target.getvalue()


@lru_cache(maxsize=1)
def parameter_sets() -> bytes:
    """The avcC record of every clip: the settings alone decide it, so one black picture tells."""
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with av.open(BytesIO(encode(iter([black])))) as container:
        return container.streams.video[0].codec_context.extradata or b""


def _stream(stream: VideoStream) -> VideoStream:
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base = Fraction(1, FPS)
    context.gop_size, context.max_b_frames = FPS, 0
    context.thread_count = 1  # the same bytes on every machine; views are encoded side by side anyway
    context.colorspace, context.color_range = _MATRIX_BT601, _RANGE_TV
    context.color_primaries, context.color_trc = _PRIMARIES_BT709, _TRANSFER_BT709
    return stream


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
