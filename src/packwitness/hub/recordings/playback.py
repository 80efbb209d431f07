"""Films, live playlists and segments as bytes. Who may see what is decided by the caller, who gives the
window.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from packwitness.hub.recordings import hls, stored
from packwitness.hub.recordings.layout import WHOLE, Layout, Unit, Window
from packwitness.hub.recordings.models import FilmState, Take, TakeState
from packwitness.hub.recordings.stored import NoFilm
from packwitness.hub.vault.interface import VaultMissing
from packwitness.hub.vault.store import vault

__all__ = ["FilmSource", "NoFilm", "film", "init", "playlist", "segment"]

_BLOCK: Final = 256 << 10
MP4: Final = "video/mp4"
HLS: Final = "application/vnd.apple.mpegurl"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an object: where they lie, and where they lie once the film is joined."""

    key: str
    offset: int
    size: int
    film_offset: int


@dataclass(frozen=True)
class FilmSource:
    """A virtual file. ``etag`` names its bytes, which are the same before and after the parts are joined."""

    content_type: str
    etag: str
    pieces: tuple[Piece, ...]
    film_key: str

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(piece.size for piece in self.pieces)

    def open_range(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from ``start`` up to, not with, ``end``, in blocks of at most 256 KiB.

        Raises:
            VaultMissing: an object is gone; nothing but a deletion of the take does that.
        """
        ends = list(accumulate(piece.size for piece in self.pieces))
        stop = ends[-1] if end is None and ends else min(end or 0, ends[-1] if ends else 0)
        at = bisect_right(ends, start)
        while start < stop:
            piece = self.pieces[at]
            begin = start - (ends[at] - piece.size)
            until = min(piece.size, begin + stop - start)
            yield from self._read(piece, begin, until)
            start += until - begin
            at += 1

    def _read(self, piece: Piece, begin: int, until: int) -> Iterator[bytes]:
        try:
            file, offset = vault().open(piece.key), piece.offset
        except VaultMissing:
            # The parts were joined since this source was made: the same bytes lie in the film now.
            file, offset = vault().open(self.film_key), piece.film_offset
        with closing(file):
            file.seek(offset + begin)
            left = until - begin
            while left:
                block = file.read(min(_BLOCK, left))
                if not block:
                    raise VaultMissing(f"{piece.key} is shorter than its name says")
                left -= len(block)
                yield block


def film(take: Take, camera: str, from_ms: int = 0, to_ms: int | None = None) -> FilmSource:
    """Return one camera's film between two moments (ms after ``film_from``): init and parts as one file.

    It begins at the first keyframe at or after ``from_ms`` and ends with the last part that ends by
    ``to_ms``.

    Raises:
        NoFilm: the take is not sealed yet, or has nothing to show of this camera in between.
    """
    if take.state != TakeState.SEALED:
        raise NoFilm(f"take {take.id} is {take.state}: a film is there once it is sealed")
    layout = stored.layout(take, camera)
    units = layout.units_of(layout.within(Window(from_ms, to_ms)))
    return _source(take, camera, units)


def of_object(layout: Layout, key: str, from_ms: int = 0, to_ms: int | None = None) -> FilmSource:
    """Return what a window shows of a film that lies whole under ``key``.

    Raises:
        NoFilm: it has nothing to show in between.
    """
    units = layout.units_of(layout.within(Window(from_ms, to_ms)))
    if not units:
        raise NoFilm(f"{key} has nothing to show here")
    whole = (unit.film_offset for unit in units)
    pieces = tuple(Piece(key, at, unit.name.size, at) for at, unit in zip(whole, units, strict=True))
    return FilmSource(MP4, stored.etag([unit.name.sha256 for unit in units]), _joined(pieces), key)


def _joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the pieces with those that follow each other in one object taken together."""
    found: list[Piece] = []
    for one in pieces:
        before = found[-1] if found else None
        if before and before.key == one.key and before.offset + before.size == one.offset:
            found[-1] = Piece(one.key, before.offset, before.size + one.size, before.film_offset)
        else:
            found.append(one)
    return tuple(found)


def playlist(take: Take, camera: str, base_url: str, window: Window = WHOLE) -> str:
    """Return the HLS playlist of a running or sealed take; segments are at ``<base_url><first>-<last>.m4s``.

    Raises:
        NoFilm: nothing has arrived from this camera.
    """
    if take.state == TakeState.DELETED:
        raise NoFilm(f"take {take.id} is deleted")
    layout = stored.layout(take, camera)
    return hls.playlist(
        layout,
        layout.within(window),
        film_from=take.film_from,
        base_url=base_url,
        ended=take.state == TakeState.SEALED,
    )


def segment(take: Take, camera: str, first: int, last: int, window: Window = WHOLE) -> FilmSource:
    """Return the parts ``first`` to ``last`` without their init.

    Raises:
        NoFilm: not all of them are there, or not all lie inside the window.
    """
    layout = stored.layout(take, camera)
    visible = layout.within(window)
    numbers = (visible[0].number, visible[-1].number) if visible else (0, -1)
    if not numbers[0] <= first <= last <= numbers[1] or take.state == TakeState.DELETED:
        raise NoFilm(f"camera {camera} of take {take.id} shows no parts {first} to {last}")
    parts = visible[first - numbers[0] : last - numbers[0] + 1]
    return _source(take, camera, [unit for unit in layout.units_of(parts) if unit.name in parts])


def init(take: Take, camera: str, number: int) -> FilmSource:
    """Return an init segment.

    Raises:
        NoFilm: there is none of this number.
    """
    layout = stored.layout(take, camera)
    if not 0 <= number < len(layout.inits) or take.state == TakeState.DELETED:
        raise NoFilm(f"camera {camera} of take {take.id} has no init {number}")
    wanted = layout.inits[number]
    units = [unit for unit in layout.units() if unit.name == wanted] or [Unit(wanted, 0)]
    return _source(take, camera, units[:1])


def _source(take: Take, camera: str, units: Sequence[Unit]) -> FilmSource:
    if not units:
        raise NoFilm(f"camera {camera} of take {take.id} has nothing to show here")
    film_key, prefix = stored.film_key(take, camera), stored.folder(take, camera)
    joined = take.film_state == FilmState.JOINED
    pieces: list[Piece] = []
    for unit in units:
        key, offset = (film_key, unit.film_offset) if joined else (prefix + str(unit.name), 0)
        pieces.append(Piece(key, offset, unit.name.size, unit.film_offset))
    return FilmSource(
        content_type=MP4,
        etag=stored.etag([unit.name.sha256 for unit in units]),
        pieces=_joined(pieces),
        film_key=film_key,
    )
