"""How a recorder process stores what it cuts: file, fsync, folder, fsync, row (R2).

:class:`LedgerPartStore` fits the recorder's ``PartStore``; the two know each other by shape alone.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packwitness.evidence.chain import ZERO, PartChain
from packwitness.station.spool.layout import Layout, make_folder, sync_folder, write_durably
from packwitness.station.spool.ledger import (
    Ledger,
    TakeNotOpen,
    json_text,
    require_recording,
)
from packwitness.station.spool.rows import FilmRow, InitRow, PartRow, SoundRow

REMEMBERED = 256
"""Films whose end is kept in mind; takes end without a word to the store."""


class SoundFacts(Protocol):
    """What a manifest says of a film's sound (see :class:`packwitness.evidence.manifest.Audio`)."""

    @property
    def codec(self) -> str: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def encoded_from(self) -> str | None: ...


class Facts(Protocol):
    """What a manifest says of a stream: ``codec`` as in RFC 6381 (``avc1.64001f``), picture size, ticks per
    second.
    """

    @property
    def codec(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def timescale(self) -> int: ...
    @property
    def audio(self) -> SoundFacts | None: ...


class Timing(Protocol):
    """Where a camera's times come from, and how good they were; None where not measured."""

    @property
    def source(self) -> str: ...
    @property
    def drift_ppm(self) -> int | None: ...
    @property
    def jitter_ms(self) -> int | None: ...
    @property
    def clock_offset_ms(self) -> int | None: ...


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Say "could not be stored" in the one way a recorder listens for."""
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"the ledger refuses: {error}") from error
    except TakeNotOpen as error:
        raise OSError(str(error)) from error


def _audio_text(sound: SoundFacts | None) -> str | None:
    if sound is None:
        return None
    return json_text(
        {
            "codec": sound.codec,
            "sample_rate": sound.sample_rate,
            "channels": sound.channels,
            "encoded_from": sound.encoded_from,
        }
    )


@dataclass(slots=True)
class _Film:
    """What the next part of a film links to, as its rows say; `inits` by their digests."""

    inits: list[str]
    count: int
    head: str


class LedgerPartStore:
    """Stores inits and parts durably. One caller per camera at a time; several cameras may call at once.

    Nobody else writes these films (R8), so what the rows say of them is read once and then remembered.
    """

    def __init__(self, layout: Layout, ledger: Ledger) -> None:
        self._layout = layout
        self._ledger = ledger
        self._films: dict[tuple[str, str], _Film] = {}

    def put_init(self, *, take: str, camera: str, data: bytes, info: Facts, origin_ns: int) -> InitRow:
        """Store the next init of a camera in a take and return its row; the same init again returns the row
        it has.

        ``origin_ns`` is the monotonic moment of the camera's media time 0; the first one counts.

        Raises:
            OSError: the take is not recording (any more), or the disk refuses; nothing was kept.
        """
        with _as_os_error():
            self._films.pop((take, camera), None)
            digest = hashlib.sha256(data).hexdigest()
            inits = self._ledger.inits(take, camera)
            if inits and inits[-1].sha256 == digest:
                return inits[-1]
            facts = (info.codec, info.width, info.height, info.timescale, _audio_text(info.audio))
            # An init that no part was written with (the recorder died in between) gives up its number, so
            # that numbers and manifest agree; it has not gone up, for an init goes up with its first part.
            k = len(inits)
            if inits and not self._is_used(inits[-1]):
                k = inits[-1].k
            row = InitRow(take, camera, k, len(data), digest, *facts, uploaded=False)
            path = self._layout.init_file(take, camera, row.k)
            make_folder(path.parent)
            # Another camera's writer may have made these and not yet synced them.
            for folder in (path.parents[1], path.parents[2], path.parents[3]):
                sync_folder(folder)
            write_durably(path, data)
            with self._ledger.transaction() as db:
                require_recording(db, take)
                db.execute(
                    "INSERT OR REPLACE INTO init VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                    (take, camera, row.k, row.size, row.sha256, *facts),
                )
                db.execute(
                    "UPDATE camera SET first_ns = ? WHERE take = ? AND camera = ? AND first_ns IS NULL",
                    (origin_ns, take, camera),
                )
            return row

    def _is_used(self, row: InitRow) -> bool:
        query = "SELECT 1 FROM part WHERE take = ? AND camera = ? AND init = ? LIMIT 1"
        return bool(self._ledger.rows(query, row.take, row.camera, row.k))

    def put_part(
        self, *, take: str, camera: str, init: int, data: bytes, start: int, duration: int, key: bool
    ) -> PartRow:
        """Store a camera's next part and return its row with the chain's new head; durable on return.

        Raises:
            OSError: the take is not recording (any more), or the disk refuses; nothing was kept.
            ValueError: there is no init of that number.
        """
        with _as_os_error():
            # Out of mind until the row is there: what fails is read again.
            film = self._films.pop((take, camera), None) or self._film(take, camera)
            if not 0 <= init < len(film.inits):
                raise ValueError(f"camera {camera} of take {take} has no init {init}")
            n, size = film.count, len(data)
            digest = hashlib.sha256(data).hexdigest()
            head = PartChain(take, camera, count=n, head=film.head).append(film.inits[init], digest)
            write_durably(self._layout.part_file(take, camera, n), data)
            values = (take, camera, n, init, size, digest, start, duration, key, head)
            with self._ledger.transaction() as db:
                counted = db.execute(
                    "UPDATE take SET bytes = bytes + ? WHERE take = ? AND state = 'recording'", (size, take)
                )
                if not counted.rowcount:
                    require_recording(db, take)
                db.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", values)
            if len(self._films) >= REMEMBERED:
                self._films.clear()
            self._films[take, camera] = _Film(film.inits, n + 1, head)
            return PartRow(*values, uploaded=False)

    def _film(self, take: str, camera: str) -> _Film:
        inits = [row.sha256 for row in self._ledger.inits(take, camera)]
        last = self._ledger.rows(
            "SELECT n, chain FROM part WHERE take = ? AND camera = ? ORDER BY n DESC LIMIT 1", take, camera
        )
        return _Film(inits, last[0]["n"] + 1, last[0]["chain"]) if last else _Film(inits, 0, ZERO)

    def add_gap(
        self, *, take: str, camera: str, at_ms: int, duration_ms: int, reason: str, dropped: int = 0
    ) -> None:
        """Note that a camera gave nothing for a while; durable on return. ``dropped`` adds to the take's
        dropped packets.

        Raises:
            OSError: the take is not recording (any more), or the disk refuses.
        """
        with _as_os_error(), self._ledger.transaction() as db:
            require_recording(db, take)
            db.execute("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", (take, camera, at_ms, duration_ms, reason))
            db.execute(
                "UPDATE camera SET dropped_packets = dropped_packets + ? WHERE take = ? AND camera = ?",
                (dropped, take, camera),
            )

    def note(
        self,
        *,
        take: str,
        camera: str,
        lost: int,
        stalls: int,
        reconnects: int,
        timing: Timing | None,
        dropped: int = 0,
    ) -> None:
        """Add to a camera's counts and say how its times are now; durable on return. ``dropped`` adds to what
        gaps say was dropped.

        Of the jitter the greatest is kept, of the rest what was measured last.

        Raises:
            OSError: the take is not recording (any more), or the disk refuses.
        """
        with _as_os_error(), self._ledger.transaction() as db:
            require_recording(db, take)
            db.execute(
                "UPDATE camera SET lost_packets = lost_packets + ?, stalls = stalls + ?,"
                " reconnects = reconnects + ?, dropped_packets = dropped_packets + ?"
                " WHERE take = ? AND camera = ?",
                (lost, stalls, reconnects, dropped, take, camera),
            )
            if timing is not None:
                db.execute(
                    "UPDATE camera SET timing = ?, drift_ppm = coalesce(?, drift_ppm),"
                    " jitter_ms = max(coalesce(jitter_ms, 0), ?),"
                    " clock_offset_ms = coalesce(?, clock_offset_ms) WHERE take = ? AND camera = ?",
                    (
                        *(timing.source, timing.drift_ppm, timing.jitter_ms or 0, timing.clock_offset_ms),
                        *(take, camera),
                    ),
                )

    def so_far(self, *, take: str, camera: str) -> FilmRow | None:
        """Return how far a camera's film is, None while nothing of it is here.

        Raises:
            OSError: the ledger cannot be read.
        """
        with _as_os_error():
            found = self._ledger.rows(
                "SELECT first_ns, coalesce(max(start + duration), 0) AS end, count(n) AS parts"
                " FROM camera LEFT JOIN part USING (take, camera) WHERE take = ? AND camera = ?",
                take,
                camera,
            )
            row = found[0]
            if row["first_ns"] is None:
                return None
            inits = self._ledger.inits(take, camera)
            told = json.loads(inits[-1].audio) if inits and inits[-1].audio is not None else None
            audio = None if told is None else SoundRow(**told)
            return FilmRow(row["first_ns"], row["end"], row["parts"], audio)

    def close(self) -> None:
        self._ledger.close()


@dataclass(frozen=True)
class OpenPartStore:
    """Picklable: called in the recorder process, it opens that process's own connection."""

    root: Path

    def __call__(self) -> LedgerPartStore:
        layout = Layout(self.root)
        return LedgerPartStore(layout, Ledger(layout.ledger))
