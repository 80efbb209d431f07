"""Films on disk as cameras."""

import threading
import time
from collections.abc import Iterable
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np

from packwitness.station.cameras.camera import (
    Broken,
    CameraError,
    CameraPacket,
    NotFound,
    NoVideo,
    StreamInfo,
    WrongCodec,
)
from packwitness.station.cameras.file import FileCamera, FilmOver
from tests.station.cameras.films import make_film


def pictures(items: Iterable[StreamInfo | CameraPacket]) -> list[CameraPacket]:
    return [item for item in items if isinstance(item, CameraPacket)]


def play(camera: FileCamera) -> tuple[list[CameraPacket], CameraError]:
    """What came, and the error it ended with."""
    found: list[CameraPacket] = []
    items = camera.stream(threading.Event())
    while True:
        try:
            item = next(items)
        except CameraError as error:
            return found, error
        if isinstance(item, CameraPacket):
            found.append(item)


def test_plays_once_and_says_so(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=1)
    found, error = play(FileCamera(film, realtime=False))
    assert len(found) == 30
    assert isinstance(error, FilmOver)
    assert (error.code, error.retry) == ("ended", False)


def test_loops_on_one_line_of_time(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=0.5, b_frames=2)
    items = FileCamera(film, loop=True, realtime=False, clock=lambda: 7).stream(threading.Event())
    info, *rest = islice(items, 46)
    assert isinstance(info, StreamInfo)
    found = pictures(rest)
    assert len(found) == 45
    assert [one.data for one in found[:15]] * 3 == [one.data for one in found]
    order = [one.dts for one in found if one.dts is not None]
    steps = {after - before for before, after in pairwise(order)}
    assert steps == {found[0].duration}
    tick = info.time_base * 1_000_000_000
    assert [one.arrival_ns for one in found] == [7 + int((at - order[0]) * tick) for at in order]


def test_realtime_takes_its_time_and_stops_when_told(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=1)
    stop = threading.Event()
    began = time.monotonic()
    items = FileCamera(film, loop=True).stream(stop)
    found = pictures(islice(items, 16))
    assert 0.4 < time.monotonic() - began < 2
    assert [one.arrival_ns for one in found] == sorted(one.arrival_ns for one in found)
    threading.Timer(0.1, stop.set).start()
    list(items)
    assert time.monotonic() - began < 3


def test_a_film_cut_short_ends_in_an_error(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=2)
    late_index = tmp_path / "cut.mp4"
    late_index.write_bytes(film.read_bytes()[:-2000])
    assert isinstance(play(FileCamera(late_index))[1], Broken)
    early_index = tmp_path / "early.mp4"
    with av.open(str(film), "r") as source:
        options = {"movflags": "faststart"}
        with av.open(str(early_index), "w", options=options) as target:
            stream = target.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
    whole = early_index.read_bytes()
    early_index.write_bytes(whole[: len(whole) * 2 // 3])
    found, error = play(FileCamera(early_index, realtime=False))
    assert isinstance(error, Broken)
    # What came before the cut is whole.
    assert 20 < len(found) < 60
    intact, _ = play(FileCamera(film, realtime=False))
    assert [one.data for one in found] == [one.data for one in intact[: len(found)]]


def test_what_is_no_film(tmp_path: Path) -> None:
    assert isinstance(play(FileCamera(tmp_path / "nowhere.mp4"))[1], NotFound)
    assert isinstance(play(FileCamera(tmp_path))[1], NotFound)
    text = tmp_path / "text.mp4"
    text.write_text("no film at all\n" * 100)
    assert isinstance(play(FileCamera(text))[1], Broken)
    assert isinstance(play(FileCamera(make_sound(tmp_path / "sound.mp4")))[1], NoVideo)
    other = make_film(tmp_path / "other.mkv", codec="mpeg4", seconds=0.5)
    error = play(FileCamera(other))[1]
    assert isinstance(error, WrongCodec)
    assert "mpeg4" in str(error)


def make_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
