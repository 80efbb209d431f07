"""Kills at the k-th fsync of a parcel, for each k: between a scan and its answer, between a part and its row,
in stop, in seal, before a receipt is stored, in the middle of the hub's tasks.

strace holds every fsync of the processes back for some milliseconds before it begins, so that after the k-th
has ended nobody comes past the next one before the kill.
"""

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.e2e.shop import until
from tests.faults.scene import Fault, Scene, everybody, kill_all
from tools.fault_tools import STRACE

HELD_US: Final = 15_000
FILM_SECONDS: Final = 1.2

_ENDED = re.compile(rb"^(?:\[pid +(\d+)\] )?(?:f(?:data)?sync\(|<\.\.\. f(?:data)?sync resumed>).*\) += 0")


class SyncWatch:
    """Counts the fsyncs of processes, and calls ``strike`` with the thread that did the ``at``-th, once."""

    def __init__(self, processes: Sequence[int], at: int, strike: Callable[[int], None]) -> None:
        self.count = 0
        self.struck = threading.Event()
        self._at = at
        self._strike = strike
        self._first = processes[0]
        self._strace = subprocess.Popen(
            [
                *(shutil.which(STRACE) or STRACE, "-f", "-e", "trace=fsync,fdatasync", "-e", "signal=none"),
                *("-e", f"inject=fsync,fdatasync:delay_enter={HELD_US}"),
                *(word for one in processes for word in ("-p", str(one))),
            ],
            stderr=subprocess.PIPE,
        )
        self._attached = threading.Event()
        self._reader = threading.Thread(target=self._read, name="fsync watch")
        self._reader.start()
        assert self._attached.wait(20), "strace does not attach"

    def end(self) -> None:
        """Let go of the processes."""
        self._strace.terminate()
        self._reader.join(30)
        self._strace.wait(10)

    def _read(self) -> None:
        assert self._strace.stderr is not None
        with self._strace.stderr as lines:
            for line in lines:
                if b"attached" in line:
                    self._attached.set()
                if found := _ENDED.match(line):
                    self.count += 1
                    if self.count == self._at:
                        self._strike(int(found[1] or self._first))
                        self.struck.set()


def _watch_station(scene: Scene) -> None:
    def strike(_: int) -> None:
        kill_all(scene)
        scene.shop.house.start_station()

    watched = [one.pid for one in everybody(scene)]
    scene.kept["watch"] = SyncWatch(watched, scene.number + 1, strike)


def _watch_hub(scene: Scene) -> None:
    def strike(thread: int) -> None:
        with suppress(OSError):
            text = Path(f"/proc/{thread}/status").read_text()
            os.kill(int(next(line.split()[1] for line in text.splitlines() if line.startswith("Tgid:"))), 9)

    processes = [scene.shop.hub_child("web"), scene.shop.hub_child("worker")]
    watched = [one.pid for process in processes for one in (process, *process.children(recursive=True))]
    scene.kept["watch"] = SyncWatch(watched, scene.number + 1, strike)


def _film_to_the_receipt(scene: Scene) -> None:
    """Film on, end the take, and wait for the kill or, if there are fewer fsyncs, for the receipt."""
    watch, shop = scene.kept["watch"], scene.shop
    took: str | None = next(reversed(shop.codes), None)
    assert took is not None
    try:
        watch.struck.wait(FILM_SECONDS)
        if not watch.struck.is_set():
            scene.ended_at = time.time()
            # Killed in the middle of it, the station gives no answer.
            with suppress(Exception):
                shop.end()
        end = time.monotonic() + 30
        while not watch.struck.is_set() and time.monotonic() < end and not _receipted(scene, took):
            time.sleep(0.05)
        if watch.struck.is_set():
            until(lambda: shop.house.process("station").poll() is None, what="the station runs again")
    finally:
        watch.end()
    scene.kept["syncs"] = watch.count
    scene.kept["struck"] = watch.struck.is_set()


def _receipted(scene: Scene, take: str) -> bool:
    return (scene.shop.layout.take(take) / "receipt.json").exists()


STATION: Final = Fault(_film_to_the_receipt, before=_watch_station)
HUB: Final = Fault(_film_to_the_receipt, before=_watch_hub)
