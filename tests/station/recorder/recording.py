"""A real recorder process, its store in a folder, and what it reported."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from packwitness.station.cameras.kinds import open_camera
from packwitness.station.recorder.messages import (
    CameraSpec,
    CameraUp,
    PartWritten,
    Report,
    StartTake,
    StopTake,
    TakeClosed,
)
from packwitness.station.recorder.process import OpenStore
from packwitness.station.recorder.source import LookFunction, OpenCamera
from packwitness.station.recorder.supervisor import RecorderSupervisor
from tests.station.recorder.folder_store import FolderStore

SECOND = 1_000_000_000
PATIENCE = 30.0
"""Seconds to wait for what should come in one: the machine may be busy."""


class Reports:
    """What a recorder reported, to be waited for."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self._came = threading.Condition()

    def note(self, report: Report) -> None:
        with self._came:
            self.reports.append(report)
            self._came.notify_all()

    def wait[R: Report](
        self, kind: type[R], that: Callable[[R], bool] = lambda _: True, *, after: int = 0
    ) -> R:
        """The first report of that kind (from number `after` on), waited for."""
        until = time.monotonic() + PATIENCE
        with self._came:
            while True:
                for report in self.reports[after:]:
                    if isinstance(report, kind) and that(report):
                        return report
                left = until - time.monotonic()
                assert left > 0, f"no {kind.__name__} among {self.reports[after:]}"
                self._came.wait(left)

    def of[R: Report](self, kind: type[R]) -> list[R]:
        with self._came:
            return [report for report in self.reports if isinstance(report, kind)]


class Recording(Reports):
    """A supervisor with its reports."""

    def __init__(
        self,
        root: Path,
        cameras: dict[str, str],
        *,
        look: LookFunction | None = None,
        open_camera: OpenCamera = open_camera,
        open_store: OpenStore | None = None,
    ) -> None:
        self.store = FolderStore(root)
        super().__init__()
        self.supervisor = RecorderSupervisor(
            [CameraSpec(name, url) for name, url in cameras.items()],
            open_camera=open_camera,
            open_store=open_store or partial(FolderStore, root),
            on_message=self.note,
            look=look,
        )

    def wait_up(self, cameras: Sequence[str]) -> None:
        for camera in cameras:
            self.wait(CameraUp, partial(_is_of, camera))

    def film(
        self, take: str, cameras: tuple[str, ...], seconds: float, *, pre_roll: float = 0.0
    ) -> tuple[int, int]:
        """Record a take from now on for so long; return its start and its stop."""
        start = time.monotonic_ns()
        self.supervisor.send(StartTake(take, cameras, start, int(pre_roll * SECOND)))
        time.sleep(seconds)
        return start, self.stop(take)

    def stop(self, take: str) -> int:
        """Stop a take, wait for its end; return the moment of the stop."""
        moment = time.monotonic_ns()
        self.supervisor.send(StopTake(take, moment))
        self.wait(TakeClosed, lambda report: report.take == take)
        return moment

    def check(self, take: str, camera: str) -> None:
        """What was reported is what is stored, without hole in the count, and no part too long or
        overlapping.
        """
        rows = self.store.parts(take, camera)
        assert [row.n for row in rows] == list(range(len(rows)))
        told = [
            (r.n, r.start, r.duration, r.sha256)
            for r in self.of(PartWritten)
            if (r.take, r.camera) == (take, camera)
        ]
        assert told == [(row.n, row.start, row.duration, row.sha256) for row in rows]
        end = 0
        for row in rows:
            assert 0 < row.duration <= 90_000
            assert row.start >= end
            end = row.start + row.duration


def _is_of(camera: str, report: CameraUp) -> bool:
    return report.camera == camera


@contextmanager
def recording(
    root: Path, cameras: dict[str, str], *, look: LookFunction | None = None
) -> Iterator[Recording]:
    """A recorder for the length of a test, all cameras up."""
    it = Recording(root, cameras, look=look)
    it.supervisor.start()
    try:
        it.wait_up(list(cameras))
        yield it
    finally:
        it.supervisor.close()
