"""A camera's film against its manifest: every byte hashed once, in constant memory.

A film is walked by the sizes that the manifest lists. Only when that finds a difference is the film read
again, to say what was done to it (``alignment``).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from packwitness.evidence.alignment import Difference, Unit, align, explain
from packwitness.evidence.findings import FINDINGS_LIMIT, Finding, FindingCode, join_runs
from packwitness.evidence.manifest import Camera

_CHUNK = 1 << 20


@dataclass(frozen=True)
class StoredCamera:
    """What somebody holds of a camera: digests (64 hex digits) by number."""

    inits: Mapping[int, str]
    parts: Mapping[int, str]


def check_film(camera: Camera, stream: BinaryIO) -> list[Finding]:
    """Compare a joined film with the manifest; an empty list means that every byte is the sealed one.

    Args:
        camera: the camera's entry in the manifest.
        stream: the film from here to its end. If it can seek, a difference is told precisely; if not, all
            from the first difference on counts as changed.
    """
    units = list(film_units(camera))
    start = stream.tell() if stream.seekable() else None
    first = _first_difference(units, stream)
    if first is None:
        return []
    if start is not None:
        differences = explain(units, align(units, stream, start))
    elif first == len(units):
        differences = [Difference("film_extra_bytes", first)]
    else:
        differences = [Difference("part_changed", index) for index in range(first, len(units))]
    findings = join_runs(_finding(camera, units, one) for one in differences)
    # Both readings disagree only if the bytes changed in between, which no sealed film does.
    return findings[:FINDINGS_LIMIT] or [
        Finding("part_changed", camera.id, detail="unstable between two readings")
    ]


def compare_stored(camera: Camera, stored: StoredCamera) -> list[Finding]:
    """Compare stored digests with the manifest's, number by number.

    What is not there is ``init_missing`` or ``part_missing``; a part with another part's digest is swapped or
    repeated. Every single number is named, however many they are.
    """
    findings: list[Finding] = []
    for number, init in enumerate(camera.inits):
        digest = stored.inits.get(number)
        if digest != init.sha256:
            code: FindingCode = "init_missing" if digest is None else "init_changed"
            findings.append(Finding(code, camera.id, init=number))
    number_of = {part.sha256: number for number, part in enumerate(camera.parts)}
    for number, part in enumerate(camera.parts):
        digest = stored.parts.get(number)
        if digest == part.sha256:
            continue
        other = None if digest is None else number_of.get(digest)
        if digest is None:
            code = "part_missing"
        elif other is None:
            code = "part_changed"
        else:
            code = "part_repeated" if stored.parts.get(other) == digest else "part_swapped"
        findings.append(Finding(code, camera.id, part=number, other=other, at_ms=_at_ms(camera, number)))
    findings += [
        Finding("init_changed", camera.id, init=number, detail="not listed")
        for number in sorted(stored.inits.keys() - set(range(len(camera.inits))))
    ]
    findings += [
        Finding("part_extra", camera.id, part=number, at_ms=_at_ms(camera, number))
        for number in sorted(stored.parts.keys() - set(range(len(camera.parts))))
    ]
    return findings


def film_units(camera: Camera) -> Iterator[Unit]:
    """Return what a film is made of, in order: each part, preceded by its init where the init changes."""
    init_at = {init.first_part: number for number, init in enumerate(camera.inits)}
    for number, part in enumerate(camera.parts):
        if number in init_at:
            init = camera.inits[init_at[number]]
            yield Unit("init", init_at[number], init.size, init.sha256, number)
        yield Unit("part", number, part.size, part.sha256, number)


def _first_difference(units: Sequence[Unit], stream: BinaryIO) -> int | None:
    """Return the index of the first unit that differs; ``len(units)`` if only something follows the last."""
    for index, unit in enumerate(units):
        digest = hashlib.sha256()
        left = unit.size
        while left:
            chunk = stream.read(min(_CHUNK, left))
            if not chunk:
                return index
            digest.update(chunk)
            left -= len(chunk)
        if digest.hexdigest() != unit.sha256:
            return index
    return len(units) if stream.read(1) else None


def _finding(camera: Camera, units: Sequence[Unit], difference: Difference) -> Finding:
    code = difference.code
    other = None if difference.other is None else units[difference.other].part
    unit = units[difference.unit] if difference.unit < len(units) else None
    part = unit.part if unit else len(camera.parts)
    if (
        unit
        and unit.kind == "init"
        and code in ("part_changed", "part_missing", "part_swapped", "part_repeated")
    ):
        return Finding(
            "init_missing" if code == "part_missing" else "init_changed", camera.id, init=unit.number
        )
    return Finding(code, camera.id, part=part, other=other, at_ms=_at_ms(camera, part))


def _at_ms(camera: Camera, part: int) -> int:
    """Return where a part begins in the film; for one after the last, where the film ends."""
    if not camera.parts:
        return 0
    if part < len(camera.parts):
        return (camera.parts[part].start - camera.parts[0].start) * 1000 // camera.timescale
    last = camera.parts[-1]
    return (last.start + last.duration - camera.parts[0].start) * 1000 // camera.timescale
