"""A camera's live picture, handed from the recorder to whoever watches at the kiosk."""

import asyncio
from collections.abc import AsyncIterator, Callable

from packwitness.station.recorder.messages import Frame

BACKLOG = 240
"""Fragments that wait for a slow watcher before it is taken to the next keyframe."""

GROUP_BYTES = 16 << 20
"""Kept for who comes to watch; where more than this comes between two keyframes, they begin at the next."""


class LivePicture:
    """One camera's. The recorder sends pictures only while somebody watches."""

    def __init__(self, watch: Callable[[bool], None]) -> None:
        self._watch = watch
        self._init = b""
        self._group: list[bytes] = []
        self._group_bytes = 0
        self._watchers: set[_Watcher] = set()

    def push(self, frame: Frame) -> None:
        """Take an init or a fragment from the recorder."""
        if frame.init:
            self._init, self._group = frame.data, []
        elif frame.key:
            self._group, self._group_bytes = [frame.data], len(frame.data)
        elif self._group:
            self._group.append(frame.data)
            self._group_bytes += len(frame.data)
            if self._group_bytes > GROUP_BYTES:
                self._group = []
        for watcher in self._watchers:
            watcher.offer(frame)

    def lost(self) -> None:
        """The camera is gone: every watcher's picture ends."""
        self._init, self._group = b"", []
        for watcher in self._watchers:
            watcher.end()

    async def watch(self) -> AsyncIterator[bytes]:
        """Yield an init, then fragments from a keyframe on, until the camera is lost."""
        watcher = _Watcher()
        if self._init:
            for held in (self._init, *self._group):
                watcher.queue.put_nowait(held)
            watcher.in_step = bool(self._group)
        self._watchers.add(watcher)
        if len(self._watchers) == 1:
            self._watch(True)
        try:
            while (data := await watcher.queue.get()) is not None:
                yield data
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._init, self._group = b"", []
                self._watch(False)


class _Watcher:
    """Who watches, and what waits for them."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.in_step = False

    def offer(self, frame: Frame) -> None:
        if self.queue.qsize() > BACKLOG and not frame.init:
            self.in_step = False
        if frame.init:
            self.queue.put_nowait(frame.data)
            self.in_step = False
        elif frame.key and self.queue.qsize() <= BACKLOG:
            self.in_step = True
        if self.in_step and not frame.init:
            self.queue.put_nowait(frame.data)

    def end(self) -> None:
        self.queue.put_nowait(None)
