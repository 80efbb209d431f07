"""The recorder process with cameras that play films: takes, pre-roll, stops, reconnects."""

import time
from itertools import pairwise
from pathlib import Path

import pytest

from packwitness.station.recorder.messages import (
    Beat,
    CameraDown,
    CameraUp,
    PartWritten,
    StartTake,
    StopTake,
    TakeClosed,
)
from tests.station.cameras.films import make_film
from tests.station.cameras.rtsp_server import RtspCameraServer, serve_films
from tests.station.recorder.reading import decoded, samples, units
from tests.station.recorder.recording import SECOND, Recording, recording

FRAME = SECOND // 30


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "short.mp4", seconds=6, gop=15)
    make_film(folder / "long.mp4", seconds=20, gop=300, size=(160, 96))
    make_film(folder / "b.mp4", seconds=6, gop=30, b_frames=2)
    make_film(folder / "h265.mp4", seconds=6, gop=15, codec="libx265")
    return folder


def looped(film: Path) -> str:
    return f"file:{film}?loop=1"


def run_of[T](film: list[T], part: list[T]) -> int:
    """Where `part` begins in the endlessly looped `film`; it must be an unbroken run of it."""
    numbers = [film.index(one) for one in part]
    assert numbers == [(numbers[0] + offset) % len(film) for offset in range(len(part))]
    return numbers[0]


def test_film_is_an_unbroken_run_of_the_source_and_holds_the_pre_roll(films: Path, tmp_path: Path) -> None:
    cameras = {name: looped(films / f"{name}.mp4") for name in ("short", "b", "h265")}
    with recording(tmp_path, cameras) as it:
        time.sleep(3)
        start, stop = it.film("t-1", tuple(cameras), 1.5, pre_roll=2)
        for camera in cameras:
            it.check("t-1", camera)
            film = it.store.film("t-1", camera)
            ours = samples(film)
            run_of([s.data for s in samples(films / f"{camera}.mp4")], [s.data for s in ours])
            assert decoded(film) == len(ours)
            origin = it.store.origin_ns("t-1", camera)
            group = 1 if camera == "b" else 0.5
            assert start - (2 + group) * SECOND - 3 * FRAME <= origin <= start - 2 * SECOND
            last = origin + int(ours[-1].dts * SECOND)
            assert stop - SECOND // 2 <= last <= stop
            assert it.store.gaps("t-1", camera) == []


def test_ten_second_group(films: Path, tmp_path: Path) -> None:
    with recording(tmp_path, {"c": looped(films / "long.mp4")}) as it:
        time.sleep(1.5)
        it.film("t-1", ("c",), 2.5, pre_roll=1)
        it.check("t-1", "c")
        rows = it.store.parts("t-1", "c")
        # The film begins where the group does, since nothing later could be decoded alone.
        assert [row.key for row in rows] == [True] + [False] * (len(rows) - 1)
        assert all(row.duration == 90_000 for row in rows[:-1])
        assert len(rows) >= 4
        assert decoded(it.store.film("t-1", "c")) == len(samples(it.store.film("t-1", "c")))


def test_overlapping_takes_share_the_ring(films: Path, tmp_path: Path) -> None:
    with recording(tmp_path, {"c": looped(films / "short.mp4")}) as it:
        time.sleep(1.2)
        first = time.monotonic_ns()
        it.supervisor.send(StartTake("t-1", ("c",), first, SECOND))
        time.sleep(1)
        second = time.monotonic_ns()
        it.supervisor.send(StartTake("t-2", ("c",), second, SECOND))
        it.supervisor.send(StartTake("t-2", ("c",), second, SECOND))
        time.sleep(0.5)
        it.stop("t-1")
        time.sleep(0.5)
        it.stop("t-2")
        source = [s.data for s in samples(films / "short.mp4")]
        runs = {}
        for take in ("t-1", "t-2"):
            it.check(take, "c")
            ours = samples(it.store.film(take, "c"))
            assert decoded(it.store.film(take, "c")) == len(ours)
            runs[take] = (run_of(source, [s.data for s in ours]), len(ours))
        apart = (it.store.origin_ns("t-2", "c") - it.store.origin_ns("t-1", "c")) / FRAME
        assert (runs["t-2"][0] - runs["t-1"][0]) % len(source) == round(apart)
        assert abs(apart - 30) <= 15


@pytest.mark.parametrize("name", ["short", "h265"])
def test_rtsp_film_holds_the_cameras_pictures(films: Path, tmp_path: Path, name: str) -> None:
    codec = "h264" if name == "short" else "hevc"
    film = films / f"{name}.mp4"
    with serve_films(films) as server, recording(tmp_path, {"c": server.url(film)}) as it:
        time.sleep(1)
        it.film("t-1", ("c",), 2, pre_roll=1)
        it.check("t-1", "c")
        assert [(down.code, down.message) for down in it.of(CameraDown)] == []
        assert it.store.gaps("t-1", "c") == []
        joined = it.store.film("t-1", "c")
        ours = samples(joined)
        run_of([units(s, codec) for s in samples(film)], [units(s, codec) for s in ours])
        assert decoded(joined) == len(ours) >= 60
        steps = {round(b.dts - a.dts, 3) for a, b in pairwise(ours)}
        assert steps <= {0.033, 0.034}


def test_a_camera_that_comes_back_goes_on_in_the_same_take(films: Path, tmp_path: Path) -> None:
    film = films / "short.mp4"
    server = RtspCameraServer(films)
    server.start()
    try:
        with recording(tmp_path, {"c": server.url(film)}) as it:
            start = time.monotonic_ns()
            it.supervisor.send(StartTake("t-1", ("c",), start, 0))
            it.wait(PartWritten)
            time.sleep(1)
            server.stop()
            lost = it.wait(CameraDown)
            assert (lost.camera, lost.retry) == ("c", True)
            time.sleep(1.5)
            before = len(it.reports)
            server.start()
            it.wait(CameraUp, after=before)
            it.wait(PartWritten, after=before)
            time.sleep(1)
            stop = it.stop("t-1")
            it.check("t-1", "c")
            (gap,) = it.store.gaps("t-1", "c")
            assert gap.reason == "reconnect"
            assert gap.duration_ms >= 1500
            rows = it.store.parts("t-1", "c")
            holes = [
                (a.start + a.duration, b.start) for a, b in pairwise(rows) if b.start > a.start + a.duration
            ]
            assert [(at // 90, (until - at) // 90) for at, until in holes] == [(gap.at_ms, gap.duration_ms)]
            end = it.store.origin_ns("t-1", "c") + rows[-1].start * SECOND // 90_000
            assert stop - 2 * SECOND <= end <= stop
            # Same stream, same init: the film is one file, and all of it decodes.
            assert len(it.store.inits("t-1", "c")) == 1
            film_bytes = it.store.film("t-1", "c")
            assert decoded(film_bytes) == len(samples(film_bytes))
    finally:
        server.stop()


def test_a_camera_that_is_gone_when_the_take_stops(films: Path, tmp_path: Path) -> None:
    with recording(tmp_path, {"c": f"file:{films / 'short.mp4'}"}) as it:
        it.supervisor.send(StartTake("t-1", ("c",), time.monotonic_ns(), 0))
        down = it.wait(CameraDown)
        assert (down.code, down.retry) == ("ended", False)
        time.sleep(1)
        it.stop("t-1")
        it.supervisor.send(StartTake("t-2", ("c",), time.monotonic_ns() + 60 * SECOND, 0))
        time.sleep(0.1)
        it.supervisor.send(StopTake("t-2", time.monotonic_ns()))
        it.wait(TakeClosed, lambda report: report.take == "t-2")
        (gap,) = it.store.gaps("t-1", "c")
        assert gap.reason == "camera_lost"
        assert 900 <= gap.duration_ms <= 4000
        rows = it.store.parts("t-1", "c")
        assert gap.at_ms == (rows[-1].start + rows[-1].duration) // 90


def test_a_broken_film_is_told_and_leaves_no_half_part(films: Path, tmp_path: Path) -> None:
    whole = (films / "short.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    cameras = {"good": looped(films / "short.mp4"), "cut": looped(tmp_path / "cut.mp4")}
    it = Recording(tmp_path / "store", cameras)
    it.supervisor.start()
    try:
        down = it.wait(CameraDown)
        assert (down.camera, down.code) == ("cut", "broken")
        assert "cut.mp4" in down.message
        assert down.advice
        it.wait_up(["good"])
        it.film("t-1", ("good", "cut"), 1)
        assert it.store.parts("t-1", "cut") == []
        assert [gap.reason for gap in it.store.gaps("t-1", "cut")] == ["no_picture"]
        assert decoded(it.store.film("t-1", "good")) > 20
        it.wait(Beat, lambda beat: beat.cameras_up == ("good",))
        # Trying again does not tell the same thing again.
        assert len(it.of(CameraDown)) == 1
    finally:
        it.supervisor.close()
