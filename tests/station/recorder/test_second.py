"""A camera with a smaller stream to look at: two real RTSP streams, one of which goes and comes."""

import os
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from packwitness.station.cameras.kinds import open_camera
from packwitness.station.recorder.looker import Looker
from packwitness.station.recorder.messages import (
    CameraSpec,
    Look,
    LookFailed,
    PartWritten,
    RecorderLost,
    SecondStreamBack,
    SecondStreamLost,
    Sighting,
    StartTake,
)
from packwitness.station.recorder.source import Gray, Region
from packwitness.station.recorder.supervisor import RecorderSupervisor
from tests.station.cameras.films import make_film
from tests.station.cameras.rtsp_server import RtspCameraServer, serve_films
from tests.station.recorder.reading import packets_of
from tests.station.recorder.recording import SECOND, Recording

MAIN, SUB = (240, 320), (96, 160)


def shape(gray: Gray, region: Region | None) -> tuple[tuple[int, ...], ...]:
    """What was looked at, told by its size."""
    return (np.shape(gray),)


def seen(
    size: tuple[int, int], *, second: bool, film: bool
) -> tuple[tuple[tuple[int, int], ...], bool, bool]:
    return ((size,), second, film)


def kind(sighting: Sighting) -> tuple[tuple[object, ...], bool, bool]:
    return (sighting.codes, sighting.second, sighting.film)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    make_film(folder / "main.mp4", seconds=4, gop=30)
    make_film(folder / "sub.mp4", seconds=4, gop=15, rate=15, size=(160, 96))
    return folder


class WithSecond(Recording):
    """A recorder of one camera that has a stream to look at."""

    def __init__(self, root: Path, url: str, look_url: str) -> None:
        super().__init__(root, {}, look=shape)
        self.supervisor = RecorderSupervisor(
            [CameraSpec("c", url, look_url)],
            open_camera=open_camera,
            open_store=self.supervisor._arguments[2],
            on_message=self.note,
            look=shape,
        )


def test_the_second_stream_is_looked_at_and_while_it_is_away_the_film(films: Path, tmp_path: Path) -> None:
    second = RtspCameraServer(films)
    second.start()
    with serve_films(films) as server:
        it = WithSecond(tmp_path, server.url(films / "main.mp4"), second.url(films / "sub.mp4"))
        it.supervisor.start()
        try:
            it.wait_up(["c"])
            it.supervisor.send(Look("c", True, second=True))
            first = it.wait(Sighting)
            assert kind(first) == seen(SUB, second=True, film=False)

            it.supervisor.send(StartTake("t-1", ("c",), first.monotonic_ns, 0))
            it.wait(PartWritten)
            it.supervisor.send(Look("c", True, interval_ns=SECOND // 5, since_ns=first.monotonic_ns))
            it.wait(Sighting, lambda one: kind(one) == seen(MAIN, second=False, film=True))
            it.supervisor.send(Look("c", False))

            before = len(it.reports)
            second.stop()
            assert it.wait(SecondStreamLost, after=before).camera == "c"
            it.wait(Sighting, lambda one: kind(one) == seen(MAIN, second=True, film=True), after=before)

            before = len(it.reports)
            second.start()
            it.wait(SecondStreamBack, after=before)
            before = len(it.reports)
            it.wait(Sighting, lambda one: kind(one) == seen(SUB, second=True, film=False), after=before)

            it.stop("t-1")
            it.check("t-1", "c")
            assert it.store.gaps("t-1", "c") == []
            kinds = {kind(one) for one in it.of(Sighting)}
            assert kinds == {
                seen(SUB, second=True, film=False),
                seen(MAIN, second=True, film=True),
                seen(MAIN, second=False, film=True),
            }
            assert len(it.of(SecondStreamLost)) == 1
            moments = [one.monotonic_ns for one in it.of(Sighting) if one.second]
            holes = [b - a for a, b in pairwise(moments)]
            assert max(holes) < 5 * SECOND

            # A recorder that comes back is told to look at both again.
            it.supervisor.send(Look("c", True, interval_ns=SECOND // 5))
            pid = it.supervisor.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            it.wait(RecorderLost)
            before = len(it.reports)
            it.wait(Sighting, lambda one: kind(one) == seen(SUB, second=True, film=False), after=before)
            it.wait(Sighting, lambda one: kind(one) == seen(MAIN, second=False, film=True), after=before)
        finally:
            it.supervisor.close()
            second.stop()


def test_a_second_stream_that_never_was(films: Path, tmp_path: Path) -> None:
    with serve_films(films) as server:
        it = WithSecond(tmp_path, server.url(films / "main.mp4"), "rtsp://127.0.0.1:9/none")
        it.supervisor.start()
        try:
            it.wait_up(["c"])
            it.supervisor.send(Look("c", True, second=True))
            assert it.wait(SecondStreamLost).code == "refused"
            assert kind(it.wait(Sighting)) == seen(MAIN, second=True, film=True)
        finally:
            it.supervisor.close()


def test_pictures_that_wait_are_never_told_as_the_other_streams(films: Path) -> None:
    told: list[Sighting] = []

    def note(report: Sighting | LookFailed) -> None:
        assert isinstance(report, Sighting)
        told.append(report)

    looker = Looker("c", lambda: shape, note, patient=True, second=True)
    for packet in packets_of(films / "main.mp4")[:40]:
        looker.push(packet)
    for packet in packets_of(films / "sub.mp4")[:40]:
        looker.push(packet, film=False)
    thread = threading.Thread(target=looker.run)
    thread.start()
    until = time.monotonic() + 10
    while not told and time.monotonic() < until:
        time.sleep(0.01)
    looker.quit()
    thread.join(10)
    assert {kind(one) for one in told} == {seen(SUB, second=True, film=False)}
