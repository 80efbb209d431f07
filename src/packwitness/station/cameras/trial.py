"""What it costs to encode a camera's pictures on this computer, measured with one of them."""

import threading
import time
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from av.video.frame import VideoFrame

from packwitness.station.cameras.budget import ONE_THREAD
from packwitness.station.cameras.encoder import (
    PIXELS,
    SOFTWARE,
    Decoder,
    Encoder,
    Form,
    best_encoder,
    shaped_for_film,
)

TRIAL_PICTURES = 24
TRIAL_SECONDS = 0.6
TRIAL_RATE = Fraction(30)
STEP = 3_000
SHIFT = 8
"""Points that the picture moves by each time: to encode the same again would be too easy."""

_known: dict[tuple[Form, int, int, str], "Cost"] = {}
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one picture, in seconds of one core: to decode it, and to encode it. `encoder`: who does that."""

    decode: float
    encode: float
    encoder: str = SOFTWARE

    def cores(self, rate: Fraction) -> float:
        """What so many a second take."""
        return (self.decode + self.encode) * float(rate)

    def threads(self, rate: Fraction) -> int | None:
        """How many have to encode one picture so that the thread that decodes keeps up; None: it cannot."""
        left = ONE_THREAD / float(rate) - self.decode
        return None if left <= 0 else max(1, ceil(self.encode / left))


def cost_of(form: Form, picture: VideoFrame, data: bytes) -> Cost:
    """Measure, once for each size and form in this process. `picture` is `data` decoded."""
    shape = (form, picture.width, picture.height, picture.format.name)
    with _one_at_a_time:
        if shape not in _known:
            _known[shape] = _measured(form, picture, data)
        return _known[shape]


def _measured(form: Form, picture: VideoFrame, data: bytes) -> Cost:
    """Time of this thread alone, which does not count what others do meanwhile."""
    name = best_encoder(picture, TRIAL_RATE)
    encoder = Encoder(picture, TRIAL_RATE, name=name)
    decoder = Decoder(form)
    points = shaped_for_film(picture).to_ndarray()
    decode = encode = 0.0
    count = 0
    while count < TRIAL_PICTURES and decode + encode < TRIAL_SECONDS:
        moved = VideoFrame.from_ndarray(np.roll(points, count * SHIFT, axis=1), format=PIXELS)
        began = time.thread_time()
        if (again := decoder.decode(data)) is not None:
            shaped_for_film(again)
        decoded = time.thread_time()
        encoder.encode(moved, count * STEP)
        encode += time.thread_time() - decoded
        decode += decoded - began
        count += 1
    return Cost(decode / count, encode / count, name)
