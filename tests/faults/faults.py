"""What can go wrong at a bench: each goes wrong once, for a time drawn by chance, and is put right again."""

import os
import signal
import time
from collections.abc import Callable
from typing import Final

import psutil

from tests.e2e.line import Carries
from tests.e2e.shop import until
from tests.faults import clock_jumps, cuts, odd_streams, storage, sync_kill
from tests.faults.hub_line import Mood
from tests.faults.scene import Fault, Scene, kill_all, station

type Happening = Callable[[Scene], None]


def _station_killed(scene: Scene) -> None:
    app = station(scene)
    children = app.children()
    app.kill()
    scene.cut_at = time.time()
    scene.shop.house.process("station").wait(10)
    # The next one would find the ledger busy; a service manager waits for the whole group as well.
    psutil.wait_procs(children, timeout=20)
    scene.shop.house.start_station()


def _all_killed(scene: Scene) -> None:
    """Station and recorder at once."""
    kill_all(scene)
    scene.shop.house.start_station()


def _recorder_gets(number: signal.Signals) -> Happening:
    def fault(scene: Scene) -> None:
        recorder = scene.shop.recorder()
        os.kill(recorder.pid, number)
        until(lambda: scene.shop.recorder().pid != recorder.pid, what="another recorder runs")

    return fault


def _web_killed(scene: Scene) -> None:
    scene.shop.hub_child("web").kill()
    until(lambda: scene.shop.api.get("/readyz").status_code == 200, what="the hub answers again")


def _worker_killed(scene: Scene) -> None:
    scene.shop.hub_child("worker").kill()


def _stopped(process: Callable[[Scene], psutil.Process], *, longest: float) -> Happening:
    def fault(scene: Scene) -> None:
        one = process(scene)
        one.suspend()
        try:
            time.sleep(scene.rng.uniform(0.2, longest))
        finally:
            one.resume()

    return fault


def _camera_cut(scene: Scene) -> None:
    line = scene.rng.choice(list(scene.shop.lines.values()))
    line.carry(Carries.NOTHING)
    time.sleep(scene.rng.uniform(0.1, 3))
    line.carry(Carries.STREAM)


def _camera_frozen(scene: Scene) -> None:
    line = scene.rng.choice(list(scene.shop.lines.values()))
    line.lose()
    time.sleep(scene.rng.uniform(0.3, 5))
    line.find()


def _camera_late(scene: Scene) -> None:
    line = scene.rng.choice(list(scene.shop.lines.values()))
    line.hold()
    time.sleep(scene.rng.uniform(0.3, 5))
    line.let_go()


def _camera_garbled(scene: Scene) -> None:
    line = scene.rng.choice(list(scene.shop.lines.values()))
    line.garble(scene.rng, share=scene.rng.choice([1e-5, 1e-3, 0.05]))
    time.sleep(scene.rng.uniform(0.3, 2))
    line.clear()


def _hub_is(mood: Mood) -> Happening:
    def fault(scene: Scene) -> None:
        scene.hub.be(mood)
        time.sleep(scene.rng.uniform(0.3, 3))
        scene.hub.be(Mood.CALM)

    return fault


_IN_THE_MIDDLE: Final[dict[str, Happening]] = {
    "station-killed": _station_killed,
    "all-killed": _all_killed,
    "recorder-killed": _recorder_gets(signal.SIGKILL),
    "recorder-segfault": _recorder_gets(signal.SIGSEGV),
    "web-killed": _web_killed,
    "worker-killed": _worker_killed,
    "station-stopped": _stopped(station, longest=4),
    # A recorder that is silent for five seconds is killed and replaced.
    "recorder-stopped": _stopped(lambda scene: scene.shop.recorder(), longest=4),
    "hub-stopped": _stopped(lambda scene: scene.shop.hub_child("web"), longest=4),
    "camera-cut": _camera_cut,
    "camera-frozen": _camera_frozen,
    "camera-late": _camera_late,
    "camera-garbled": _camera_garbled,
    "hub-resets": _hub_is(Mood.RESET),
    "hub-errors": _hub_is(Mood.ERROR),
    "hub-silent": _hub_is(Mood.SILENT),
    "hub-half-answers": _hub_is(Mood.HALF),
}
FAULTS: Final[dict[str, Fault]] = {
    **{name: Fault(happening) for name, happening in _IN_THE_MIDDLE.items()},
    "disk-full": storage.FULL,
    "disk-slow": storage.SLOW,
    "clock-set": clock_jumps.FAULT,
    "power-cut": cuts.FAULT,
    "killed-at-sync": sync_kill.STATION,
    "hub-killed-at-sync": sync_kill.HUB,
    **odd_streams.FAULTS,
}
