"""What objects of the vault are called. A name says what the object holds, so a running take needs no rows.

<org>/takes/<take>/<camera>/init-<k>-<size>-<sha256>.mp4
<org>/takes/<take>/<camera>/<n>-<init>-<start>-<duration>-<key 0|1>-<size>-<sha256>.m4s
<org>/films/<take>/<camera>.mp4
<org>/manifests/<take>.json
<org>/renditions/<take>/<camera>/<original's sha256>-<its own sha256>.mp4
                   and …-<the statement's sha256>.json: what is said of it
"""

import re
from dataclasses import dataclass
from typing import Final

_INIT: Final = re.compile(r"init-(\d{3,})-(\d+)-([0-9a-f]{64})\.mp4", re.ASCII)
_PART: Final = re.compile(r"(\d{8})-(\d+)-(\d+)-(\d+)-([01])-(\d+)-([0-9a-f]{64})\.m4s", re.ASCII)
_KEY: Final = re.compile(
    rf"[^/]+/(takes/[^/]+/[^/]+/({_INIT.pattern}|{_PART.pattern})|films/[^/]+/[^/]+\.mp4|manifests/[^/]+\.json"
    r"|renditions/[^/]+/[^/]+/[0-9a-f]{64}-[0-9a-f]{64}(\.mp4|-[0-9a-f]{64}\.json))",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class InitName:
    """An init segment: the camera's ``number``-th of this take, its size in bytes and its digest."""

    number: int
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"init-{self.number:03d}-{self.size}-{self.sha256}.mp4"


@dataclass(frozen=True, slots=True)
class PartName:
    """A part: its number, the number of its init, its place in the camera's timescale, whether it begins at a
    keyframe, its size in bytes and its digest.
    """

    number: int
    init: int
    start: int
    duration: int
    key: bool
    size: int
    sha256: str

    def __str__(self) -> str:
        facts = f"{self.number:08d}-{self.init}-{self.start}-{self.duration}-{int(self.key)}"
        return f"{facts}-{self.size}-{self.sha256}.m4s"


def read_init(leaf: str) -> InitName | None:
    """Read the last segment of a key; None if it names no init."""
    match = _INIT.fullmatch(leaf)
    return InitName(int(match[1]), int(match[2]), match[3]) if match else None


def read_part(leaf: str) -> PartName | None:
    """Read the last segment of a key; None if it names no part."""
    match = _PART.fullmatch(leaf)
    if match is None:
        return None
    number, init, start, duration, key, size = (int(match[at]) for at in range(1, 7))
    return PartName(number, init, start, duration, bool(key), size, match[7])


def is_ours(key: str) -> bool:
    """Say whether a key is of one of the forms above."""
    return _KEY.fullmatch(key) is not None


def camera_folder(*, organisation_id: str, take: str, camera: str) -> str:
    """Return the prefix of a camera's inits and parts, with its slash."""
    return f"{organisation_id}/takes/{take}/{camera}/"


def film_key(*, organisation_id: str, take: str, camera: str) -> str:
    """Return the key of a camera's joined film."""
    return f"{organisation_id}/films/{take}/{camera}.mp4"


def rendition_folder(*, organisation_id: str, take: str, camera: str) -> str:
    """Return the prefix of a camera's converted copies, with its slash."""
    return f"{organisation_id}/renditions/{take}/{camera}/"


def rendition_leaf(*, original: str, copy: str) -> str:
    """Return a copy's name in that folder without its ending, from both digests: what it was made of and
    itself.
    """
    return f"{original}-{copy}"


def manifest_key(*, organisation_id: str, take: str) -> str:
    """Return the key of a take's manifest statement."""
    return f"{organisation_id}/manifests/{take}.json"
