"""Several cameras on one clock: what happened at one moment stands at one moment of the takes."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packwitness.station.recorder.clock import Drift, Offset
from tests.station.cameras.films import make_film
from tests.station.recorder.reading import samples, units
from tests.station.recorder.recording import SECOND, recording

MS = 1_000_000
ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def live_camera(film: Path) -> Iterator[str]:
    """A camera that sends each picture once, at the same moment to whoever has connected."""
    command = [sys.executable, "-m", "bench.rtsp_server", str(film)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"rtsp://127.0.0.1:{int(process.stdout.readline())}/live"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def test_two_cameras_agree_on_the_moment_of_a_picture(tmp_path: Path) -> None:
    """Two connections to one camera: each picture was taken once, so both films must say when alike."""
    film = make_film(tmp_path / "film.mp4", seconds=20, gop=15, size=(160, 96))
    source = {units(sample)[0]: number for number, sample in enumerate(samples(film))}
    with live_camera(film) as url, recording(tmp_path / "store", {"one": url, "two": url}) as it:
        it.film("t-1", ("one", "two"), 3)
        taken: dict[str, dict[int, int]] = {}
        for camera in ("one", "two"):
            origin = it.store.origin_ns("t-1", camera)
            taken[camera] = {
                source[units(sample)[0]]: origin + round(sample.pts * SECOND)
                for sample in samples(it.store.film("t-1", camera))
            }
            where, drift, jitter = it.store.timing("t-1", camera)
            assert (where, drift) == ("rtp", None), "under a minute nobody can tell drift from jitter"
            assert jitter is not None
        both = taken["one"].keys() & taken["two"].keys()
        assert len(both) >= 60
        assert max(abs(taken["one"][number] - taken["two"][number]) for number in both) < 40 * MS


def drift_of(ppm: int, *, seconds: int, late: bool = False) -> int | None:
    """Drift found in a camera whose clock runs so much too fast; pictures come up to 80 ms late."""
    drift = Drift()
    for number in range(seconds * 10):
        arrival = number * 100 * MS
        jitter = (number * 7919) % 80 * MS
        if late and 200 < number < 400:
            jitter += 300 * MS
        drift.add(arrival + jitter, round(arrival * (1 + ppm / 1e6)))
    return drift.ppm


def test_drift_is_found_in_spite_of_jitter_and_not_claimed_too_early() -> None:
    assert drift_of(100, seconds=60) is None
    for ppm in (-200, 0, 50, 500):
        for late in (False, True):
            found = drift_of(ppm, seconds=300, late=late)
            assert found is not None
            assert abs(found - ppm) <= 15


def test_a_cameras_own_clock_is_compared_with_ours() -> None:
    offset = Offset()
    for wrong in (-2000, -2003, 90_000, -1999):
        offset.add(time.time_ns() + wrong * MS, time.monotonic_ns())
    assert offset.ms is not None
    assert abs(offset.ms + 2000) <= 3
