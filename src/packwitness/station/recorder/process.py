"""The recorder process: several cameras, a thread that reads most of them, and a thread each to connect and
to write. It lives as long as its pipe.

A crash in FFmpeg takes this process along and nothing else; the supervisor starts it again.
"""

import ctypes
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from packwitness.station.recorder.channel import Channel
from packwitness.station.recorder.downs import down_by
from packwitness.station.recorder.live import Live
from packwitness.station.recorder.messages import (
    Beat,
    CameraSpec,
    Look,
    Order,
    Quit,
    Report,
    StartTake,
    StopTake,
    TakeClosed,
    Watch,
)
from packwitness.station.recorder.outbox import Outbox
from packwitness.station.recorder.reader import Reader
from packwitness.station.recorder.ring import Ring
from packwitness.station.recorder.source import OpenCamera
from packwitness.station.recorder.store import FilmSoFar, PartStore
from packwitness.station.recorder.writer import Writer

if TYPE_CHECKING:
    from packwitness.station.recorder.looker import Looker

OpenStore = Callable[[], PartStore]

# From malloc.h: M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD.
MALLOC_OPTIONS = ((-8, 2), (-3, 256 << 10), (-1, 256 << 10))
TICK_NS = 90_000_000
"""Once in each of the reader's unhurried rounds."""
BEAT_NS = 1_000_000_000
FLUSH_SECONDS = 10.0
"""How long a recorder that was told to quit goes on writing."""
STORE_TRIES, STORE_SECONDS = 20, 0.25
"""How often, and how long apart, the store is asked how far a film is."""
HANG_UP_SECONDS = 1.0
"""How long it waits for its cameras to be let go politely."""


def main(
    pipe: "Connection[Report, Order]",
    cameras: Sequence[CameraSpec],
    open_camera: OpenCamera,
    open_store: OpenStore,
    look: bytes | None,
    ring_seconds: float,
    ring_bytes: int,
) -> None:
    """Body of the process. `look` is the pickled look function; only the thread that looks unpickles it."""
    # Ctrl-C and a service manager reach the whole group; the app, not the signal, says when filming ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    give_back_memory()
    Recorder(pipe, cameras, open_camera, open_store(), look, ring_seconds, ring_bytes).run()
    # Camera threads may be inside FFmpeg, waiting for a camera; all that matters is on disk.
    os._exit(0)


def give_back_memory() -> None:
    """Have the C library keep two heaps for all threads, and return what parts and keyframes took.

    Else each of some twenty threads keeps a heap of its own, and the recorder grows by a half. Only glibc
    knows how.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in MALLOC_OPTIONS:
        mallopt(option, value)


class Recorder:
    """Obeys the orders that come through `pipe` until one is `Quit` or the other end is gone."""

    def __init__(
        self,
        pipe: "Connection[Report, Order]",
        cameras: Sequence[CameraSpec],
        open_camera: OpenCamera,
        store: PartStore,
        look: bytes | None,
        ring_seconds: float,
        ring_bytes: int,
    ) -> None:
        self._pipe = pipe
        self._store = store
        self._outbox = Outbox(pipe)
        self._look = look
        self._stop = threading.Event()
        self._writers = {spec.id: Writer(spec.id, store, self._outbox.put) for spec in cameras}
        self._reader = Reader(self._hurried)
        self._channels = {
            spec.id: Channel(
                spec,
                open_camera=open_camera,
                writer=self._writers[spec.id],
                report=self._outbox.put,
                ring=Ring(seconds=ring_seconds, limit=ring_bytes),
                reader=self._reader,
            )
            for spec in cameras
        }
        self._lock = threading.Lock()
        self._takes: dict[str, set[str]] = {}
        """Running takes and their cameras whose films are not closed. Under the lock."""

    def run(self) -> None:
        """Film until told to quit."""
        sender = _thread("outbox", self._outbox.run)
        writers = [_thread(f"write {camera}", writer.run) for camera, writer in self._writers.items()]
        cameras = [
            _thread(f"camera {camera}", partial(channel.run, self._stop))
            for camera, channel in self._channels.items()
        ]
        reader = _thread("read", self._read)
        self._obey()
        self._stop.set()
        for channel in self._channels.values():
            channel.hang_up()
        self._reader.look()
        _join([reader], HANG_UP_SECONDS)
        for channel in self._channels.values():
            channel.look_no_more()
            channel.close_all()
        for writer in self._writers.values():
            writer.quit()
        _join(writers, FLUSH_SECONDS)
        self._outbox.quit()
        _join([sender, *cameras], HANG_UP_SECONDS)

    def _obey(self) -> None:
        while True:
            try:
                order = self._pipe.recv()
            except (EOFError, OSError):
                return  # the app is gone
            if isinstance(order, Quit):
                return
            self._follow(order)

    def _read(self) -> None:
        """Body of the thread that reads, and sees to what has to happen when no packet comes."""
        tick_ns = beat_ns = 0
        while self._reader.read() or not self._stop.is_set():
            now = time.monotonic_ns()
            if now - tick_ns >= TICK_NS and not self._stop.is_set():
                tick_ns = now
                for channel in self._channels.values():
                    self._tick(channel, now)
            if now - beat_ns >= BEAT_NS:
                beat_ns = now
                self._outbox.put(self._beat(now))
            self._reader.pause()

    def _tick(self, channel: Channel, now_ns: int) -> None:
        try:
            channel.tick(now_ns)
        # One camera's trouble must not keep the others from being read; its connection is made anew.
        except Exception as error:
            self._outbox.put(down_by(error, channel.camera, now_ns))
            channel.hang_up()

    def _beat(self, now_ns: int) -> Beat:
        up = tuple(camera for camera, channel in self._channels.items() if channel.up)
        return Beat(now_ns, up, sum(writer.waiting for writer in self._writers.values()))

    def _hurried(self) -> bool:
        return any(channel.hurried for channel in self._channels.values())

    def _follow(self, order: Order) -> None:
        match order:
            case StartTake():
                self._start(order)
            case StopTake():
                for channel in self._channels.values():
                    channel.stop(order.take, order.t_stop_ns)
            case Watch():
                live = Live(order.camera, self._outbox.put) if order.on else None
                self._channels[order.camera].watch(live)
            case Look():
                self._channels[order.camera].look(self._looker(order), order)
        self._reader.look()

    def _start(self, order: StartTake) -> None:
        with self._lock:
            if order.take in self._takes:
                return
            self._takes[order.take] = set(order.cameras)
        for camera in order.cameras:
            closed = partial(self._closed, order.take, camera)
            self._channels[camera].start(order, self._so_far(order.take, camera), closed)

    def _so_far(self, take: str, camera: str) -> FilmSoFar | None:
        """What a recorder before this one has stored of a film; only the store knows for certain.

        A store that cannot tell for seconds takes no part either, so nothing is lost by beginning anew.
        """
        for _ in range(STORE_TRIES):
            try:
                return self._store.so_far(take=take, camera=camera)
            except OSError:
                time.sleep(STORE_SECONDS)
        return None

    def _closed(self, take: str, camera: str) -> None:
        with self._lock:
            self._takes[take].discard(camera)
            if self._takes[take]:
                return
            del self._takes[take]
        self._outbox.put(TakeClosed(take))

    def _looker(self, order: Look) -> "Looker | None":
        if not order.on or self._look is None:
            return None
        # Only who looks pays for NumPy (see there).
        from packwitness.station.recorder.looker import Looker

        load = partial(pickle.loads, self._look)
        looker = Looker(
            order.camera,
            load,
            self._outbox.put,
            region=order.region,
            interval_ns=order.interval_ns,
            patient=order.since_ns is not None,
            second=order.second,
        )
        _thread(f"look {order.camera}", looker.run)
        return looker


def _thread(name: str, body: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=body, name=name, daemon=True)
    thread.start()
    return thread


def _join(threads: Sequence[threading.Thread], seconds: float) -> None:
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
