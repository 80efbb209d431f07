"""What sound is made of once it is AAC: frames on a line of time, and those that belong to a part."""

from collections.abc import Sequence
from dataclasses import dataclass

from packwitness.station.recorder.clock import Anchor
from packwitness.station.recorder.messages import SoundFacts
from packwitness.station.recorder.packets import NANO
from packwitness.station.recorder.store import SoundFacts as Facts

FRAME = 1024
"""Samples of a frame of AAC-LC."""
RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Those that AAC counts, in its order."""


@dataclass(frozen=True, slots=True)
class SoundTrack:
    """Sound as long as it is coded the same. `config`: AudioSpecificConfig."""

    sample_rate: int
    channels: int
    config: bytes
    encoded_from: str | None

    @property
    def facts(self) -> SoundFacts:
        """What the manifest says of it."""
        return SoundFacts("mp4a.40.2", self.sample_rate, self.channels, self.encoded_from)


def track_of(facts: Facts) -> SoundTrack:
    """The track that a manifest's words describe: AAC-LC at one of its usual rates."""
    rate, channels = facts.sample_rate, facts.channels
    return SoundTrack(rate, channels, config_of(rate, channels), facts.encoded_from)


def config_of(rate: int, channels: int) -> bytes:
    """An AudioSpecificConfig of AAC-LC (ISO/IEC 14496-3, 1.6.2.1). Raises ValueError: not with these."""
    if rate not in RATES or not 1 <= channels <= 2:
        raise ValueError(f"{rate} Hz with {channels} channels")
    return (2 << 11 | RATES.index(rate) << 7 | channels << 3).to_bytes(2, "big")


class SoundLine:
    """An uninterrupted line of time of a camera's sound, in samples."""

    __slots__ = ("anchor", "rate")

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.anchor = Anchor()

    def add(self, arrival_ns: int, samples: int) -> None:
        """Learn from what came: `samples` counts up to its end, for it was sent when all of it was there."""
        self.anchor.add(arrival_ns, samples * NANO // self.rate)

    def moment(self, samples: int) -> int:
        """Monotonic nanoseconds of a time on this line."""
        return self.anchor.moment(samples * NANO // self.rate)


@dataclass(frozen=True, slots=True, eq=False)
class SoundFrame:
    """A frame of AAC; `pts` in samples on its `line`."""

    data: bytes
    pts: int
    line: SoundLine
    track: SoundTrack


@dataclass(frozen=True, slots=True)
class SoundPart:
    """Sound of one part: frames and their starts in samples of media time, in ascending order."""

    track: SoundTrack
    frames: tuple[tuple[int, bytes], ...]


def durations(frames: Sequence[tuple[int, bytes]]) -> list[int]:
    """Of each frame, up to the next; the last one lasts as long as it holds samples."""
    ends = [start for start, _ in frames[1:]]
    return [end - start for (start, _), end in zip(frames, [*ends, frames[-1][0] + FRAME], strict=True)]
