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

type Region = tuple[float, float, float, float]
"""Left, top, right, bottom of a part of the picture, as fractions of its width and height."""

WHOLE: Region = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class SeenCode:
    """A code in one picture, as it stands there.

    ``symbology`` is zxing-cpp's name (``Code128``); ``centre`` is in fractions of the whole picture.
    """

    text: str
    symbology: str
    centre: tuple[float, float] = (0.5, 0.5)
