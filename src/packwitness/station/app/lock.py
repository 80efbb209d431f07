"""One process a data folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from packwitness.station.spool.layout import Layout


class StationInUse(Exception):
    """Another process runs this station."""


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Hold the data folder for this process; the system lets go when it dies, however it dies.

    Raises:
        StationInUse: another one holds it.
    """
    with layout.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StationInUse(
                f"Another process runs the station in {layout.root}. End that one first."
            ) from error
        yield


def is_held(layout: Layout) -> bool:
    """Say whether a station runs on the folder."""
    try:
        with only_one(layout):
            return False
    except StationInUse:
        return True
