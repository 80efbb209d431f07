"""A fake of `Device`: no machine without a camera has a V4L2 device, and a container has none at all.

It stands in for the device alone: FFmpeg, packets, decoder and encoder behind it are those behind a
real one.
"""

import errno
import os
import threading
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import av

from packwitness.station.cameras.device import ContainerFeed, DevicePicture, Feed, Wish


class FakeDevice:
    """Plays a film for each format that it has, over and over, when each picture is due.

    `films`: by the format's name. What it lacks is refused as a driver does; `error` is what every opening
    fails with; `hangs`: seconds that opening takes; `unplugged_after`: pictures before it is pulled out, and
    `silent_after` before no more come.
    """

    def __init__(
        self,
        films: Mapping[str, Path],
        *,
        error: int = 0,
        hangs: float = 0.0,
        unplugged_after: int | None = None,
        silent_after: int | None = None,
    ) -> None:
        self._films = dict(films)
        self._error = error
        self._hangs = hangs
        self._unplugged_after = unplugged_after
        self._silent_after = silent_after

    def open(self, wish: Wish) -> Feed:
        """See `Device.open`."""
        time.sleep(self._hangs)
        if self._error:
            raise OSError(self._error, os.strerror(self._error))
        if wish.format not in self._films:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return FakeFeed(self._films[wish.format], self._unplugged_after, self._silent_after)


class FakeFeed(ContainerFeed):
    """A film, endless and in real time."""

    def __init__(self, film: Path, unplugged_after: int | None, silent_after: int | None) -> None:
        super().__init__(av.open(str(film)))
        self._film = film
        self._unplugged_after = unplugged_after
        self._silent_after = silent_after

    def pictures(self, over: threading.Event) -> Iterator[DevicePicture]:
        """See `Feed.pictures`."""
        began = time.monotonic()
        step = 1 / (self.rate or Fraction(30))
        for number, picture in enumerate(self._again_and_again(over)):
            if number == self._unplugged_after:
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
            if number == self._silent_after:
                over.wait()
                return
            if over.wait(max(0.0, began + number * float(step) - time.monotonic())):
                return
            yield DevicePicture(picture.data, number * step, picture.key)

    def _again_and_again(self, over: threading.Event) -> Iterator[DevicePicture]:
        while not over.is_set():
            with av.open(str(self._film)) as container:
                yield from ContainerFeed(container).pictures(over)
