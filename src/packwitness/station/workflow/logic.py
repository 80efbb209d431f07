"""A recording logic in memory: its rows, its label filter, its parameters. ``logics`` reads them from
TOML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from packwitness.station.workflow.effects import Phase


class EventKey(StrEnum):
    """What a row can be for. A command barcode is an event of its own name."""

    SCANNED = "scanned"
    UNREADABLE = "unreadable"
    LIFTED = "lifted"
    START = "start"
    END = "end"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    TICK = "tick"
    CAMERA_LOST = "camera_lost"
    CAMERA_BACK = "camera_back"
    DISK = "disk"
    ORDER = "order"
    TAKE_FAILED = "take_failed"


@dataclass(frozen=True, slots=True)
class Row:
    """If the bench is in one of ``phases`` and one of ``events`` comes and all of ``when`` holds: do, then
    be ``then``.

    ``then`` None: stay. ``do`` are words of ``verbs``, carried out in order.
    """

    phases: frozenset[Phase]
    events: frozenset[EventKey]
    when: tuple[str, ...]
    do: tuple[str, ...]
    then: Phase | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """Which codes can be a parcel's label. Symbologies are compared where the source names one."""

    symbologies: frozenset[str]
    min_length: int
    max_length: int

    def accepts(self, code: str, symbology: str) -> bool:
        """Say whether ``code`` (normalised) can be a label."""
        if symbology and symbology not in self.symbologies:
            return False
        return self.min_length <= len(code) <= self.max_length


@dataclass(frozen=True, slots=True)
class Logic:
    """A recording logic. ``version`` is the SHA-256 of the file it came from, as in a manifest."""

    id: str
    version: str
    name: str
    about: str
    kind: str
    key: str
    watches: bool
    """Whether cameras look for labels."""
    label: LabelFilter
    parameters: Mapping[str, int]
    """In milliseconds, all of ``logics.Parameters``."""
    rows: tuple[Row, ...] = field(repr=False)
    """The logic's own, then the house's: the first that applies is taken."""

    def ns(self, parameter: str) -> int:
        """Return a parameter in nanoseconds."""
        return self.parameters[parameter] * 1_000_000
