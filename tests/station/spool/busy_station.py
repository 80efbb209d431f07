"""A process that does nothing but what a station does to its spool, until it is killed. Run by
``test_recovery``.

It prints one line for each thing that is acknowledged: ``take <id>``, ``part <take> <camera> <n>
<sha256>``, ``event <take> <n>``, ``sealed <take> <digest>``.
"""

import os
import sys
import threading
from itertools import count
from pathlib import Path

from packwitness.station.spool.recovery import recover
from packwitness.station.spool.seal import close, seal
from tests.station.spool.station_of_one import BENCH, IDENTITY, START_MS, START_NS, Facts, Spool, note, reopen

SAYING = threading.Lock()


def say(*words: object) -> None:
    """The dot tells a whole line from what a killed process left of one."""
    with SAYING:
        print(*words, ".", flush=True)  # noqa: T201 - the parent listens


def film(spool: Spool, take: str, camera: str) -> None:
    """As a recorder's writer thread does."""
    init = spool.store.put_init(
        take=take, camera=camera, data=b"init" * 200, info=Facts(), origin_ns=START_NS - 3_000_000_000
    )
    for n in range(4):
        data = f"{take} {camera} {n}".encode() * 3000
        row = spool.store.put_part(
            take=take, camera=camera, init=init.k, data=data, start=n * 90_000, duration=90_000, key=True
        )
        say("part", take, camera, row.n, row.sha256)


def nursery() -> None:
    """For each line on standard input fork a station, say its process id, and say when it is gone.

    Forking after the imports makes a round take hundredths of a second instead of a whole one.
    """
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            main()
        say("born", child)
        os.waitpid(child, 0)
        # A killed station may have left half a line.
        say("\ngone")


def main() -> None:
    spool = reopen(Path(sys.argv[1]))
    recover(
        spool.ledger,
        spool.journal,
        spool.layout,
        IDENTITY,
        benches=[BENCH],
        boot="ab",
        utc_ms=START_MS,
    )
    say("ready")
    for number in count():
        take = spool.begin(f"CODE{number}")
        say("take", take)
        cameras = [
            threading.Thread(target=film, args=(spool, take, camera)) for camera in ("overhead", "label")
        ]
        for camera in cameras:
            camera.start()
        n = note(spool, take, kind="label_scanned", utc_ms=START_MS, data={"source": "scanner"})
        say("event", take, n)
        spool.journal.checkpoint(take=take, utc_ms=START_MS)
        spool.ledger.fix_film_from(take=take, fallback_ms=START_MS - 3000)
        for camera in cameras:
            camera.join()
        close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
        say(
            "sealed",
            take,
            seal(spool.ledger, spool.journal, spool.layout, IDENTITY, take=take, utc_ms=START_MS),
        )


if __name__ == "__main__":
    nursery()
