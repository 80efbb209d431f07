"""What is seen while filming: live pictures for the kiosk, and looks for codes."""

import os
import signal
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from packwitness.station.recorder.messages import (
    Frame,
    Look,
    LookFailed,
    RecorderBack,
    Sighting,
    Watch,
)
from packwitness.station.recorder.muxer import boxes
from packwitness.station.recorder.source import Gray, Region
from tests.station.cameras.films import make_film
from tests.station.recorder.reading import decoded, samples
from tests.station.recorder.recording import SECOND, recording


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4", seconds=4, gop=30)


def joined(frames: list[Frame]) -> bytes:
    return b"".join(frame.data for frame in frames)


def test_live_pictures_only_while_watched(film: Path, tmp_path: Path) -> None:
    with recording(tmp_path, {"a": f"file:{film}?loop=1", "b": f"file:{film}?loop=1"}) as it:
        time.sleep(0.7)
        assert it.of(Frame) == []
        it.supervisor.send(Watch("a", True))
        asked = time.monotonic_ns()
        first = it.wait(Frame)
        time.sleep(1.5)
        it.supervisor.send(Watch("a", False))
        time.sleep(0.3)
        frames = it.of(Frame)
        time.sleep(0.4)
        assert it.of(Frame) == frames
        assert {frame.camera for frame in frames} == {"a"}
        # One init, then fragments from a keyframe on: the group that runs, without waiting for the next one.
        assert [frame.init for frame in frames] == [True] + [False] * (len(frames) - 1)
        assert first.codec.startswith("avc1.42")
        assert frames[1].key
        assert frames[1].monotonic_ns <= asked
        for frame in frames[1:]:
            assert [kind for kind, _, _ in boxes(frame.data)] == [b"moof", b"mdat"]
        assert decoded(joined(frames)) == len(frames) - 1 >= 45
        shown = [s.dts for s in samples(joined(frames))]
        assert {round(b - a, 3) for a, b in pairwise(shown)} <= {0.033, 0.034}
        source = {s.data for s in samples(film)}
        assert {s.data for s in samples(joined(frames))} <= source


def test_watching_goes_on_in_a_new_process(film: Path, tmp_path: Path) -> None:
    with recording(tmp_path, {"a": f"file:{film}?loop=1"}) as it:
        it.supervisor.send(Watch("a", True))
        it.wait(Frame, lambda frame: not frame.init)
        assert it.supervisor.pid is not None
        os.kill(it.supervisor.pid, signal.SIGKILL)
        it.wait(RecorderBack)
        mark = len(it.reports)
        assert it.wait(Frame, after=mark).init
        it.wait(Frame, lambda frame: frame.key, after=mark)


def brightest(gray: Gray, region: Region | None) -> Sequence[object]:
    """Stands in for a code reader: the shape it was shown, where to look, and a figure of the picture."""
    return [(gray.shape, region), int(gray.mean())]


def no_code(gray: Gray, region: Region | None) -> Sequence[object]:
    return []


def cannot(gray: Gray, region: Region | None) -> Sequence[object]:
    raise ZeroDivisionError("no reading today")


def test_sightings_tell_what_was_seen_and_when(tmp_path: Path) -> None:
    # A picture that brightens by one step a picture tells its own time.
    film = make_ramp(tmp_path / "ramp.mp4")
    region = (0.25, 0.25, 0.75, 0.75)
    with recording(tmp_path, {"a": f"file:{film}?loop=1"}, look=brightest) as it:
        it.supervisor.send(Look("a", True, region))
        it.wait(Sighting)
        time.sleep(2)
        it.supervisor.send(Look("a", False))
        time.sleep(0.3)
        sightings = it.of(Sighting)
        time.sleep(0.3)
        assert it.of(Sighting) == sightings
        assert len(sightings) >= 10
        assert {sighting.codes[0] for sighting in sightings} == {((240, 320), region)}
        for one, two in pairwise(sightings):
            before, after = one.codes[1], two.codes[1]
            assert isinstance(before, int)
            assert isinstance(after, int)
            passed = (two.monotonic_ns - one.monotonic_ns) * 30 / SECOND
            assert abs((after - before) / 2 % 90 - passed % 90) < 1.6


def make_ramp(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "5", "x264-params": "keyint=30:bframes=0"}
        for index in range(90):
            gray = np.full((240, 320), 30 + 2 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(gray, format="gray8").reformat(
                format="yuv420p", src_color_range="JPEG", dst_color_range="JPEG"
            )
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_patient_look_begins_in_the_ring_and_skips_nothing(tmp_path: Path) -> None:
    film = make_ramp(tmp_path / "ramp.mp4")
    with recording(tmp_path, {"a": f"file:{film}?loop=1"}, look=brightest) as it:
        time.sleep(2.5)
        now = time.monotonic_ns()
        it.supervisor.send(Look("a", True, interval_ns=500_000_000, since_ns=now - 2 * SECOND))
        it.wait(Sighting, lambda sighting: sighting.monotonic_ns > now)
        it.supervisor.send(Look("a", False))
        moments = [sighting.monotonic_ns for sighting in it.of(Sighting)]
        assert moments[0] <= now - SECOND
        steps = [two - one for one, two in pairwise(moments)]
        assert len(steps) >= 3
        assert all(500_000_000 <= step <= 540_000_000 for step in steps)


def test_nothing_seen_is_told_too_and_a_look_that_fails_is_told_once(film: Path, tmp_path: Path) -> None:
    with recording(tmp_path / "1", {"a": f"file:{film}?loop=1"}, look=no_code) as it:
        it.supervisor.send(Look("a", True))
        assert it.wait(Sighting).codes == ()
    with recording(tmp_path / "2", {"a": f"file:{film}?loop=1"}, look=cannot) as it:
        it.supervisor.send(Look("a", True))
        failed = it.wait(LookFailed)
        assert "no reading today" in failed.message
        time.sleep(0.5)
        it.film("t-1", ("a",), 0.5)
        it.check("t-1", "a")
        assert len(it.of(LookFailed)) == 1
