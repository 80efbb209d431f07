"""Power cuts: of a running shop's station, and many of one recording."""

import random
import shutil
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Final

from tests.e2e.shop import Shop
from tests.faults.disk import Leaves
from tests.faults.power_cut import CALLS, Judged, folder_of, lay_out, moments, try_cut
from tests.faults.scene import Fault, Scene, end_station, kill_all, start_station
from tests.faults.tracing import tracer_of, under, wait_for_the_end

FAST_DISK: Final = Path("/dev/shm")
"""Where images are laid out if it is there: what is safe on them is settled, so that no disk is needed."""


def _record(scene: Scene) -> None:
    end_station(scene.shop)
    scene.kept["before"] = folder_of(scene.shop.layout.root)
    start_station(scene.shop, under(_log(scene.shop), calls=CALLS))
    scene.shop.cameras_up()


def _log(shop: Shop) -> Path:
    return shop.house.data / "calls.log"


def _cut(scene: Scene) -> None:
    """Kill the station, take from its folder what a power cut may take, and start it again."""
    root = scene.shop.layout.root
    tracer = tracer_of(scene.shop.house.process("station").pid)
    kill_all(scene)
    wait_for_the_end(tracer)
    # Each is the whole disk as it is then: the newest is wanted.
    (last,) = deque(moments(_log(scene.shop), root, scene.kept["before"]), maxlen=1)
    leaves = scene.rng.choice(list(Leaves))
    files, folders = last.disk.after_cut(leaves, scene.rng)
    shutil.rmtree(root)
    lay_out(root, root, files, folders)
    start_station(scene.shop)


FAULT: Final = Fault(_cut, before=_record)


def record(shop: Shop, *, seconds: int) -> tuple[Path, tuple[dict[str, bytes], list[str]]]:
    """Record a station from its start to its end, with takes that follow each other, stop and go up.

    The last is filmed for ``seconds``. What has a receipt is dropped as soon as the disk is looked at.

    Returns:
        the recording, and the station's folder before it.
    """
    end_station(shop)
    settings = shop.layout.settings.read_text()
    shop.layout.settings.write_text(settings + "\n[disk]\nkeep_hours = 0\n")
    before = folder_of(shop.layout.root)
    start_station(shop, under(_log(shop), calls=CALLS))
    shop.cameras_up()
    first = shop.start("400000000001")
    shop.filmed(first, 3)
    second = shop.start("400000000002")
    shop.filmed(second, 4)
    shop.sealed(first)
    shop.end()
    shop.sealed(second)
    third = shop.start("400000000003")
    time.sleep(seconds)
    assert shop.running() == third
    tracer = tracer_of(shop.house.process("station").pid)
    end_station(shop)
    wait_for_the_end(tracer)
    shop.layout.settings.write_text(settings)
    start_station(shop)
    return _log(shop), before


def replay(
    log: Path, root: Path, before: tuple[dict[str, bytes], list[str]], *, cuts: int, each: int, seed: int
) -> list[Judged]:
    """Cut the power at so many moments of a recording, drawn by chance, and leave each in ``each`` ways."""
    rng = random.Random(seed)
    number = sum(1 for _ in moments(log, root, before))
    chosen = set(rng.sample(range(number), min(cuts, number)))
    judged = []
    with tempfile.TemporaryDirectory(dir=FAST_DISK if FAST_DISK.is_dir() else None) as place:
        for at, cut in enumerate(moments(log, root, before)):
            if at in chosen:
                ways = rng.sample(list(Leaves), min(each, len(Leaves)))
                judged += [try_cut(cut, root, leaves, seed, Path(place)) for leaves in ways]
    return judged
