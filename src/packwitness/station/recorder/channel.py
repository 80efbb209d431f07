"""One camera inside the recorder: its thread, its ring, the takes it films now, who watches and who looks."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from packwitness.station.recorder.downs import down_by, stalled
from packwitness.station.recorder.frame_rate import RateWatch
from packwitness.station.recorder.intake import Intake
from packwitness.station.recorder.live import Live
from packwitness.station.recorder.messages import (
    CameraDown,
    CameraSpec,
    CameraUp,
    EnoughPictures,
    FewPictures,
    Look,
    Report,
    SoundBack,
    SoundMissing,
    SoundSilent,
    StartTake,
)
from packwitness.station.recorder.packets import Packet, Track
from packwitness.station.recorder.reader import Reader
from packwitness.station.recorder.reel import Item, Piece, Reel
from packwitness.station.recorder.ring import Ring
from packwitness.station.recorder.second import SecondStream
from packwitness.station.recorder.sound import CameraSound
from packwitness.station.recorder.source import (
    FlowingSource,
    OpenCamera,
    Picture,
    SourceItem,
    Stream,
    is_clock,
    is_no_sound,
    is_picture,
    is_sound,
    is_sound_stream,
    is_stream,
)
from packwitness.station.recorder.stall import Stall, Watchdog
from packwitness.station.recorder.store import FilmSoFar
from packwitness.station.recorder.tally import Tally
from packwitness.station.recorder.writer import Writer

if TYPE_CHECKING:
    from packwitness.station.recorder.looker import Looker

BACK_OFF_SECONDS = (0.5, 5.0)
"""First and longest wait before a lost camera is tried again."""


class Channel:
    """`run` is the camera's thread, which leaves reading to the reader; all else is the main thread's."""

    def __init__(
        self,
        spec: CameraSpec,
        *,
        open_camera: OpenCamera,
        writer: Writer,
        report: Callable[[Report], None],
        ring: Ring,
        reader: Reader,
    ) -> None:
        self.camera = spec.id
        self._url = spec.url
        self._look_url = spec.look_url
        self._open_camera = open_camera
        self._writer = writer
        self._report = report
        self._ring = ring
        self._reader = reader
        # Held while the ring or a reel changes, so that a take that starts gets each packet once.
        self._lock = threading.Lock()
        self._reels: dict[str, tuple[Reel, Callable[[], None]]] = {}
        self._stopping: set[str] = set()
        self._live: Live | None = None
        self._lookers: dict[bool, Looker] = {}
        """Who looks at the film (False), and who at the second stream (True)."""
        self._second: SecondStream | None = None
        self._instead = False
        """Whether the film is looked at in the second stream's stead."""
        self._track: Track | None = None
        self._down: tuple[str, str] | None = None
        self._connection = 0
        self._watchdog = Watchdog()
        self._rate = RateWatch()
        self._quiet = False
        """Under the lock, as the watchdogs: pictures have stopped, and it was told."""
        self._hang_up = threading.Event()
        self._stop = threading.Event()
        self._tally = Tally(spec.id)
        self._encoded_from: str | None = None
        self._sound = CameraSound()
        self._sound_told = ""

    @property
    def up(self) -> bool:
        return self._track is not None and not self._quiet

    @property
    def hurried(self) -> bool:
        """Whether somebody waits for this camera's next picture."""
        looked_at = False in self._lookers or (self._instead and True in self._lookers)
        return bool(self._stopping) or looked_at or self._live is not None

    # --- the camera's thread ---

    def run(self, stop: threading.Event) -> None:
        """Keep the camera open until `stop` is set or it says that trying again is useless."""
        shortest, longest = BACK_OFF_SECONDS
        wait = shortest
        self._stop = stop
        while not stop.is_set():
            was_up = False
            try:
                self._connect()
            # Whatever a camera raises, the others must go on, and so must this one when it is back.
            except Exception as error:
                was_up = self._track is not None
                if not self._given_up and not self._lost(error):
                    return
            if self._given_up:
                self._track, wait = None, shortest
            elif was_up:
                wait = shortest
            stop.wait(wait)
            wait = min(wait * 2, longest)

    @property
    def _given_up(self) -> bool:
        """Whether the connection ended because of a stall, of which everybody was told."""
        return self._hang_up.is_set() and not self._stop.is_set()

    def hang_up(self) -> None:
        """Let go of the connection; it is made anew unless the recorder ends."""
        with self._lock:
            self._hang_up.set()

    def _connect(self) -> None:
        self._connection += 1
        intake = Intake(self._connection)
        with self._lock:
            self._watchdog.begin()
            self._rate = RateWatch()
            self._hang_up = hang_up = threading.Event()
            if self._stop.is_set():
                return
        source = self._open_camera(self._url)
        try:
            if isinstance(source, FlowingSource):
                with closing(source.flow(hang_up)) as items:
                    self._reader.carry(partial(self._pump, items, hang_up, intake))
            else:
                self._pump(source.stream(hang_up), hang_up, intake)
        finally:
            self._keep(intake.release())

    def _pump(self, items: Iterator[SourceItem | None], hang_up: threading.Event, intake: Intake) -> bool:
        """Take what is there; returns whether more may come."""
        for item in items:
            if hang_up.is_set():
                break
            if item is None:
                return True
            if is_picture(item):
                self._hear(item)
                self._keep(intake.push(item))
            elif is_stream(item):
                intake.begin(item)
                self._describe(item)
            elif is_clock(item):
                intake.clock(item)
            else:
                self._listen(item)
        return False

    def _describe(self, stream: Stream) -> None:
        """Take note of what the camera says of its stream."""
        self._encoded_from = stream.encoded_from
        with self._lock:
            over = self._rate.begin(stream.frame_rate)
        if over:
            self._report(EnoughPictures(self.camera, time.monotonic_ns()))

    def _hear(self, picture: Picture) -> None:
        """A picture came: the camera does not stall."""
        arrival_ns = picture.arrival_ns
        with self._lock:
            self._watchdog.picture(arrival_ns, key=picture.key)
            self._rate.picture(1 + picture.dropped)
        for report in self._tally.add(picture.lost, picture.dropped, arrival_ns):
            self._report(report)

    def _keep(self, packets: list[Packet]) -> None:
        for packet in packets:
            now = time.monotonic_ns()
            if (packet.track is not self._track or self._quiet) and not self._hang_up.is_set():
                self._track, self._down, self._quiet = packet.track, None, False
                facts = replace(packet.track.facts, encoded_from=self._encoded_from)
                self._report(CameraUp(self.camera, facts, now))
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
                if looker := self._lookers.get(False):
                    looker.push(packet)
                self._look_instead(packet, now)

    def _look_instead(self, packet: Packet, now_ns: int) -> None:
        """Look at the film while the second stream is gone, from the current group on. Under the lock."""
        looker = self._lookers.get(True)
        if looker is None:
            return
        before, self._instead = self._instead, self._second is None or self._second.gone(now_ns)
        if self._instead:
            for one in [packet] if before else self._ring.since(now_ns):
                looker.push(one)

    def _listen(self, item: SourceItem) -> None:
        """Take what is neither picture nor about pictures."""
        now, wrong, advice = time.monotonic_ns(), "", "Check the camera's sound settings."
        with self._lock:
            if is_sound(item):
                wrong = self._sound.push(item, now)
            elif is_sound_stream(item):
                wrong = self._sound.begin(item, now)
            elif is_no_sound(item):
                self._sound.none()
                wrong, advice = item.no_sound, item.advice
            comes = is_sound(item) and self._sound.comes
        if wrong:
            self._miss_sound(wrong, advice, now)
        elif comes and self._sound_told:
            self._sound_told = ""
            self._report(SoundBack(self.camera, now))

    def _miss_sound(self, message: str, advice: str, now_ns: int) -> None:
        """Tell that there is no sound, once for each reason until it is back."""
        if message != self._sound_told:
            self._sound_told = message
            self._report(SoundMissing(self.camera, message, advice, now_ns))

    def _lost(self, error: Exception) -> bool:
        """Tell why the camera is gone (once for each reason). Returns whether to try again."""
        self._track = None
        with self._lock:
            self._quiet = False
            self._watchdog.begin()
            self._rate.forget()
            self._sound.lost()
            for take, (reel, _) in self._reels.items():
                self._write(take, reel.flush())
        down = down_by(error, self.camera, time.monotonic_ns())
        self._tell(down)
        return down.retry

    def _tell(self, down: CameraDown) -> None:
        if self._down != (down.code, down.message):
            self._down = (down.code, down.message)
            self._report(down)

    # --- the main thread ---

    def start(self, order: StartTake, resume: FilmSoFar | None, closed: Callable[[], None]) -> None:
        """Film for a take, from the ring on. `closed` is called when its last part is in the store."""
        with self._lock:
            if resume is None:
                reel = Reel(t_start_ns=order.t_start_ns)
                self._writer.begin(order.take)
            else:
                reel = Reel(t_start_ns=order.t_start_ns, origin_ns=resume.origin_ns, end=resume.end)
                self._writer.begin(order.take, parts=resume.parts)
                if resume.parts:
                    self._sound.resume(order.take, resume.audio)
            self._reels[order.take] = (reel, closed)
            now = time.monotonic_ns()
            for packet in self._ring.since(order.t_start_ns - order.pre_roll_ns):
                self._write(order.take, reel.push(packet, now))

    def stop(self, take: str, t_stop_ns: int) -> None:
        with self._lock:
            entry = self._reels.get(take)
            if entry is not None and (entry[0].t_stop_ns is None or t_stop_ns < entry[0].t_stop_ns):
                entry[0].t_stop_ns = t_stop_ns
                self._stopping.add(take)

    def tick(self, now_ns: int) -> None:
        """Close what no packet comes to close, and see whether the camera stalls."""
        with self._lock:
            stall = self._watchdog.tick(now_ns)
            if stall is not None and not self._hang_up.is_set():
                self._stalls(stall, now_ns)
            rate = None if self._quiet else self._rate.tick(now_ns)
            stalled = self._sound.stalled(now_ns)
            for take, (reel, _) in list(self._reels.items()):
                if reel.overdue(now_ns):
                    self._close(take)
                else:
                    self._write(take, reel.flush_stale(now_ns))
        if rate is not None and rate.few:
            self._report(FewPictures(self.camera, rate.given, rate.promised, now_ns))
        elif rate is not None:
            self._report(EnoughPictures(self.camera, now_ns))
        if stalled:
            self._miss_sound(stalled, "Check the camera's sound settings.", now_ns)

    def _stalls(self, stall: Stall, now_ns: int) -> None:
        """Tell of a stall, once; end the connection of a camera that does not recover. Under the lock."""
        if not self._quiet:
            self._quiet = True
            self._rate.forget()
            for take, (reel, _) in self._reels.items():
                self._write(take, reel.flush())
                self._write(take, reel.stalled())
            self._tell(stalled(stall, self.camera, now_ns))
        if stall is not Stall.QUIET:
            self._hang_up.set()

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

    def look(self, looker: "Looker | None", order: Look) -> None:
        """Hand packets to `looker` from the current group on, or from the one of `order.since_ns`; or to
        nobody.
        """
        self._stop_looking(second=order.second)
        if looker is None:
            return
        if order.second and self._look_url is not None:
            second = SecondStream(
                self.camera, self._look_url, looker, open_camera=self._open_camera, report=self._report
            )
            with self._lock:
                self._lookers[True], self._second, self._instead = looker, second, False
            threading.Thread(target=second.run, name=f"second {self.camera}", daemon=True).start()
            return
        since_ns = time.monotonic_ns() if order.since_ns is None else order.since_ns
        with self._lock:
            self._lookers[order.second] = looker
            self._instead = self._instead or order.second
            for packet in self._ring.since(since_ns):
                looker.push(packet)

    def look_no_more(self) -> None:
        """End all looking."""
        for second in (False, True):
            self._stop_looking(second=second)

    def _stop_looking(self, *, second: bool) -> None:
        with self._lock:
            looker = self._lookers.pop(second, None)
            stream = None
            if second:
                stream, self._second = self._second, None
        if stream is not None:
            stream.end()
        if looker is not None:
            looker.quit()

    def _write(self, take: str, items: list[Item]) -> None:
        for item in items:
            self._writer.write(take, self._sound.lay(take, item) if isinstance(item, Piece) else item)
        self._tell_silences(take, self._sound.silences(take))

    def _tell_silences(self, take: str, silences: list[int]) -> None:
        for duration_ms in silences:
            self._report(SoundSilent(take, self.camera, duration_ms, time.monotonic_ns()))

    def _close(self, take: str) -> None:
        reel, closed = self._reels.pop(take)
        self._stopping.discard(take)
        self._write(take, reel.close())
        self._tell_silences(take, self._sound.end(take))
        self._writer.close(take, closed)
