"""Hearers that the tests of the outbox listen with."""

import os
import time
from pathlib import Path

from packwitness.hub.outbox.heard import HeardEvent

heard: list[tuple[str, HeardEvent]] = []
"""What ``first`` and ``second`` were told; a test empties it."""

failing: set[str] = set()
"""Names of hearers that raise for now."""


def first(event: HeardEvent) -> None:
    """Note the event, unless failing."""
    note("first", event)


def second(event: HeardEvent) -> None:
    """Note the event, unless failing."""
    note("second", event)


def note(name: str, event: HeardEvent) -> None:
    if name in failing:
        raise ConnectionError("the shop does not answer")
    heard.append((name, event))


def slow(event: HeardEvent) -> None:
    """Write who begins into ``HEARD_FOLDER``, wait for the file ``go`` there, write who is done."""
    folder = Path(os.environ["HEARD_FOLDER"])
    (folder / f"begun-{os.getpid()}").touch()
    for _ in range(600):
        if (folder / "go").exists():
            (folder / f"done-{os.getpid()}").write_text(event.subject)
            return
        time.sleep(0.1)
    raise TimeoutError("nobody said go")
