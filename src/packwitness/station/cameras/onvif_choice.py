"""Which of a camera's streams is filmed, and in which labels are looked for. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from packwitness.station.cameras.onvif import Profile

CODECS = ("H264", "H265", "HEVC")
LOOK_WIDTH, LOOK_HEIGHT, LOOK_RATE = 640, 360, 8
"""The least that codes are read in: below it a label on a bench is too small, or seen too seldom."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Of one lens: `film` is the largest picture, `look` a smaller one if there is one that serves."""

    film: Profile
    look: Profile | None


def choose(profiles: Sequence[Profile]) -> list[Choice]:
    """Return a choice for each lens (each camera of an NVR), in the camera's order; a lens that gives
    neither H.264 nor H.265 has none.

    Of equally large pictures the one with the higher rate is filmed, then H.264, which every browser plays.
    """
    lenses: dict[str, list[Profile]] = {}
    for profile in profiles:
        if profile.encoding in CODECS:
            lenses.setdefault(profile.source, []).append(profile)
    return [_of_one(lens) for lens in lenses.values()]


def _of_one(profiles: list[Profile]) -> Choice:
    film = max(profiles, key=lambda one: (_area(one), one.rate, one.encoding == "H264"))
    smaller = [one for one in profiles if _area(one) < _area(film) and _serves(one)]
    return Choice(film, min(smaller, key=_area, default=None))


def _area(profile: Profile) -> int:
    return profile.width * profile.height


def _serves(profile: Profile) -> bool:
    wide, high = max(profile.width, profile.height), min(profile.width, profile.height)
    return wide >= LOOK_WIDTH and high >= LOOK_HEIGHT and (not profile.rate or profile.rate >= LOOK_RATE)
