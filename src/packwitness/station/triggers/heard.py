"""What a trigger hands to the bench, and the shape of the callbacks that take it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from packwitness.station.workflow.effects import Answer
from packwitness.station.workflow.events import Lifted, Scanned, Source

type OnScan = Callable[[str, Source], Awaitable[Answer]]
"""``await on_scan(raw_text, source)``: normalise, step the engine, carry the effects out, answer.

Kiosk and HTTP hand over the text as it came; ``workflow.codes.read_scan`` turns it into an event."""

type OnSeen = Callable[[Scanned | Lifted], Awaitable[None]]
"""What the code-in-view trigger's events are handed to."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the picture as fractions of its width and height, 0 ≤ left < right ≤ 1 and 0 ≤ top <
    bottom ≤ 1."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 1 and 0 <= self.top < self.bottom <= 1):
            raise ValueError("A region is four fractions: 0 <= left < right <= 1 and 0 <= top < bottom <= 1")


@dataclass(frozen=True, slots=True)
class SeenCode:
    """A code in one frame. ``symbology`` is zxing-cpp's name; ``centre`` is in fractions of the whole
    picture."""

    text: str
    symbology: str
    centre: tuple[float, float] = (0.5, 0.5)
