"""What was done to a film: its bytes matched, piece by piece, with what the manifest lists.

Sizes shift when something was taken out or put in, so a piece is looked for where the next one is expected,
then at the film's own box boundaries (``moof`` and what may stand before it), and recognised by its digest
alone. The work is bounded: a hostile film ends the search, and what is left counts as unknown.
"""

import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Literal

from packwitness.evidence.findings import FindingCode

_CHUNK = 1 << 20
_FIRST_BOX = re.compile(rb"moof|styp|sidx|prft|emsg|ftyp")
"""Types of the box that a part or an init may begin with."""
_BOXES_LIMIT = 64
"""Most boxes in one part."""


@dataclass(frozen=True)
class Unit:
    """What a film is made of: an init or a part, its number, and the number of the part it belongs to."""

    kind: Literal["init", "part"]
    number: int
    size: int
    sha256: str
    part: int


@dataclass(frozen=True)
class Piece:
    """A run of a film's bytes: the listed unit with this index, or bytes that are no listed unit."""

    unit: int | None
    size: int


@dataclass(frozen=True)
class Difference:
    """Something is wrong at index ``unit`` (after the last: at the end); ``other`` stands there."""

    code: FindingCode
    unit: int
    other: int | None = None


def align(units: Sequence[Unit], stream: BinaryIO, start: int) -> list[Piece]:
    """Return what the film from byte ``start`` of a seekable stream consists of, in the order found."""
    return _Aligner(units, stream, start).pieces()


class _Aligner:
    def __init__(self, units: Sequence[Unit], stream: BinaryIO, start: int) -> None:
        self.units = units
        self.stream = stream
        self.position = start
        self.end = stream.seek(0, 2)
        self.sizes = {unit.size for unit in units}
        self.largest = max(self.sizes, default=0)
        self.with_digest: dict[str, list[int]] = {}
        for index, unit in enumerate(units):
            self.with_digest.setdefault(unit.sha256, []).append(index)
        self.found: set[int] = set()
        self.bytes_left = 4 * (self.end - start) + (64 << 20)
        self.candidates_left = 4 * len(units) + 10_000

    def pieces(self) -> list[Piece]:
        result: list[Piece] = []
        expected = 0
        while self.position < self.end:
            unit = self._match(self.position, expected)
            if unit is None:
                until = self._next_match(expected)
                result.append(Piece(None, until - self.position))
                self.position = until
                expected += 1
            else:
                result.append(Piece(unit, self.units[unit].size))
                self.found.add(unit)
                self.position += self.units[unit].size
                expected = unit + 1
        return result

    def _next_match(self, expected: int) -> int:
        """Return where after the current position the next listed unit begins, or the end."""
        if expected < len(self.units):
            aside = self.position + self.units[expected].size
            if aside < self.end and self._match(aside, expected + 1) is not None:
                return aside
        for anchor in self._anchors(self.position + 1):
            if self._match(anchor, expected + 1) is not None:
                return anchor
        return self.end

    def _match(self, position: int, expected: int) -> int | None:
        """Return the index of the unit that begins at ``position``, the expected one first."""
        self.candidates_left -= 1
        tried: set[int] = set()
        for size in self._likely_sizes(position, expected):
            if size in tried or size not in self.sizes or position + size > self.end:
                continue
            if self.bytes_left <= 0 or self.candidates_left <= 0:
                return None
            tried.add(size)
            same = self.with_digest.get(self._hash(position, size), [])
            if expected in same:
                return expected
            if same:
                return next((index for index in same if index not in self.found), same[0])
        return None

    def _likely_sizes(self, position: int, expected: int) -> Iterator[int]:
        if expected < len(self.units):
            yield self.units[expected].size
        length = 0
        for _ in range(_BOXES_LIMIT):
            self.stream.seek(position + length)
            header = self.stream.read(16)
            size = int.from_bytes(header[:4], "big")
            if size == 1:
                size = int.from_bytes(header[8:16], "big")
            if len(header) < 8 or size < 8 or not header[4:8].isalnum():
                return
            length += size
            if length > self.largest:
                return
            yield length

    def _anchors(self, position: int) -> Iterator[int]:
        """Find positions from ``position`` on where a box begins that a unit may begin with."""
        while position < self.end and self.bytes_left > 0 and self.candidates_left > 0:
            self.stream.seek(position)
            chunk = self.stream.read(_CHUNK)
            for match in _FIRST_BOX.finditer(chunk, 4):
                yield position + match.start() - 4
            if len(chunk) < 8:
                return
            position += len(chunk) - 7

    def _hash(self, position: int, size: int) -> str:
        self.bytes_left -= size
        self.stream.seek(position)
        digest = hashlib.sha256()
        while size and (chunk := self.stream.read(min(size, _CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
        return digest.hexdigest()


def explain(units: Sequence[Unit], pieces: Sequence[Piece]) -> list[Difference]:
    """Return what was done to the film, in its order, given what it consists of."""
    home = _home_positions(units, pieces)
    order = [
        piece.unit for at, piece in enumerate(pieces) if piece.unit is not None and home[piece.unit] == at
    ]
    differences, moved = _disorder(order)
    missing = sorted(set(range(len(units))) - set(order))
    last, repeated, unknown = -1, list[int](), 0
    for at, piece in enumerate([*pieces, Piece(len(units), 0)]):
        if piece.unit is None:
            unknown += piece.size
        elif piece.unit < len(units) and home[piece.unit] != at:
            repeated.append(piece.unit)
        elif piece.unit not in moved:
            gap = [unit for unit in missing if last < unit < piece.unit]
            differences += _between(units, gap, piece.unit, repeated, unknown)
            last, repeated, unknown = piece.unit, [], 0
    return sorted(differences, key=lambda one: one.unit)


def _home_positions(units: Sequence[Unit], pieces: Sequence[Piece]) -> dict[int, int]:
    """Return for each unit found which of its pieces is at home: the one with its own neighbours."""
    best: dict[int, tuple[int, int]] = {}
    for at, piece in enumerate(pieces):
        if piece.unit is None:
            continue
        before = pieces[at - 1].unit if at else -1
        after = pieces[at + 1].unit if at + 1 < len(pieces) else len(units)
        score = (before == piece.unit - 1) + (after == piece.unit + 1)
        if piece.unit not in best or score > best[piece.unit][0]:
            best[piece.unit] = (score, at)
    return {unit: at for unit, (_, at) in best.items()}


def _disorder(order: Sequence[int]) -> tuple[list[Difference], set[int]]:
    """Return what stands in the wrong order, told in as few moves as can be, and which units those are."""
    straight = sorted(order)
    swapped = [(place, unit) for place, unit in zip(straight, order, strict=True) if place != unit]
    kept = _longest_rising(order)
    moved = [unit for unit in order if unit not in kept]
    if len(swapped) <= 2 * len(moved):
        return [Difference("part_swapped", place, unit) for place, unit in swapped], {
            unit for _, unit in swapped
        }
    differences, last = list[Difference](), -1
    for unit in order:
        if unit in kept:
            last = unit
        else:
            differences.append(Difference("part_swapped", last + 1, unit))
    return differences, set(moved)


def _longest_rising(order: Sequence[int]) -> set[int]:
    """Return a longest rising subsequence (patience sorting, O(n log n))."""
    tops: list[int] = []
    before: dict[int, int | None] = {}
    for unit in order:
        pile = bisect_left(tops, unit)
        before[unit] = tops[pile - 1] if pile else None
        tops[pile : pile + 1] = [unit]
    result: set[int] = set()
    current = tops[-1] if tops else None
    while current is not None:
        result.add(current)
        current = before[current]
    return result


def _between(
    units: Sequence[Unit], gap: list[int], following: int, repeated: list[int], unknown: int
) -> list[Difference]:
    """Explain what lies before unit ``following``: the units gone, others shown again, and unknown bytes."""
    at_end = following == len(units)
    differences: list[Difference] = []
    for other in repeated:
        place = gap.pop(0) if gap else following
        differences.append(Difference("part_repeated", place, other))
    filled = 0
    for at, unit in enumerate(gap):
        filled += units[unit].size
        if filled <= unknown or (unknown and at == 0 and not at_end):
            differences.append(Difference("part_changed", unit))
        elif at_end:
            return [*differences, Difference("film_truncated", unit)]
        else:
            differences.append(Difference("part_missing", unit))
    if at_end and unknown > filled:
        differences.append(Difference("film_extra_bytes", following))
    elif unknown and not gap:
        differences.append(Difference("part_extra", following))
    return differences
