"""Inits and records written here, held against those that FFmpeg writes."""

from io import BytesIO
from pathlib import Path
from typing import Any

import av
import pytest

from packwitness.station.recorder import nal
from packwitness.station.recorder.muxer import boxes, open_track
from tests.station.cameras.films import make_film
from tests.station.recorder.test_sps import sets_of

FILMS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "main": {"b_frames": 2},
    "H.265": {"codec": "libx265"},
}


def remuxed(path: Path, codec: str) -> av.VideoStream:
    """The film's stream as FFmpeg writes it into an MP4 of its own."""
    buffer = BytesIO()
    with av.open(str(path), "r") as source, av.open(buffer, "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        if codec == "hevc":
            stream.codec_context.codec_tag = "hvc1"
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    buffer.seek(0)
    return av.open(buffer, "r").streams.video[0]


@pytest.mark.parametrize("kind", FILMS)
def test_init_says_what_ffmpegs_says(tmp_path: Path, kind: str) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=0.2, size=(640, 362), **FILMS[kind])
    codec, sets = sets_of(film)
    track = open_track(codec, sets)
    theirs = remuxed(film, codec)
    assert [box[0] for box in boxes(track.init)] == [b"ftyp", b"moov"]
    with av.open(BytesIO(track.init), "r") as container:
        ours = container.streams.video[0]
        context = ours.codec_context
        assert (context.name, context.width, context.height) == (codec, 640, 362)
        assert context.codec_tag == theirs.codec_context.codec_tag
        assert (ours.time_base.numerator, ours.time_base.denominator) == (1, 90_000)
        assert context.extradata == track.record
        # FFmpeg's hvcC keeps the encoder's SEI as well; apart from that they are the same.
        ffmpegs = theirs.codec_context.extradata or b""
        assert nal.parameter_sets(codec, nal.record_units(codec, ffmpegs)) == sets
        if codec == "h264":
            assert ffmpegs == track.record
        else:
            assert ffmpegs[:22] == track.record[:22]
    assert track.facts.codec == nal.codec_name(codec, ffmpegs)


@pytest.mark.parametrize("pixels", ["yuv422p", "yuv420p10le", "yuv444p"])
def test_records_of_high_profiles(tmp_path: Path, pixels: str) -> None:
    for encoder in ("libx264", "libx265"):
        path = tmp_path / f"{encoder}.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(encoder, rate=30)
            stream.width, stream.height, stream.pix_fmt = 320, 240, pixels
            stream.options = {"preset": "ultrafast", "x265-params": "log-level=none"}
            for index in range(3):
                frame = av.VideoFrame(320, 240, pixels)
                for plane in frame.planes:
                    plane.update(bytes(plane.buffer_size))
                frame.pts = index
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        codec, sets = sets_of(path)
        theirs = remuxed(path, codec).codec_context.extradata or b""
        record = open_track(codec, sets).record
        assert record == theirs if codec == "h264" else record[:22] == theirs[:22]


def test_what_is_too_large_or_missing(tmp_path: Path) -> None:
    codec, sets = sets_of(make_film(tmp_path / "film.mp4", seconds=0.1))
    with pytest.raises(nal.BadStream):
        open_track(codec, sets[1:])
    with pytest.raises(nal.BadStream):
        open_track(codec, (b"\x67\x42\x00\x0a\xf8" + b"\x00\x00\x01" * 5 + b"\xff" * 8, sets[1]))
