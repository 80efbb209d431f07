"""Letters: the one typeface that Pillow carries, in any size and weight."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from packwitness.station.cameras.scene.relief import Colour, Pixels


@lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("This Pillow was built without FreeType: install the wheel from PyPI.")
    return font


@lru_cache(maxsize=256)
def letters(text: str, size: float, weight: float = 0.0, spacing: float = 0.0) -> Pixels:
    """Coverage of one line of `text`, cropped to its baseline box: `size` in pixels, `weight` 0 (regular) to
    1 (black), `spacing` between letters as a part of the size."""
    font = _font(size)
    stroke = weight * size * 0.055
    pieces = list(text) if spacing else [text]
    lengths = [font.getlength(piece) + stroke for piece in pieces]
    width = int(sum(lengths) + spacing * size * (len(pieces) - 1) + 2 * stroke) + 3
    ascent, descent = font.getmetrics()
    image = Image.new("L", (width, int(ascent + descent + 2 * stroke) + 2), 0)
    drawing = ImageDraw.Draw(image)
    x = stroke + 1
    for piece, length in zip(pieces, lengths, strict=True):
        drawing.text((x, stroke), piece, fill=255, font=font, stroke_width=stroke)
        x += length + spacing * size
    return np.asarray(image)


def write(
    picture: Pixels,
    text: str,
    at: tuple[float, float],
    size: float,
    colour: Colour,
    *,
    weight: float = 0.0,
    spacing: float = 0.0,
    anchor: str = "ls",
    opacity: float = 1.0,
) -> None:
    """Write on a BGR or grey `picture`; `anchor` is l, m or r, then s (baseline), as Pillow names them."""
    ink = letters(text, round(size, 2), weight, spacing)
    baseline = _font(round(size, 2)).getmetrics()[0] + weight * size * 0.055
    x = round(at[0] - {"l": 0.0, "m": ink.shape[1] / 2, "r": float(ink.shape[1])}[anchor[0]])
    y = round(at[1] - baseline)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + ink.shape[1], picture.shape[1]), min(y + ink.shape[0], picture.shape[0])
    if left >= right or top >= bottom:
        return
    cover = ink[top - y : bottom - y, left - x : right - x].astype(np.float32) * (opacity / 255)
    spot = picture[top:bottom, left:right]
    light = np.array(colour[::-1], np.float32) if picture.ndim == 3 else np.float32(colour[0])
    mask = cover[..., None] if picture.ndim == 3 else cover
    spot[:] = spot + (light - spot) * mask + np.float32(0.5)
