"""The recorder process dies, hangs, is told to quit, loses its app: what then."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from packwitness.station.recorder.messages import (
    Look,
    PartWritten,
    RecorderBack,
    RecorderLost,
    StartTake,
    StopTake,
    TakeClosed,
    Watch,
)
from tests.station.cameras.films import make_film
from tests.station.recorder.folder_store import FolderStore, Part
from tests.station.recorder.reading import decoded, samples
from tests.station.recorder.recording import SECOND, Recording, recording

BACK_NS = 4 * SECOND
"""The promise is two seconds; a machine that runs all tests at once gets twice that."""


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> str:
    film = make_film(tmp_path_factory.mktemp("films") / "film.mp4", seconds=4, gop=15)
    return f"file:{film}?loop=1"


def part_of(camera: str, part: PartWritten) -> bool:
    return part.camera == camera


def third_part_of(camera: str, part: PartWritten) -> bool:
    return part.camera == camera and part.n == 2


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSEGV])
def test_it_is_back_and_the_same_take_goes_on(tmp_path: Path, camera: str, signum: signal.Signals) -> None:
    with recording(tmp_path, {"a": camera, "b": camera}) as it:
        it.supervisor.send(StartTake("t-1", ("a", "b"), time.monotonic_ns(), 0))
        for name in ("a", "b"):
            it.wait(PartWritten, partial(third_part_of, name))
        pid = it.supervisor.pid
        assert pid is not None
        os.kill(pid, signum)
        killed = time.monotonic_ns()
        lost = it.wait(RecorderLost)
        assert lost.exit_code == -signum
        back = it.wait(RecorderBack)
        assert it.supervisor.pid != pid
        assert back.monotonic_ns - killed < BACK_NS
        mark = len(it.reports)
        for name in ("a", "b"):
            it.wait(PartWritten, partial(part_of, name), after=mark)
        time.sleep(1)
        stop = it.stop("t-1")
        for name in ("a", "b"):
            it.check("t-1", name)
            (gap,) = it.store.gaps("t-1", name)
            assert gap.reason == "recorder"
            rows = it.store.parts("t-1", name)
            holes = [
                ((one.start + one.duration) // 90, (two.start - one.start - one.duration) // 90)
                for one, two in pairwise(rows)
                if two.start > one.start + one.duration
            ]
            assert holes == [(gap.at_ms, gap.duration_ms)]
            # At most the open second was lost, plus the time it took to come back.
            assert gap.duration_ms <= 1100 + (back.monotonic_ns - killed) // 1_000_000 + 2000
            # The line of time goes on: the end lies where the stop does.
            end = it.store.origin_ns("t-1", name) + (rows[-1].start + rows[-1].duration) * SECOND // 90_000
            assert abs(stop - end) < SECOND
            assert len(it.store.inits("t-1", name)) == 1
            film = it.store.film("t-1", name)
            assert decoded(film) == len(samples(film))


def test_a_stop_while_it_is_dead_is_not_forgotten(tmp_path: Path, camera: str) -> None:
    with recording(tmp_path, {"a": camera}) as it:
        it.supervisor.send(StartTake("t-1", ("a",), time.monotonic_ns(), 0))
        it.wait(PartWritten)
        assert it.supervisor.pid is not None
        os.kill(it.supervisor.pid, signal.SIGKILL)
        it.supervisor.send(StartTake("t-2", ("a",), time.monotonic_ns(), 0))
        it.supervisor.send(StopTake("t-1", time.monotonic_ns()))
        it.wait(TakeClosed, lambda closed: closed.take == "t-1")
        it.wait(PartWritten, lambda part: part.take == "t-2")
        it.stop("t-2")
        for take in ("t-1", "t-2"):
            it.check(take, "a")


def test_it_is_back_although_the_system_had_no_room_for_it_at_first(tmp_path: Path, camera: str) -> None:
    with recording(tmp_path, {"a": camera}) as it:
        assert it.supervisor.pid is not None
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, allowed[1]))
        try:
            os.kill(it.supervisor.pid, signal.SIGKILL)
            it.wait(RecorderLost)
            time.sleep(2.5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, allowed)
        it.wait(RecorderBack)
        it.film("t-1", ("a",), 0.5)
        it.check("t-1", "a")


def test_a_process_that_hangs_is_replaced(tmp_path: Path, camera: str) -> None:
    with recording(tmp_path, {"a": camera}) as it:
        pid = it.supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        assert it.wait(RecorderLost).exit_code == -signal.SIGKILL
        it.wait(RecorderBack)
        assert not psutil.pid_exists(pid)
        it.film("t-1", ("a",), 0.5)
        it.check("t-1", "a")


def test_ctrl_c_and_sigterm_do_not_end_it_but_close_does(tmp_path: Path, camera: str) -> None:
    with recording(tmp_path, {"a": camera}) as it:
        it.supervisor.send(StartTake("t-1", ("a",), time.monotonic_ns(), 0))
        it.wait(PartWritten)
        pid = it.supervisor.pid
        assert pid is not None
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        mark = len(it.reports)
        it.wait(PartWritten, after=mark)
        assert it.supervisor.pid == pid
        it.supervisor.close()
        assert not psutil.pid_exists(pid)
        # What was filmed up to then is in the store.
        assert it.of(TakeClosed) == [TakeClosed("t-1")]
        it.check("t-1", "a")
        assert it.of(RecorderLost) == []
        it.supervisor.close()


APP = """
import sys, time
from functools import partial
from pathlib import Path
from packwitness.station.cameras.kinds import open_camera
from packwitness.station.recorder.messages import CameraSpec
from packwitness.station.recorder.supervisor import RecorderSupervisor
from tests.station.recorder.folder_store import FolderStore

if __name__ == "__main__":
    supervisor = RecorderSupervisor(
        [CameraSpec("a", sys.argv[1])],
        open_camera=open_camera,
        open_store=partial(FolderStore, Path(sys.argv[2])),
        on_message=lambda report: None,
    )
    supervisor.start()
    print(supervisor.pid, flush=True)
    if sys.argv[3] == "stay":
        time.sleep(60)
"""


def _gone(pid: int, *, within: float) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def _kill(app: "subprocess.Popen[str]") -> None:
    app.kill()


def _leave(app: "subprocess.Popen[str]") -> None:
    """Nothing to do: the app ends by itself, without closing the supervisor."""


@pytest.mark.parametrize(("manner", "end"), [("stay", _kill), ("leave", _leave)])
def test_it_does_not_outlive_its_app(
    tmp_path: Path, camera: str, manner: str, end: Callable[["subprocess.Popen[str]"], None]
) -> None:
    script = tmp_path / "app.py"
    script.write_text(APP)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, str(script), camera, str(tmp_path / "store"), manner],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"},
    ) as app:
        assert app.stdout is not None
        pid = int(app.stdout.readline())
        end(app)
        app.wait(30)
    assert _gone(pid, within=20)


def test_orders_that_make_no_sense_are_refused(tmp_path: Path, camera: str) -> None:
    with recording(tmp_path, {"a": camera}) as it:
        for order in (StartTake("t-1", ("a", "x"), 0), Watch("x", True), Look("x", True), Look("a", True)):
            with pytest.raises(ValueError, match="This recorder"):
                it.supervisor.send(order)


class DiesUnheard(FolderStore):
    """Kills its process when the first part is in the store and nobody has been told."""

    def put_part(
        self, *, take: str, camera: str, init: int, data: bytes, start: int, duration: int, key: bool
    ) -> Part:
        row = super().put_part(
            take=take, camera=camera, init=init, data=data, start=start, duration=duration, key=key
        )
        if row.n == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return row


def test_media_time_goes_on_although_the_first_part_was_never_reported(tmp_path: Path, camera: str) -> None:
    it = Recording(tmp_path, {"a": camera}, open_store=partial(DiesUnheard, tmp_path))
    it.supervisor.start()
    try:
        it.wait_up(["a"])
        it.supervisor.send(StartTake("t-1", ("a",), time.monotonic_ns(), 0))
        it.wait(PartWritten, lambda part: part.n == 2)
        it.stop("t-1")
    finally:
        it.supervisor.close()
    assert isinstance(it.store.origin_ns("t-1", "a"), int), "one origin for all inits"
    rows = it.store.parts("t-1", "a")
    (gap,) = it.store.gaps("t-1", "a")
    assert gap.reason == "recorder"
    assert rows[1].start >= rows[0].start + rows[0].duration + 45_000
    assert all(two.start >= one.start + one.duration for one, two in pairwise(rows))
    assert it.of(PartWritten)[0].n == 1
