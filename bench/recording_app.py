"""The process that stands for the station's app in `bench.record`.

`python -m bench.record_station FOLDER URL…` prints the take and the recorder's process id, and films until
its standard input closes.
"""

import sys
import threading
import time
from pathlib import Path

from packwitness.evidence.keys import SigningKey
from packwitness.station.cameras.kinds import open_camera
from packwitness.station.recorder.messages import (
    CameraSpec,
    CameraUp,
    Report,
    StartTake,
    StopTake,
    TakeClosed,
)
from packwitness.station.recorder.supervisor import RecorderSupervisor
from packwitness.station.spool.journal import Journal, TakeStart
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.parts import OpenPartStore
from packwitness.station.spool.recovery import create_spool

UP_SECONDS = 60


def film_until_told(root: Path, urls: list[str]) -> None:
    """Start the recorder and one take over all cameras; say so; stop it when standard input closes."""
    create_spool(Layout(root)).close()
    ledger = Ledger(Layout(root).ledger)
    journal = Journal(ledger, SigningKey.generate())
    cameras = [CameraSpec(f"camera-{number}", url) for number, url in enumerate(urls)]
    up: set[str] = set()
    ready, closed = threading.Event(), threading.Event()

    def hear(report: Report) -> None:
        if isinstance(report, CameraUp):
            up.add(report.camera)
            if len(up) == len(cameras):
                ready.set()
        elif isinstance(report, TakeClosed):
            closed.set()

    supervisor = RecorderSupervisor(
        cameras, open_camera=open_camera, open_store=OpenPartStore(root), on_message=hear
    )
    supervisor.start()
    assert ready.wait(UP_SECONDS)
    now_ns, now_ms = time.monotonic_ns(), time.time_ns() // 1_000_000
    take = journal.start_take(
        TakeStart(
            bench="bench1",
            kind="packing",
            code="1Z999",
            code_kind="tracking_number",
            logic="bench",
            logic_version="00" * 32,
            cameras=tuple((spec.id, spec.id) for spec in cameras),
            started_ms=now_ms,
            started_ns=now_ns,
            pre_roll_ms=3000,
            clock={
                "source": "system",
                "reference": "none",
                "offset_ms": None,
                "uncertainty_ms": None,
                "measured_at": None,
            },
        ),
        utc_ms=now_ms,
    )
    supervisor.send(StartTake(take, tuple(spec.id for spec in cameras), now_ns))
    print(take, supervisor.pid, flush=True)
    sys.stdin.read()
    supervisor.send(StopTake(take, time.monotonic_ns()))
    assert closed.wait(30)
    supervisor.close()
