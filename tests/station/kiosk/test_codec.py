"""The codec string of an init segment, for MSE."""

import io

import av
import pytest

from packwitness.station.kiosk.codec import is_init, mime_type
from packwitness.station.kiosk.fake import fake_film


def test_h264() -> None:
    init, first, *_ = fake_film(seconds=1)
    assert mime_type(init) == 'video/mp4; codecs="avc1.42c016"'
    assert (is_init(init), is_init(first), is_init(b"")) == (True, False, False)


def test_hevc() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"movflags": "empty_moov"}) as container:
        stream = container.add_stream("libx265", rate=10, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.codec_tag = "hvc1"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame(320, 240, "yuv420p")))
        container.mux(stream.encode(None))
    # Main profile (1), compatible with 1 and 2, main tier level 2.0 (60), progressive and frame-only (0x90).
    assert mime_type(buffer.getvalue()) == 'video/mp4; codecs="hvc1.1.6.L60.90"'


@pytest.mark.parametrize("init", [b"", b"avcC", b"....ftypisom", b"xxhvcC\0\0"])
def test_what_cannot_be_told(init: bytes) -> None:
    assert mime_type(init) is None
