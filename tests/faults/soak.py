"""Eight cameras, parcel after parcel without a pause, for as long as one likes: memory and file handles of
each process stay flat, and the audit finds every parcel.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations, count
from pathlib import Path
from typing import Final

import httpx2 as httpx
import psutil

from tests.e2e.audit import audit
from tests.e2e.shop import Shop, open_shop

CAMERAS: Final = tuple(f"camera{number}" for number in range(1, 9))
TAKE_SECONDS: Final = 2.0
SAMPLE_SECONDS: Final = 5.0
KEEP_HOURS: Final = 0.05
"""Films are dropped within minutes, so that dropping is part of it."""
WARM_UP: Final = 1 / 3
"""Share of the time after which nothing may grow any more."""
MAY_GROW_MB: Final = 12.0
MAY_GROW: Final = 0.08
MAY_OPEN: Final = 6
"""More file handles at the end than after the warm-up: what happens to be open."""


@dataclass(frozen=True)
class Sample:
    """A process at a moment: seconds since the soak began, MB, handles, threads."""

    at: float
    mb: float
    handles: int
    threads: int


@dataclass(frozen=True)
class Line:
    """What became of one process. ``after``: the median in the third of the time after the warm-up, ``end``:
    in the last; slopes by Theil and Sen over everything after the warm-up.
    """

    process: str
    samples: int
    mb_after: float
    mb_end: float
    mb_an_hour: float
    handles_after: int
    handles_end: int
    threads_end: int
    flat: bool


@dataclass(frozen=True)
class Soaked:
    """What a soak found."""

    minutes: float
    takes: int
    unsealed: int
    lines: tuple[Line, ...]


def soak(folder: Path, film: Path, *, minutes: float) -> Soaked:
    """Film parcel after parcel, and look at the processes all the while.

    Raises:
        AssertionError: the audit found something.
    """
    with open_shop(folder / "shop", film, cameras=CAMERAS) as shop:
        shop.rest()
        station = shop.house.process("station")
        station.terminate()
        station.wait(20)
        settings = shop.layout.settings
        settings.write_text(settings.read_text() + f"\n[disk]\nkeep_hours = {KEEP_HOURS}\n")
        shop.house.start_station()
        shop.cameras_up()
        samples = _film(shop, minutes * 60)
        shop.end()
        shop.rest()
        lines = tuple(judge(name, found) for name, found in sorted(samples.items()))
        unsealed = sum(state != "sealed" for (state,) in shop.hub_rows("SELECT state FROM recordings_take"))
        audit(shop, folder, every=max(1, len(shop.accepted) // 100))
        return Soaked(minutes, len(shop.accepted), unsealed, lines)


def _film(shop: Shop, seconds: float) -> dict[str, list[Sample]]:
    began = time.monotonic()
    samples: dict[str, list[Sample]] = defaultdict(list)
    looked = began
    for number in count():
        now = time.monotonic()
        if now - began >= seconds:
            break
        with suppress(httpx.TransportError):
            shop.scan(f"{500_000_000_000 + number}")
        if now - looked >= SAMPLE_SECONDS:
            looked = now
            for name, process in _processes(shop):
                with suppress(psutil.NoSuchProcess):
                    samples[name].append(_sample(process, now - began))
        time.sleep(max(0.0, TAKE_SECONDS - (time.monotonic() - now)))
    return samples


def _processes(shop: Shop) -> Iterator[tuple[str, psutil.Process]]:
    for program in ("station", "hub"):
        top = psutil.Process(shop.house.process(program).pid)
        yield f"{program} {top.pid}", top
        for child in top.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                yield f"{_name(program, child.cmdline())} {child.pid}", child


def _name(program: str, words: list[str]) -> str:
    for word, name in (("web", "hub web"), ("worker", "hub worker")):
        if word in words:
            return name
    told = " ".join(words)
    return "recorder" if "spawn_main" in told else f"{program} tracker" if "tracker" in told else program


def _sample(process: psutil.Process, at: float) -> Sample:
    # Pages that only this process holds: what is shared is loaded once for all.
    return Sample(at, process.memory_full_info().uss / 1e6, process.num_fds(), process.num_threads())


def judge(process: str, samples: list[Sample]) -> Line:
    """Compare what comes after the warm-up with the end."""
    end = max(one.at for one in samples)
    late = [one for one in samples if one.at >= end * WARM_UP] or samples
    middle = [one for one in late if one.at <= end * (1 + WARM_UP) / 2] or late
    last = [one for one in late if one.at > end * (1 + WARM_UP) / 2] or late
    before, after = (statistics.median(one.mb for one in some) for some in (middle, last))
    opened, open_now = (round(statistics.median(one.handles for one in some)) for some in (middle, last))
    slopes = [(b.mb - a.mb) / (b.at - a.at) for a, b in combinations(late[:: max(1, len(late) // 200)], 2)]
    flat = after - before <= max(MAY_GROW_MB, before * MAY_GROW) and open_now - opened <= MAY_OPEN
    return Line(
        process=process,
        samples=len(samples),
        mb_after=round(before, 1),
        mb_end=round(after, 1),
        mb_an_hour=round(3600 * statistics.median(slopes), 1) if slopes else 0.0,
        handles_after=opened,
        handles_end=open_now,
        threads_end=last[-1].threads,
        flat=flat,
    )
