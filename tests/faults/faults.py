"""What can go wrong at a bench, each as a function that makes it go wrong once, for a time drawn by chance,
and puts it right again.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from tests.e2e.line import Carries
from tests.e2e.shop import Shop, until
from tests.faults.hub_line import HubLine, Mood


@dataclass
class Scene:
    """What a fault may touch."""

    shop: Shop
    hub: HubLine
    rng: random.Random
    cut_at: float | None = None
    """When the station was killed, seconds since 1970; what was filmed later cannot be there."""


type Fault = Callable[[Scene], None]


def _station(scene: Scene) -> psutil.Process:
    return psutil.Process(scene.shop.house.process("station").pid)


def _station_killed(scene: Scene) -> None:
    station = _station(scene)
    children = station.children()
    station.kill()
    scene.cut_at = time.time()
    scene.shop.house.process("station").wait(10)
    # The next one would find the ledger busy; a service manager waits for the whole group as well.
    psutil.wait_procs(children, timeout=20)
    scene.shop.house.start_station()


def _all_killed(scene: Scene) -> None:
    """Station and recorder at once, as a power cut ends them; what a disk would lose is not shown."""
    station = _station(scene)
    everybody = [station, *station.children(recursive=True)]
    scene.cut_at = time.time()
    for one in everybody:
        one.kill()
    scene.shop.house.process("station").wait(10)
    psutil.wait_procs(everybody[1:], timeout=20)
    scene.shop.house.start_station()


def _recorder_gets(number: signal.Signals) -> Fault:
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


def _stopped(process: Callable[[Scene], psutil.Process], *, longest: float) -> Fault:
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


def _hub_is(mood: Mood) -> Fault:
    def fault(scene: Scene) -> None:
        scene.hub.be(mood)
        time.sleep(scene.rng.uniform(0.3, 3))
        scene.hub.be(Mood.CALM)

    return fault


FAULTS: Final[dict[str, Fault]] = {
    "station-killed": _station_killed,
    "all-killed": _all_killed,
    "recorder-killed": _recorder_gets(signal.SIGKILL),
    "recorder-segfault": _recorder_gets(signal.SIGSEGV),
    "web-killed": _web_killed,
    "worker-killed": _worker_killed,
    "station-stopped": _stopped(_station, longest=4),
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
