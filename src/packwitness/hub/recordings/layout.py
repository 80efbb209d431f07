"""Where a camera's parts lie in time and in its film. Pure.

A film is, for each part in order, its init where that changes, then the part (docs/design/evidence.md,
"Film"). Times are ms after the take's ``film_from``; a camera's own media time begins ``offset_ms`` after it
and counts in its timescale.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packwitness.evidence.manifest import Camera
from packwitness.hub.recordings.names import InitName, PartName


@dataclass(frozen=True, slots=True)
class Window:
    """What of a take may be seen; ``to_ms`` None means to the end."""

    from_ms: int = 0
    to_ms: int | None = None


WHOLE = Window()


@dataclass(frozen=True, slots=True)
class Unit:
    """An init or a part, and where it begins in the camera's whole film."""

    name: InitName | PartName
    film_offset: int


@dataclass(frozen=True)
class Layout:
    """One camera's inits and parts, in order and without a hole from part 0 on."""

    timescale: int
    offset_ms: int
    inits: tuple[InitName, ...]
    parts: tuple[PartName, ...]

    def part_ms(self, part: PartName) -> tuple[int, int]:
        """Return when a part begins and ends, ms after ``film_from``: the beginning cut, the end rounded
        up.
        """
        end = part.start + part.duration
        return (
            self.offset_ms + part.start * 1000 // self.timescale,
            self.offset_ms - (-end * 1000 // self.timescale),
        )

    @property
    def end_ms(self) -> int:
        """When the last part ends."""
        return max((self.part_ms(part)[1] for part in self.parts[-1:]), default=0)

    def within(self, window: Window) -> Sequence[PartName]:
        """Return the parts that lie inside the window whole, the first of them at a keyframe.

        A window from 0 begins at part 0, whatever it is: the recorder begins at a keyframe.
        """
        first = 0
        if window.from_ms > 0:
            # Compared unrounded: a keyframe a fraction of a ms too early would show a frame too many.
            wanted = (window.from_ms - self.offset_ms) * self.timescale
            keys = (at for at, part in enumerate(self.parts) if part.key and part.start * 1000 >= wanted)
            first = next(keys, len(self.parts))
        last = len(self.parts)
        while (
            window.to_ms is not None and last > first and self.part_ms(self.parts[last - 1])[1] > window.to_ms
        ):
            last -= 1
        return self.parts[first:last]

    def units(self) -> Iterator[Unit]:
        """Yield what the whole film is made of, in order."""
        offset, current = 0, -1
        for part in self.parts:
            if part.init != current:
                current = part.init
                init = self.inits[current]
                yield Unit(init, offset)
                offset += init.size
            yield Unit(part, offset)
            offset += part.size

    def units_of(self, parts: Sequence[PartName]) -> list[Unit]:
        """Return what a film of these consecutive parts is made of; it begins with the first one's init."""
        if not parts:
            return []
        first, last = parts[0].number, parts[-1].number
        pending, found = list[Unit](), list[Unit]()
        for unit in self.units():
            if isinstance(unit.name, InitName):
                pending = [unit]
            elif first <= unit.name.number <= last:
                found += [*pending, unit]
                pending = []
        return found


def of_manifest(camera: Camera) -> Layout:
    """Return the layout that a sealed manifest lists."""
    inits = tuple(InitName(number, one.size, one.sha256) for number, one in enumerate(camera.inits))
    parts = tuple(
        PartName(number, init, one.start, one.duration, one.key, one.size, one.sha256)
        for number, (init, one) in enumerate(zip(camera.init_of_parts(), camera.parts, strict=True))
    )
    return Layout(camera.timescale, camera.offset_ms, inits, parts)


def of_copy(original: Layout, *, init: tuple[int, str], parts: Sequence[tuple[int, str]]) -> Layout:
    """Return the layout of a converted copy: the original's times and keyframes, its own sizes and digests.

    So a window shows the same of the copy as it shows of the original.

    Raises:
        ValueError: it has not as many parts as the original.
    """
    listed = tuple(
        PartName(one.number, 0, one.start, one.duration, one.key, size, sha256)
        for one, (size, sha256) in zip(original.parts, parts, strict=True)
    )
    return Layout(original.timescale, original.offset_ms, (InitName(0, *init),), listed)


def of_names(inits: Iterable[InitName], parts: Iterable[PartName], *, timescale: int) -> Layout:
    """Return the layout of what has arrived of a running take: up to the first part that is missing.

    The camera's ``offset_ms`` is not known before the seal. It is never negative, so taking it for 0 places a
    part too early at most, and a window's beginning never shows what lies before it.
    """
    known = dict[int, InitName]()
    for init in inits:
        known.setdefault(init.number, init)
    by_number = {part.number: part for part in parts}
    whole: list[PartName] = []
    while (part := by_number.get(len(whole))) is not None and part.init in known:
        whole.append(part)
    count = next((k for k in range(len(known) + 1) if k not in known), 0)
    usable = [part for part in whole if part.init < count]
    return Layout(timescale, 0, tuple(known[k] for k in range(count)), tuple(usable))
