"""A camera that is connected and gives nothing: judged by time told, and by a real camera held back."""

import time
from pathlib import Path

import pytest

from packwitness.station.recorder.messages import CameraDown, CameraUp, PartWritten, StartTake
from packwitness.station.recorder.stall import Stall, Watchdog
from tests.e2e.line import Line
from tests.station.cameras.films import make_film
from tests.station.cameras.rtsp_server import serve_films
from tests.station.recorder.recording import SECOND, Recording, recording

MS = 1_000_000


def fed(*, rate: int, group: int, seconds: int) -> Watchdog:
    """A watchdog that has seen so much of a camera, pictures beginning at moment 0."""
    dog = Watchdog()
    for number in range(rate * seconds + 1):
        dog.tick(number * SECOND // rate)
        dog.picture(number * SECOND // rate, key=number % group == 0)
    return dog


def first(dog: Watchdog, wanted: Stall, *, begin: int, limit: int) -> float:
    """Seconds after `begin` at which ticks, ten a second, find that."""
    for now in range(begin * SECOND, limit * SECOND, 100 * MS):
        if dog.tick(now) is wanted:
            return now / SECOND - begin
    raise AssertionError(f"never {wanted}")


@pytest.mark.parametrize(
    ("rate", "quiet", "dead"), [(30, 1.5, 4.0), (5, 1.5, 4.0), (1, 4.0, 8.0)], ids=["30", "5", "1"]
)
def test_told_soon_and_given_up_later(rate: int, quiet: float, dead: float) -> None:
    dog = fed(rate=rate, group=rate * 2, seconds=60)
    assert first(dog, Stall.QUIET, begin=60, limit=99) == pytest.approx(quiet, abs=0.15)
    assert first(dog, Stall.DEAD, begin=60 + round(quiet), limit=99) <= dead


def test_a_process_that_stood_still_blames_no_camera() -> None:
    dog = fed(rate=30, group=30, seconds=10)
    assert dog.tick(40 * SECOND) is None
    dog.picture(40 * SECOND, key=True)
    assert dog.tick(40 * SECOND + 100 * MS) is None


@pytest.mark.parametrize(("group", "limit"), [(1, 4), (2, 8), (10, 15), (20, 30)])
def test_pictures_without_a_keyframe(group: int, limit: int) -> None:
    dog = fed(rate=10, group=10 * group, seconds=4 * group)
    begin = 4 * group
    for number in range(1, 10 * limit - 1):
        now = begin * SECOND + number * 100 * MS
        dog.picture(now, key=False)
        assert dog.tick(now) is None
    found = set()
    for number in range(10 * limit - 1, 10 * limit + 2):
        now = begin * SECOND + number * 100 * MS
        dog.picture(now, key=False)
        found.add(dog.tick(now))
    assert found == {None, Stall.NO_KEYFRAME}
    # It has learned that this camera takes its time.
    dog.begin()
    dog.picture(1000 * SECOND, key=True)
    dog.picture((1000 + limit) * SECOND, key=False)
    assert dog.tick((1000 + limit) * SECOND) is None


def test_nothing_is_expected_before_the_first_picture() -> None:
    dog = Watchdog()
    assert [dog.tick(now * SECOND // 10) for now in range(600)] == [None] * 600


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "film.mp4", seconds=6, gop=15, size=(160, 96))
    return folder


def downs(it: Recording, camera: str) -> list[tuple[str, str]]:
    return [(down.camera, down.code) for down in it.of(CameraDown) if down.camera == camera]


def test_a_camera_that_stalls_and_is_connected_anew(films: Path, tmp_path: Path) -> None:
    with serve_films(films) as server:
        line = Line(server.port)
        url = server.url(films / "film.mp4")
        held = url.replace(str(server.port), str(line.port))
        try:
            with recording(tmp_path, {"held": held, "other": url}) as it:
                it.supervisor.send(StartTake("t-1", ("held", "other"), time.monotonic_ns(), 0))
                it.wait(PartWritten, lambda part: part.camera == "held")
                line.hold()
                began = time.monotonic_ns()
                down = it.wait(CameraDown)
                assert (down.camera, down.code, down.retry) == ("held", "stalled", True)
                assert down.message
                assert down.advice
                assert 1 * SECOND <= down.monotonic_ns - began < 2 * SECOND
                line.let_go_of_new_ones()
                mark = len(it.reports)
                back = it.wait(CameraUp, after=mark)
                assert back.camera == "held"
                it.wait(PartWritten, lambda part: part.camera == "held", after=mark)
                it.stop("t-1")
                (gap,) = it.store.gaps("t-1", "held")
                assert gap.reason == "stalled"
                assert gap.duration_ms >= 3000
                assert it.store.counts("t-1", "held") == (0, 1, 1)
                # The other camera has noticed nothing.
                assert (downs(it, "other"), it.store.gaps("t-1", "other")) == ([], [])
                assert it.store.counts("t-1", "other") == (0, 0, 0)
        finally:
            line.close()


def test_a_network_that_only_holds_its_breath_costs_no_picture(films: Path, tmp_path: Path) -> None:
    with serve_films(films) as server:
        line = Line(server.port)
        url = server.url(films / "film.mp4").replace(str(server.port), str(line.port))
        try:
            with recording(tmp_path, {"c": url}) as it:
                it.supervisor.send(StartTake("t-1", ("c",), time.monotonic_ns(), 0))
                it.wait(PartWritten)
                line.hold()
                it.wait(CameraDown, lambda down: down.code == "stalled")
                mark = len(it.reports)
                line.let_go()
                it.wait(CameraUp, after=mark)
                it.wait(PartWritten, after=len(it.reports))
                it.stop("t-1")
                assert it.store.gaps("t-1", "c") == []
                assert it.store.counts("t-1", "c") == (0, 1, 0)
        finally:
            line.close()
