"""What a fault may touch, and what several of them do."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from packwitness.evidence.manifest import Manifest
from tests.e2e.shop import Shop
from tests.faults.hub_line import HubLine


@dataclass
class Scene:
    """One run: a shop, the line to its hub, chance, and what the fault has to remember.

    ``number`` counts the runs of a fault from 0.
    """

    shop: Shop
    hub: HubLine
    rng: random.Random
    number: int = 0
    cut_at: float | None = None
    """When the station was killed, seconds since 1970; what was filmed later cannot be there."""
    ended_at: float | None = None
    """When the parcel was ended, if the fault did that itself."""
    kept: dict[str, Any] = field(default_factory=dict)


def _nothing(scene: Scene) -> None:
    pass


def _no_more(scene: Scene, manifest: Manifest) -> None:
    pass


@dataclass(frozen=True)
class Fault:
    """``happen`` makes it go wrong in the middle of a parcel and puts it right; ``before`` prepares while
    nothing is filmed; ``judge`` asserts of the sealed take what only this fault can break.
    """

    happen: Callable[[Scene], None]
    before: Callable[[Scene], None] = _nothing
    judge: Callable[[Scene, Manifest], None] = _no_more


def station(scene: Scene) -> psutil.Process:
    return psutil.Process(scene.shop.house.process("station").pid)


def everybody(scene: Scene) -> list[psutil.Process]:
    """The station's processes, the app first."""
    app = station(scene)
    return [app, *app.children(recursive=True)]


def kill_all(scene: Scene) -> None:
    """Kill the station's processes at once, and wait until they are gone."""
    processes = everybody(scene)
    scene.cut_at = time.time()
    for one in processes:
        one.kill()
    scene.shop.house.process("station").wait(10)
    psutil.wait_procs(processes[1:], timeout=20)


def end_station(shop: Shop) -> None:
    """End the station in order, once all that it has is at the hub."""
    shop.rest()
    process = shop.house.process("station")
    process.terminate()
    process.wait(20)


def start_station(shop: Shop, under: Sequence[str] = ()) -> None:
    """Start the station, by way of a command that starts it in its own place."""
    shop.house.under["station"] = list(under)
    shop.house.start_station()


def restart_station(shop: Shop, under: Sequence[str] = ()) -> None:
    """End the station in order, and start it so; all cameras give a picture then."""
    end_station(shop)
    start_station(shop, under)
    shop.cameras_up()
