"""One camera inside the recorder: its thread, its ring, the takes it films now, who watches and who looks."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from packwitness.station.recorder.intake import Intake
from packwitness.station.recorder.live import Live
from packwitness.station.recorder.messages import (
    CameraDown,
    CameraSpec,
    CameraUp,
    Report,
    Resume,
    SoundMissing,
    StartTake,
)
from packwitness.station.recorder.nal import BadStream
from packwitness.station.recorder.packets import Packet, Track
from packwitness.station.recorder.reel import Gap, Piece, Reel
from packwitness.station.recorder.ring import Ring
from packwitness.station.recorder.sound import CameraSound
from packwitness.station.recorder.source import (
    Item,
    OpenCamera,
    SourceFault,
    is_no_sound,
    is_picture,
    is_sound,
    is_sound_stream,
    is_stream,
)
from packwitness.station.recorder.writer import Writer

if TYPE_CHECKING:
    from packwitness.station.recorder.looker import Looker

BACK_OFF_SECONDS = (0.5, 5.0)
"""First and longest wait before a lost camera is tried again."""


class Channel:
    """`run` is the camera's thread; everything else is called by the process's main thread."""

    def __init__(
        self,
        spec: CameraSpec,
        *,
        open_camera: OpenCamera,
        writer: Writer,
        report: Callable[[Report], None],
        ring: Ring,
    ) -> None:
        self.camera = spec.id
        self._url = spec.url
        self._open_camera = open_camera
        self._writer = writer
        self._report = report
        self._ring = ring
        # Held while the ring or a reel changes, so that a take that starts misses no packet and gets none
        # twice.
        self._lock = threading.Lock()
        self._reels: dict[str, tuple[Reel, Callable[[], None]]] = {}
        self._stopping: set[str] = set()
        self._live: Live | None = None
        self._looker: Looker | None = None
        self._track: Track | None = None
        self._down: tuple[str, str] | None = None
        self._connection = 0
        self._sound = CameraSound()
        self._sound_told = ""

    @property
    def up(self) -> bool:
        return self._track is not None

    # --- the camera's thread ---

    def run(self, stop: threading.Event) -> None:
        """Keep the camera open until `stop` is set or it says that trying again is useless."""
        shortest, longest = BACK_OFF_SECONDS
        wait = shortest
        while not stop.is_set():
            try:
                self._connect(stop)
            # Whatever a camera raises, the others must go on, and so must this one when it is back.
            except Exception as error:
                if self._track is not None:
                    wait = shortest
                if not self._lost(error):
                    return
            stop.wait(wait)
            wait = min(wait * 2, longest)

    def _connect(self, stop: threading.Event) -> None:
        self._connection += 1
        intake = Intake(self._connection)
        try:
            for item in self._open_camera(self._url).stream(stop):
                if is_picture(item):
                    self._keep(intake.push(item))
                elif is_stream(item):
                    intake.begin(item)
                else:
                    self._hear(item)
        finally:
            self._keep(intake.release())

    def _keep(self, packets: list[Packet]) -> None:
        for packet in packets:
            now = time.monotonic_ns()
            if packet.track is not self._track:
                self._track, self._down = packet.track, None
                self._report(CameraUp(self.camera, packet.track.facts, now))
            with self._lock:
                self._ring.append(packet)
                if self._stopping:
                    for take in [take for take in self._stopping if self._reels[take][0].over(packet)]:
                        self._close(take)
                for take, (reel, _) in self._reels.items():
                    if done := reel.push(packet, now):
                        self._write(take, done)
                if self._live is not None:
                    self._live.push(packet)
                if self._looker is not None:
                    self._looker.push(packet)

    def _hear(self, item: Item) -> None:
        """Take what is neither picture nor about pictures."""
        now, wrong, advice = time.monotonic_ns(), "", "Check the camera's sound settings."
        with self._lock:
            if is_sound(item):
                wrong = self._sound.push(item, now)
            elif is_sound_stream(item):
                wrong = self._sound.begin(item, now)
            elif is_no_sound(item):
                wrong, advice = item.no_sound, item.advice
        if wrong:
            self._miss_sound(wrong, advice, now)

    def _miss_sound(self, message: str, advice: str, now_ns: int) -> None:
        """Tell that there is no sound, once for each reason."""
        if message != self._sound_told:
            self._sound_told = message
            self._report(SoundMissing(self.camera, message, advice, now_ns))

    def _lost(self, error: Exception) -> bool:
        """Tell why the camera is gone (once for each reason). Returns whether to try again."""
        self._track = None
        self._sound_told = ""
        with self._lock:
            self._sound.lost()
            for take, (reel, _) in self._reels.items():
                self._write(take, reel.flush())
        if isinstance(error, SourceFault):
            down = CameraDown(
                self.camera, error.code, error.message, error.advice, error.retry, time.monotonic_ns()
            )
        elif isinstance(error, BadStream):
            message = f"The camera's stream cannot be recorded: {error}."
            advice = "Check the camera's encoder settings."
            down = CameraDown(self.camera, "bad_stream", message, advice, True, time.monotonic_ns())
        else:
            message = f"The camera failed: {type(error).__name__}."
            down = CameraDown(self.camera, "camera_failed", message, "", True, time.monotonic_ns())
        if self._down != (down.code, down.message):
            self._down = (down.code, down.message)
            self._report(down)
        return down.retry

    # --- the main thread ---

    def start(self, order: StartTake, resume: Resume | None, closed: Callable[[], None]) -> None:
        """Film for a take, from the ring on. `closed` is called when its last part is in the store."""
        with self._lock:
            if resume is None:
                reel = Reel(t_start_ns=order.t_start_ns)
                self._writer.begin(order.take)
            else:
                reel = Reel(t_start_ns=order.t_start_ns, origin_ns=resume.origin_ns, end=resume.end)
                self._writer.begin(order.take, parts=resume.parts)
            self._reels[order.take] = (reel, closed)
            now = time.monotonic_ns()
            for packet in self._ring.since(order.t_start_ns - order.pre_roll_ns):
                self._write(order.take, reel.push(packet, now))

    def stop(self, take: str, t_stop_ns: int) -> None:
        with self._lock:
            entry = self._reels.get(take)
            if entry is not None and entry[0].t_stop_ns is None:
                entry[0].t_stop_ns = t_stop_ns
                self._stopping.add(take)

    def tick(self, now_ns: int) -> None:
        """Close what no packet comes to close."""
        with self._lock:
            stalled = self._sound.stalled(now_ns)
            for take, (reel, _) in list(self._reels.items()):
                if reel.overdue(now_ns):
                    self._close(take)
                else:
                    self._write(take, reel.flush_stale(now_ns))
        if stalled:
            self._miss_sound(stalled, "Check the camera's sound settings.", now_ns)

    def close_all(self) -> None:
        """End every film where it is."""
        with self._lock:
            for take in list(self._reels):
                self._close(take)

    def watch(self, live: Live | None) -> None:
        """Send live pictures from the current group on, or stop."""
        with self._lock:
            self._live = live
            if live is not None:
                for packet in self._ring.since(time.monotonic_ns()):
                    live.push(packet)

    def look(self, looker: "Looker | None") -> None:
        """Hand packets to `looker` from the current group on, or to nobody."""
        with self._lock:
            before, self._looker = self._looker, looker
            if looker is not None:
                for packet in self._ring.since(time.monotonic_ns()):
                    looker.push(packet)
        if before is not None:
            before.quit()

    def _write(self, take: str, items: list[Piece | Gap]) -> None:
        for item in items:
            self._writer.write(take, self._sound.lay(take, item) if isinstance(item, Piece) else item)

    def _close(self, take: str) -> None:
        reel, closed = self._reels.pop(take)
        self._stopping.discard(take)
        self._write(take, reel.close())
        self._sound.end(take)
        self._writer.close(take, closed)
