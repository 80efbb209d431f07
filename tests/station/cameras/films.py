"""Small films made on the spot: every picture is noise of its own, so no two packets are alike."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def make_film(
    path: Path,
    *,
    codec: str = "libx264",
    seconds: float = 2,
    gop: int = 15,
    b_frames: int = 0,
    rate: int = 30,
    size: tuple[int, int] = (320, 240),
    seed: int = 1,
    times: list[int] | None = None,
) -> Path:
    """Encode a film with a keyframe every `gop` pictures. `times`: presentation times in 90000ths of a
    second.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        keys = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}"
        if codec == "libx265":
            keys += ":log-level=none:open-gop=0"
        stream.options = {"preset": "ultrafast", f"{codec.removeprefix('lib')}-params": keys}
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 90_000)
        count = len(times) if times is not None else int(seconds * rate)
        for index in range(count):
            blocks = rng.integers(0, 255, (height // 16, width // 16), dtype=np.uint8)
            gray = blocks.repeat(16, 0).repeat(16, 1)
            frame = av.VideoFrame.from_ndarray(gray, format="gray8").reformat(format="yuv420p")
            if times is None:
                frame.pts, frame.time_base = index, Fraction(1, rate)
            else:
                frame.pts, frame.time_base = times[index], Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
