"""Benches shared out over recorder processes, and what the death of one costs the others."""

import os
import signal
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

from packwitness.station.app.recorders import Recorders, grouped
from packwitness.station.cameras.kinds import open_camera
from packwitness.station.config import CameraSettings
from packwitness.station.recorder.messages import (
    CameraUp,
    PartWritten,
    RecorderBack,
    RecorderLost,
    StartTake,
    StopTake,
    TakeClosed,
)
from packwitness.station.recorder.supervisor import RecorderSupervisor
from tests.station.cameras.films import make_film
from tests.station.recorder.folder_store import FolderStore
from tests.station.recorder.reading import decoded, samples
from tests.station.recorder.recording import Reports


def bench(name: str, count: int) -> list[CameraSettings]:
    return [CameraSettings(id=f"{name}-{number}", url="file:/film") for number in range(count)]


def of_camera(camera: str, report: CameraUp) -> bool:
    return report.camera == camera


def second_of(camera: str, report: PartWritten) -> bool:
    return report.camera == camera and report.n == 1


def of_take(take: str, report: TakeClosed) -> bool:
    return report.take == take


def shared(benches: list[int], limit: int) -> list[int]:
    cameras = [bench(f"b{number}", count) for number, count in enumerate(benches)]
    return [len(group) for group in grouped(cameras, limit=limit)]


def test_a_bench_is_never_split() -> None:
    assert shared([2, 2, 2, 2], 8) == [8]
    assert shared([2, 2, 2], 5) == [4, 2]
    assert shared([3, 3], 2) == [3, 3]
    assert shared([0, 1, 0], 8) == [1]
    assert shared([], 8) == []


def test_the_death_of_one_leaves_the_others_film_whole(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=4, gop=15, size=(160, 96))
    url = f"file:{film}?loop=1"
    cameras = [[CameraSettings(id="a", url=url)], [CameraSettings(id="b", url=url)]]
    heard = Reports()
    store = FolderStore(tmp_path / "store")
    recorders = Recorders(
        grouped(cameras, limit=1),
        make=partial(
            RecorderSupervisor,
            open_camera=open_camera,
            open_store=partial(FolderStore, tmp_path / "store"),
            on_message=heard.note,
        ),
    )
    recorders.start()
    try:
        for name in ("a", "b"):
            heard.wait(CameraUp, partial(of_camera, name))
            recorders.send(StartTake(f"t-{name}", (name,), time.monotonic_ns(), 0))
            heard.wait(PartWritten, partial(second_of, name))
        pid = recorders.all[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGSEGV)
        lost = heard.wait(RecorderLost)
        assert (lost.cameras, lost.exit_code) == (("a",), -signal.SIGSEGV)
        assert heard.wait(RecorderBack).cameras == ("a",)
        mark = len(heard.reports)
        heard.wait(PartWritten, lambda part: part.camera == "a", after=mark)
        for name in ("a", "b"):
            recorders.send(StopTake(f"t-{name}", time.monotonic_ns()))
            heard.wait(TakeClosed, partial(of_take, f"t-{name}"))
    finally:
        for one in recorders.all:
            one.close()
    assert [gap.reason for gap in store.gaps("t-a", "a")] == ["recorder"]
    assert store.gaps("t-b", "b") == []
    rows = store.parts("t-b", "b")
    assert all(two.start == one.start + one.duration for one, two in pairwise(rows))
    joined = store.film("t-b", "b")
    assert decoded(joined) == len(samples(joined))
