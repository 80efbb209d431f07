"""What a camera's reader hands to the trigger that watches for labels."""

from dataclasses import dataclass

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
