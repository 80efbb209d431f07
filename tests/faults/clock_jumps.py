"""The station's clock is set in the middle of a parcel: an hour on, an hour back, a leap second.

libfaketime tells the station's processes another time of day; their monotonic clock is left alone, as the
system's is when somebody sets the clock.
"""

import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final

from packwitness.evidence.manifest import Manifest
from tests.faults.scene import Fault, Scene, restart_station
from tools.fault_tools import faketime

JUMPS: Final = (3600, -3600, -1, 1)
"""Seconds; a leap second that is inserted sets the clock back by one."""
FILM_SECONDS: Final = 2.5
SLACK: Final = timedelta(seconds=1.5)
"""Between what the station's clocks say and ours: starting and ending a take by HTTP on a busy machine."""


def _told(scene: Scene) -> Path:
    return scene.shop.house.data / "clock"


def _prepare(scene: Scene) -> None:
    library = faketime()
    assert library is not None, "no libfaketime: run tools/fault_tools.py"
    _set(scene, 0)
    if "LD_PRELOAD" in " ".join(scene.shop.house.under.get("station", ())):
        return
    restart_station(
        scene.shop,
        [
            *("env", f"LD_PRELOAD={library}", f"FAKETIME_TIMESTAMP_FILE={_told(scene)}"),
            *("FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"),
        ],
    )


def _set(scene: Scene, seconds: int) -> None:
    """Set the clock so far from ours, at once: a reader finds the old or the new."""
    draft = _told(scene).with_suffix(".new")
    draft.write_text(f"{seconds:+d}\n")
    draft.replace(_told(scene))


def _jump(scene: Scene) -> None:
    shop = scene.shop
    scene.kept["began"] = time.monotonic()
    seconds = JUMPS[scene.number % len(JUMPS)]
    _set(scene, seconds)
    time.sleep(FILM_SECONDS)
    shop.scan(f"ITEM{scene.rng.randrange(10**6)}")  # the next parcel begins in the new time
    scene.kept["filmed"] = time.monotonic() - scene.kept["began"]
    time.sleep(1)
    _set(scene, 0)
    time.sleep(1)


def _judge(scene: Scene, manifest: Manifest) -> None:
    """UTC within a take goes on as the time that passed, whatever the clock was set to."""
    events = manifest.events
    assert all(one.utc <= other.utc for one, other in pairwise(events)), "events go back in time"
    assert manifest.film_from <= manifest.started_at <= manifest.stopped_at
    for event in events:
        assert event.at_ms == round((event.utc - manifest.film_from).total_seconds() * 1000), event
    passed = timedelta(seconds=scene.kept["filmed"])
    lasted = manifest.stopped_at - manifest.started_at
    # From its start to our first look at the clock lies what `run` waits.
    assert passed - SLACK <= lasted <= passed + SLACK + timedelta(seconds=1.5), (passed, lasted)
    filmed = manifest.film_until - manifest.film_from
    assert lasted <= filmed + SLACK, (lasted, filmed)


FAULT: Final = Fault(_jump, before=_prepare, judge=_judge)
