"""Keeps one recorder process alive, and remembers for it what it was filming."""

import atexit
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from packwitness.station.recorder import process as recorder_process
from packwitness.station.recorder.messages import (
    CameraSpec,
    Look,
    Order,
    Quit,
    RecorderBack,
    RecorderLost,
    Report,
    StartTake,
    StopTake,
    TakeClosed,
    Watch,
)
from packwitness.station.recorder.process import OpenStore
from packwitness.station.recorder.ring import BYTES, SECONDS
from packwitness.station.recorder.source import LookFunction, OpenCamera

START_SECONDS = 20.0
"""How long a new process may take to say its first word."""
SILENCE_SECONDS = 5.0
"""A process that misses its beats for so long hangs, and is killed."""
SHORT_LIFE_SECONDS = 5.0
RESTART_SECONDS = 1.0
"""Pause before a process that died young is started again; one that lived longer is started at once."""
CLOSE_SECONDS = 15.0


@dataclass(slots=True)
class _Running:
    """A take as the recorder should have it; how far its film is, the store knows."""

    order: StartTake
    stop: StopTake | None = None


class RecorderSupervisor:
    """One recorder process for `cameras`, started by `start`, restarted whenever it dies or hangs.

    `open_camera`, `open_store` and `look` go to the process, so they must be picklable: functions at the top
    level of a module, or `functools.partial`s of such. `on_message` gets every `Report`, in order, in the
    supervisor's own thread; it should be quick.
    """

    def __init__(
        self,
        cameras: Sequence[CameraSpec],
        *,
        open_camera: OpenCamera,
        open_store: OpenStore,
        on_message: Callable[[Report], None],
        look: LookFunction | None = None,
        ring_seconds: float = SECONDS,
        ring_bytes: int = BYTES,
    ) -> None:
        self._cameras = tuple(cameras)
        self._ids = tuple(spec.id for spec in self._cameras)
        pickled = None if look is None else pickle.dumps(look)
        self._arguments = (self._cameras, open_camera, open_store, pickled, ring_seconds, ring_bytes)
        self._on_message = on_message
        self._looks = look is not None
        self._context = multiprocessing.get_context("spawn")
        self._lock = threading.Lock()
        # Under the lock, so that an order is either remembered for the next process or sent to this one.
        self._takes: dict[str, _Running] = {}
        self._wishes: dict[tuple[type, str, bool], Watch | Look] = {}
        self._pipe: Connection[Order, Report] | None = None
        self._process: SpawnProcess | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """Process id of the running recorder."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process and the thread that listens to it."""
        # Else an app that ends by an error would wait for ever for a process that waits for its pipe to
        # close.
        atexit.register(self.close)
        self._launch()
        self._thread.start()

    def send(self, order: Order) -> None:
        """Have `order` obeyed, by this process or, if it just died, by the next.

        Raises:
            ValueError: it names a camera that is not this recorder's, or wants looks and there is no look
            function.
        """
        self._check(order)
        with self._lock:
            match order:
                case StartTake():
                    self._takes.setdefault(order.take, _Running(order))
                case StopTake() if order.take in self._takes:
                    self._takes[order.take].stop = order
                case Watch() | Look():
                    second = isinstance(order, Look) and order.second
                    self._wishes[type(order), order.camera, second] = order
                case _:
                    pass
            self._tell(order)

    def close(self) -> None:
        """End all films where they are, and the process. Safe to call twice."""
        atexit.unregister(self.close)
        self._closing.set()
        with self._lock:
            self._tell(Quit())
        if self._process is None:
            return
        self._process.join(CLOSE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
        if threading.current_thread() is not self._thread:
            self._thread.join(CLOSE_SECONDS)

    def _check(self, order: Order) -> None:
        known = {spec.id for spec in self._cameras}
        match order:
            case StartTake():
                named = set(order.cameras)
            case Watch() | Look():
                named = {order.camera}
            case _:
                named = set()
        if not named <= known:
            raise ValueError(f"This recorder has no camera {', '.join(sorted(named - known))}.")
        if isinstance(order, Look) and order.on and not self._looks:
            raise ValueError("This recorder was given no look function.")

    def _tell(self, order: Order) -> None:
        if self._pipe is None:
            return
        try:
            self._pipe.send(order)
        except OSError:
            return  # it just died: the next one is told from memory

    # --- the supervisor's thread ---

    def _launch(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=recorder_process.main, args=(theirs, *self._arguments), name="recorder", daemon=True
        )
        process.start()
        theirs.close()
        with self._lock:
            self._process, self._pipe = process, ours
            if self._closing.is_set():
                self._tell(Quit())
            for take in self._takes.values():
                self._tell(take.order)
                if take.stop is not None:
                    self._tell(take.stop)
            for wish in self._wishes.values():
                self._tell(wish)

    def _run(self) -> None:
        restarted = False
        while True:
            born = time.monotonic()
            self._listen(restarted=restarted)
            process = self._process
            if process is None:
                return
            process.join(SILENCE_SECONDS)
            if self._closing.is_set():
                return
            self._on_message(RecorderLost(process.exitcode, time.monotonic_ns(), self._ids))
            if time.monotonic() - born < SHORT_LIFE_SECONDS and self._closing.wait(RESTART_SECONDS):
                return
            if not self._launched_again():
                return
            restarted = True

    def _launched_again(self) -> bool:
        """Launch, however often it takes: no file handle or memory may be left for it. False: closing."""
        while True:
            try:
                self._launch()
            except OSError:
                if self._closing.wait(RESTART_SECONDS):
                    return False
            else:
                return True

    def _listen(self, *, restarted: bool) -> None:
        """Hand on reports until the process is gone; kill it if it hangs."""
        pipe, process = self._pipe, self._process
        if pipe is None or process is None:
            return
        patience = START_SECONDS
        try:
            while pipe.poll(patience):
                report = pipe.recv()
                if restarted:
                    restarted = False
                    self._on_message(RecorderBack(time.monotonic_ns(), self._ids))
                patience = SILENCE_SECONDS
                self._note(report)
                self._on_message(report)
            process.kill()
        except (EOFError, OSError):
            return
        finally:
            with self._lock:
                self._pipe = None
            pipe.close()

    def _note(self, report: Report) -> None:
        if isinstance(report, TakeClosed):
            with self._lock:
                self._takes.pop(report.take, None)
