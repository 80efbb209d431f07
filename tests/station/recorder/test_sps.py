"""Picture sizes from parameter sets, held against what FFmpeg's decoders say."""

from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwitness.station.recorder import nal
from packwitness.station.recorder.sps import Shape, read_shape
from tests.station.cameras.films import make_film

SIZES = [(320, 240), (640, 360), (1920, 1080), (1280, 722), (176, 146), (2592, 1944)]


def sets_of(path: Path) -> tuple[str, tuple[bytes, ...]]:
    with av.open(str(path), "r") as container:
        context = container.streams.video[0].codec_context
        units = nal.record_units(context.name, context.extradata or b"")
        return context.name, nal.parameter_sets(context.name, units)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_sizes(tmp_path: Path, encoder: str, size: tuple[int, int]) -> None:
    film = make_film(tmp_path / "film.mp4", codec=encoder, seconds=0.1, size=size)
    codec, sets = sets_of(film)
    shape = read_shape(codec, sets)
    assert (shape.width, shape.height, shape.chroma, shape.luma_depth) == (*size, 1, 8)


@pytest.mark.parametrize(
    ("pixels", "options"),
    [
        ("yuv420p", "8x8dct=1:cqm=jvt"),
        ("yuv420p", "fake-interlaced=1"),
        ("yuv422p", "8x8dct=1"),
        ("yuv444p", "8x8dct=1:cqm=jvt"),
        ("gray", "8x8dct=1"),
        ("yuv420p10le", "8x8dct=1"),
    ],
)
def test_unusual_pictures(tmp_path: Path, pixels: str, options: str) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 332, 252, pixels
        stream.options = {"x264-params": options}
        for index in range(3):
            frame = av.VideoFrame(332, 252, pixels)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    codec, sets = sets_of(path)
    shape = read_shape(codec, sets)
    depth = 10 if pixels.endswith("10le") else 8
    chroma = {"yuv420p": 1, "yuv422p": 2, "yuv444p": 3, "gray": 0, "yuv420p10le": 1}[pixels]
    assert shape == Shape(332, 252, chroma, depth, depth)


def test_no_set_or_half_of_one(tmp_path: Path) -> None:
    codec, sets = sets_of(make_film(tmp_path / "film.mp4", seconds=0.1))
    for bad in ((), sets[1:], (sets[0][:5],), (b"\x67" + bytes(40),)):
        with pytest.raises(nal.BadStream):
            read_shape(codec, bad)


@given(st.sampled_from(["h264", "hevc"]), st.binary(max_size=60))
def test_whatever_it_holds_it_is_a_size_or_a_bad_stream(codec: str, data: bytes) -> None:
    head = b"\x67" if codec == "h264" else b"\x42\x01"
    try:
        shape = read_shape(codec, (head + data,))
    except nal.BadStream:
        return
    assert isinstance(shape, Shape)
