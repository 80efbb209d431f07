"""From pieces of film to durable parts: one thread a camera, so that a slow disk never keeps a camera
waiting.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from packwitness.station.recorder.messages import TIMESCALE, PacketsDropped, PartWritten, Report, WriteFailed
from packwitness.station.recorder.muxer import mux_part, open_film
from packwitness.station.recorder.packets import Track
from packwitness.station.recorder.reel import Gap, Item, Piece, Said
from packwitness.station.recorder.sound_part import SoundTrack
from packwitness.station.recorder.store import PartStore

QUEUE_BYTES = 64 << 20
"""What may wait for the disk; beyond it parts are let go, and the film says so."""


@dataclass(frozen=True, slots=True)
class _Begin:
    parts: int


@dataclass(frozen=True, slots=True)
class _Lost:
    """In place of a piece for which the queue had no room."""

    start: int
    end: int
    packets: int


@dataclass(frozen=True, slots=True)
class _Close:
    done: Callable[[], None]


_Item = _Begin | Piece | Gap | Said | _Lost | _Close


@dataclass(slots=True)
class _Film:
    """One take's film, as the writer thread knows it. `lost_*` is the hole that grows until a keyframe is
    written.
    """

    parts: int
    init: int = -1
    track: Track | None = None
    sound: SoundTrack | None = None
    lost_from: int = 0
    lost_to: int = 0
    lost_packets: int = 0
    lost_reason: str = ""
    failing: bool = False
    gaps: list[Gap] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    """Not yet in the store, as the gaps."""

    def lose(self, start: int, end: int, packets: int, reason: str) -> None:
        if not self.lost_packets:
            self.lost_from, self.lost_reason = start, reason
        self.lost_to = end
        self.lost_packets += packets

    def found(self) -> None:
        """A keyframe (or the end) closes the hole."""
        if self.lost_packets:
            hole = self.lost_to - self.lost_from
            self.gaps.append(Gap(self.lost_from, hole, self.lost_reason, self.lost_packets))
            self.lost_packets = 0


class Writer:
    """Writes one camera's parts. All methods but `run` only queue, and are called in the film's order."""

    def __init__(
        self, camera: str, store: PartStore, report: Callable[[Report], None], *, limit: int = QUEUE_BYTES
    ) -> None:
        self._camera = camera
        self._store = store
        self._report = report
        self._limit = limit
        self._queue: SimpleQueue[tuple[str, _Item, int] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._bytes = 0
        self._packets = 0
        self._films: dict[str, _Film] = {}

    @property
    def waiting(self) -> int:
        """Packets not yet written."""
        return self._packets

    def begin(self, take: str, *, parts: int = 0) -> None:
        """A film of which `parts` parts exist already."""
        self._queue.put((take, _Begin(parts), 0))

    def write(self, take: str, item: Item) -> None:
        size = 0
        if isinstance(item, Piece):
            size = item.size
            with self._lock:
                room = self._bytes + size <= self._limit
                if room:
                    self._bytes += size
                    self._packets += len(item.packets)
            if not room:
                lost = _Lost(item.start, item.start + item.duration, len(item.packets))
                self._queue.put((take, lost, 0))
                self._report(PacketsDropped(self._camera, lost.packets))
                return
        self._queue.put((take, item, size))

    def close(self, take: str, done: Callable[[], None]) -> None:
        """Call `done` once everything queued before is in the store."""
        self._queue.put((take, _Close(done), 0))

    def quit(self) -> None:
        """Let `run` return once the queue is empty."""
        self._queue.put(None)

    def run(self) -> None:
        """Body of the writer thread."""
        while (entry := self._queue.get()) is not None:
            take, item, size = entry
            if isinstance(item, _Begin):
                self._films[take] = _Film(item.parts)
                continue
            film = self._films[take]
            match item:
                case Piece():
                    self._piece(take, film, item)
                    with self._lock:
                        self._bytes -= size
                        self._packets -= len(item.packets)
                case Gap():
                    film.found()
                    film.gaps.append(item)
                case Said():
                    film.said.append(item)
                    self._store_said(take, film)
                case _Lost():
                    film.lose(item.start, item.end, item.packets, "overflow")
                case _Close():
                    self._close(take, film)
                    item.done()

    def _piece(self, take: str, film: _Film, piece: Piece) -> None:
        count = len(piece.packets)
        end = piece.start + piece.duration
        if film.lost_packets and not piece.key:
            film.lose(piece.start, end, count, film.lost_reason)
            return
        try:
            written = self._store_piece(take, film, piece)
        # The store is given to us: whatever it raises (a full disk, a broken ledger), filming must go on.
        except Exception as error:
            film.lose(piece.start, end, count, "write_failed")
            self._complain(take, film, error)
            return
        film.failing = False
        film.parts += 1
        self._report(written)
        film.found()
        self._store_gaps(take, film)

    def _store_piece(self, take: str, film: _Film, piece: Piece) -> PartWritten:
        track = piece.packets[0].track
        camera = self._camera
        sound = piece.sound.track if piece.sound is not None else None
        if track is not film.track or sound != film.sound:
            init_data, facts = open_film(track, sound)
            init = self._store.put_init(
                take=take, camera=camera, data=init_data, info=facts, origin_ns=piece.origin_ns
            )
            film.track, film.sound, film.init = track, sound, init.k
        data = mux_part(
            piece.packets,
            offset=piece.offset,
            duration=piece.duration,
            number=film.parts + 1,
            sound=piece.sound,
        )
        row = self._store.put_part(
            take=take,
            camera=camera,
            init=film.init,
            data=data,
            start=piece.start,
            duration=piece.duration,
            key=piece.key,
        )
        return PartWritten(
            take=take,
            camera=camera,
            n=row.n,
            init=film.init,
            start=piece.start,
            duration=piece.duration,
            key=piece.key,
            size=row.size,
            sha256=row.sha256,
            chain=row.chain,
            origin_ns=piece.origin_ns,
        )

    def _store_gaps(self, take: str, film: _Film) -> None:
        """What the store refuses stays in `film.gaps` for the next time."""
        try:
            while film.gaps:
                gap = film.gaps[0]
                self._store.add_gap(
                    take=take,
                    camera=self._camera,
                    at_ms=gap.at * 1000 // TIMESCALE,
                    duration_ms=gap.duration * 1000 // TIMESCALE,
                    reason=gap.reason,
                    dropped=gap.dropped,
                )
                del film.gaps[0]
        except Exception as error:  # as above
            self._complain(take, film, error)

    def _store_said(self, take: str, film: _Film) -> None:
        """What the store refuses is told with the next, or at the end."""
        try:
            while film.said:
                said = film.said[0]
                self._store.note(
                    take=take,
                    camera=self._camera,
                    lost=said.lost,
                    dropped=said.dropped,
                    stalls=said.stalls,
                    reconnects=said.reconnects,
                    timing=said.timing,
                )
                del film.said[0]
        except Exception as error:  # as above
            self._complain(take, film, error)

    def _close(self, take: str, film: _Film) -> None:
        film.found()
        self._store_gaps(take, film)
        self._store_said(take, film)
        del self._films[take]

    def _complain(self, take: str, film: _Film, error: Exception) -> None:
        """Report the first failure of a row."""
        if not film.failing:
            film.failing = True
            self._report(WriteFailed(take, self._camera, f"{type(error).__name__}: {error}"))
