"""What is packed: eight things, drawn from above as they lie in a tote."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from packwitness.station.cameras.scene.lettering import letters
from packwitness.station.cameras.scene.parcels import Colours, Shape
from packwitness.station.cameras.scene.relief import (
    Field,
    Relief,
    Sprite,
    disc,
    dome,
    linear,
    rod,
    slab,
)


@lru_cache(maxsize=64)
def product(shape: Shape, colours: Colours, resolution: float) -> Sprite:
    return _SHAPES[shape](colours, resolution)


def thickness(shape: Shape) -> float:
    """How high it stands, in bench units: the length of its shadow."""
    return _HEIGHTS[shape]


def half_size(shape: Shape) -> tuple[float, float]:
    """Half of its width and depth, in bench units."""
    return _HALVES[shape]


def imprint(
    relief: Relief,
    text: str,
    cx: float,
    cy: float,
    size: float,
    colour: tuple[int, int, int],
    *,
    weight: float = 0.3,
    spacing: float = 0.0,
    upright: bool = False,
) -> None:
    """Print on whatever lies there; (cx, cy) is the middle, `size` in units."""
    ink = letters(text, round(size * relief.resolution, 2), weight, spacing).astype(np.float32) / 255
    if upright:
        ink = np.ascontiguousarray(np.rot90(ink, 3))
    left = round((cx - relief.box[0]) * relief.resolution - ink.shape[1] / 2)
    top = round((cy - relief.box[1]) * relief.resolution - ink.shape[0] / 2)
    cover = np.zeros(relief.shape, np.float32)
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + ink.shape[0], relief.shape[0]), min(left + ink.shape[1], relief.shape[1])
    if y0 < y1 and x0 < x1:
        cover[y0:y1, x0:x1] = ink[y0 - top : y1 - top, x0 - left : x1 - left]
    relief.blend(cover, colour)


def _mug(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-72, -52, 52, 52), resolution)
    ring = np.abs(np.hypot((r.x + 42) / 1.0, r.y / 0.9) - 17) - 6.0
    r.lay(ring, colours.main, 22 + dome(ring, 6), shine=0.35)
    body = disc(r.x, r.y, 0, 0, 42)
    r.lay(body, colours.main, 40 + dome(body, 6) * 1.2, shine=0.5)
    hollow = disc(r.x, r.y, 0, 0, 35.5)
    depth = np.clip(-hollow, 0, 40)
    r.lay(hollow, colours.second, 44 - 26 * np.clip(depth / 6, 0, 1) - depth * 0.15, shine=0.25, soft=1.2)
    # The rim throws its own shadow into the mug.
    inside = r.cover(hollow)
    rim_shade = np.clip((disc(r.x, r.y, 11, 14, 33) + 6) / 14, 0, 1)
    r.tint(1 - inside * (0.12 + 0.55 * rim_shade))
    return r.lit(f"mug{colours}", gloss=40, occlusion=5)


def _shirt(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-66, -76, 66, 76), resolution)
    body = slab(r.x, r.y, 0, 2, 58, 70, 9)
    folds = r.grain(30, 31, 2.2) * 1.3 + r.grain(11, 32, 2.5) * 0.4
    crease = -2.6 * np.exp(-((r.y - 32 - r.grain(60, 33)) ** 2) / 5) - 1.4 * np.exp(
        -((np.abs(r.x) - 35) ** 2) / 4
    )
    r.lay(body, colours.main, 9 + dome(body, 9) + folds + crease)
    # Sleeves folded under: a step along the sides.
    for side in (-1, 1):
        sleeve = slab(r.x, r.y - side * 0.0, side * 47, -20, 13, 40, 6)
        r.lay(sleeve, colours.main, 13.5 + dome(sleeve, 5) * 0.7 + folds, opacity=0.0)
    neck = np.hypot(r.x / 1.0, (r.y + 66) / 0.82)
    rib = np.abs(neck - 26) - 4.2
    inside = neck - 26
    top = r.y + 68
    r.lay(np.maximum(inside, -top), shade(colours.main, 0.55), 13 + folds * 0.3)
    r.lay(np.maximum(rib, -top), shade(colours.main, 0.86), 19 + dome(rib, 4.2) * 0.9)
    r.lay(slab(r.x, r.y, 0, -55, 7, 4.5, 1), (240, 238, 232), 17)
    _motif(r, colours)
    weave = r.grain(1.1, 34) * 0.05
    r.tint(1 + weave + r.grain(0.8, 35, 3) * 0.04)
    return r.lit(f"shirt{colours}", gloss=8, occlusion=7, relief=1.3)


def _motif(r: Relief, colours: Colours) -> None:
    """A small sun over hills, printed on the chest."""
    sun = disc(r.x, r.y, 0, -8, 15)
    r.lay(sun, colours.second, opacity=0.92)
    hills = np.maximum(sun, -(r.y + 3 + 4 * np.sin(r.x / 6.0)))
    r.lay(hills, shade(colours.second, 0.62), opacity=0.92)


def _book(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-58, -78, 62, 82), resolution)
    pages = slab(r.x, r.y, 2.5, 2.5, 54, 75, 2)
    leaf = 1 + 0.10 * np.sin(r.x * 5.1) + 0.08 * np.sin(r.y * 4.3)
    r.lay(pages, np.asarray(linear((238, 230, 212)) * leaf[..., None], np.float32), 17)
    cover = slab(r.x, r.y, 0, 0, 54, 75, 2.5)
    r.lay(cover, colours.main, 21 + dome(cover, 2.2), shine=0.12)
    groove = np.abs(r.x + 46) - 1.4
    r.height -= 2.0 * r.cover(groove, 1.5) * r.cover(cover)
    # The jacket: three hills and a moon, in the second colour's family.
    front = np.maximum(cover, -(r.x + 42))
    r.lay(np.maximum(front, disc(r.x, r.y, 20, -8, 15)), (246, 240, 224))
    for k, (level, share) in enumerate(((18, 1.0), (34, 0.78), (52, 0.58))):
        wave = level + 8 * np.sin(r.x / (17 + 4 * k) + k * 2.1) - r.y
        r.lay(np.maximum(front, wave), shade(colours.second, share))
    imprint(r, "THE QUIET", 4, -54, 13, (250, 246, 236), weight=0.5, spacing=0.06)
    imprint(r, "HARBOUR", 4, -39, 13, (250, 246, 236), weight=0.5, spacing=0.06)
    imprint(r, "a novel", 4, 64, 8.5, (250, 246, 236), spacing=0.1)
    return r.lit(f"book{colours}", gloss=14, occlusion=5)


def _candle(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-48, -48, 48, 48), resolution)
    glass = disc(r.x, r.y, 0, 0, 41)
    r.lay(glass, colours.main, 36 + dome(glass, 7), shine=0.8)
    wall = disc(r.x, r.y, 0, 0, 36)
    r.lay(wall, shade(colours.main, 0.6), 33, shine=0.5, soft=0.8)
    wax = disc(r.x, r.y, 0, 0, 34.5)
    dip = np.clip(-wax, 0, 34)
    melted = 28 - 3.2 * np.cos(np.clip(dip / 34, 0, 1) * np.pi) * 0.5 + r.grain(20, 41) * 0.5
    r.lay(wax, colours.second, melted, shine=0.18, soft=0.8)
    dim = np.clip((disc(r.x, r.y, 9, 11, 32) + 5) / 12, 0, 1)
    r.tint(1 - r.cover(wax) * 0.32 * dim)
    wick, back = rod(r.x, r.y, -2, 1, 6, -7, 1.6, 1.3)
    r.lay(disc(r.x, r.y, 0, 0, 4.5), (206, 198, 180), 31)
    r.lay(wick, (70, 62, 54), 34 + back * 2)
    gleam = np.maximum(np.abs(np.hypot(r.x, r.y) - 38.6) - 0.9, r.x * 0.9 + r.y + 24)
    r.lay(gleam, (255, 255, 255), opacity=0.75, soft=1)
    return r.lit(f"candle{colours}", gloss=36, occlusion=5)


def _bottle(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-34, -88, 34, 88), resolution)
    body = slab(r.x, r.y, 0, 26, 27, 56, 11)
    across = np.clip(1 - (r.x / 27.5) ** 2, 0, 1)
    round_back = 27 * np.sqrt(across)
    ends = np.clip(dome(body, 11) / 11, 0, 1)
    r.lay(body, colours.main, round_back * (0.55 + 0.45 * ends), shine=0.75)
    paper = slab(r.x, r.y, 0, 30, 40, 33, 0)
    r.lay(np.maximum(paper, body + 0.2), (247, 244, 238), shine=0.12)
    r.lay(np.maximum(np.abs(r.y - 58) - 1.0, body), colours.second)
    imprint(r, "lumi", 0, 17, 18, shade(colours.main, 0.55), weight=0.25, spacing=0.02)
    imprint(r, "calm serum", 0, 34, 7.4, (90, 88, 86), spacing=0.06)
    imprint(r, "50 ml", 0, 46, 6.2, (130, 126, 122), spacing=0.08)
    neck = slab(r.x, r.y, 0, -34, 11, 7, 2)
    r.lay(neck, shade(colours.second, 0.7), 11 * np.sqrt(np.clip(1 - (r.x / 11.5) ** 2, 0, 1)), shine=0.9)
    collar = slab(r.x, r.y, 0, -46, 16, 9, 3)
    ridges = 1 + 0.10 * np.sin(r.x * 3.2)
    r.lay(collar, colours.second, 16 * np.sqrt(np.clip(1 - (r.x / 16.5) ** 2, 0, 1)), shine=0.9)
    r.tint(1 + (ridges - 1) * r.cover(collar))
    stem, back = rod(r.x, r.y, 0, -54, 0, -76, 6, 6)
    r.lay(stem, colours.second, back, shine=0.9)
    spout, back = rod(r.x, r.y, 0, -74, 17, -79, 6.5, 4)
    r.lay(spout, colours.second, back + 5, shine=0.9)
    return r.lit(f"bottle{colours}", gloss=30, occlusion=4)


def _bear(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-62, -82, 62, 84), resolution)
    fur = r.grain(1.6, 51) * 0.9 + r.grain(3.4, 52) * 0.8
    parts: list[tuple[Field, Field]] = []

    def ball(cx: float, cy: float, rx: float, ry: float, lift: float) -> None:
        q = np.hypot((r.x - cx) / rx, (r.y - cy) / ry)
        parts.append(
            ((q - 1) * min(rx, ry), np.sqrt(np.clip(1 - q * q, 0, None)) * min(rx, ry) * 0.85 + lift)
        )

    for side in (-1, 1):
        ball(side * 26, -66, 13, 13, 2)
        d, b = rod(r.x, r.y, side * 30, -10, side * 48, 14, 14, 12)
        parts.append((d, b + 2))
        d, b = rod(r.x, r.y, side * 20, 42, side * 32, 64, 17, 15)
        parts.append((d, b + 4))
    ball(0, 20, 38, 44, 4)
    ball(0, -40, 35, 32, 10)
    darker = shade(colours.main, 0.9)
    for k, (distance, back) in enumerate(parts):
        rough = distance + fur * 0.9
        r.lay(rough, colours.main if k % 2 == 0 or k > 4 else darker, back + fur * 0.5, soft=1.6)
    for side in (-1, 1):
        r.lay(disc(r.x, r.y, side * 26, -66, 7) + fur, colours.second, soft=2)
        foot = np.hypot((r.x - side * 33) / 9.5, (r.y - 66) / 9) * 9 - 9
        r.lay(foot + fur * 0.6, colours.second, soft=2)
    muzzle = np.hypot(r.x / 15, (r.y + 31) / 12)
    r.lay(
        (muzzle - 1) * 12 + fur * 0.6,
        colours.second,
        40 + 7 * np.sqrt(np.clip(1 - muzzle**2, 0, 1)) + fur * 0.4,
        soft=2,
    )
    r.lay((np.hypot(r.x / 6, (r.y + 36) / 4.2) - 1) * 4, (52, 38, 34), 50, shine=0.7)
    for side in (-1, 1):
        eye = disc(r.x, r.y, side * 14, -46, 3.6)
        r.lay(eye, (30, 24, 22), 44 + dome(eye, 3.6), shine=1.0)
    ribbon = np.abs(r.y + 10 + 0.006 * r.x**2) - 4.5
    band = np.maximum(ribbon, np.abs(r.x) - 31)
    red = (196, 62, 58)
    r.lay(band, red, 32 + dome(band, 4.5))
    for side in (-1, 1):
        loop = np.hypot((r.x - side * 12) / 12, (r.y + 8 - side * 1.0) / 8)
        r.lay((loop - 1) * 8, red, 38 + 6 * np.sqrt(np.clip(1 - loop**2, 0, 1)))
    knot = disc(r.x, r.y, 0, -8, 5)
    r.lay(knot, shade(red, 0.8), 43 + dome(knot, 5))
    r.tint(1 + r.grain(1.3, 53) * 0.10)
    return r.lit(f"bear{colours}", gloss=6, occlusion=8)


def _tin(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-50, -50, 50, 50), resolution)
    side = disc(r.x, r.y, 0, 0, 45)
    r.lay(side, colours.second, 34 + dome(side, 5), shine=0.7)
    lid = disc(r.x, r.y, 0, 0, 40.5)
    angle = np.arctan2(r.y, r.x)
    brushed = 1 + 0.16 * np.cos(2 * angle - 1.7) + 0.05 * np.sin(np.hypot(r.x, r.y) * 4)
    r.lay(lid, colours.main, 40 + dome(lid, 2.4), shine=0.55)
    r.tint(1 + (brushed - 1) * r.cover(lid))
    r.height -= 2.2 * r.cover(np.abs(np.hypot(r.x, r.y) - 35.5) - 1.1, 0.8)
    r.lay(np.abs(np.hypot(r.x, r.y) - 31) - 0.7, colours.second, opacity=0.9)
    for k in range(3):
        a = -np.pi / 2 + (k - 1) * 0.62
        lx, ly = 9.5 * np.cos(a), -6 + 9.5 * np.sin(a)
        u = (r.x - lx) * np.cos(a) + (r.y - ly) * np.sin(a)
        v = -(r.x - lx) * np.sin(a) + (r.y - ly) * np.cos(a)
        leaf = np.maximum(np.hypot(u, v - 9) - 12.4, np.hypot(u, v + 9) - 12.4)
        r.lay(leaf, colours.second, opacity=0.95)
    imprint(r, "GREEN TEA", 0, 13, 8.6, colours.second, weight=0.5, spacing=0.1)
    imprint(r, "jeju  first flush", 0, 22, 5.4, colours.second, spacing=0.05)
    return r.lit(f"tin{colours}", gloss=36, occlusion=4)


def _soap(colours: Colours, resolution: float) -> Sprite:
    r = Relief((-58, -42, 58, 42), resolution)
    bar = slab(r.x, r.y, 0, 0, 52, 35, 7)
    swirl = np.sin(r.x / 9 + 2.4 * r.grain(26, 61) + r.y / 14)
    marbled = linear(colours.main) * (1 + 0.16 * swirl)[..., None]
    r.lay(bar, np.asarray(marbled, np.float32), 22 + dome(bar, 8), shine=0.22)
    fleck = r.cover(0.62 - r.grain(3, 62))
    r.blend(fleck * 0.55 * r.cover(bar), shade(colours.main, 0.5))
    band = np.maximum(np.abs(r.x) - 25, bar - 0.4)
    r.lay(band, (240, 232, 214), 24.5 + dome(bar, 8))
    r.lay(np.maximum(np.abs(np.abs(r.x) - 22) - 0.5, band), colours.second)
    imprint(r, "OLIVE", 0, -9, 11, shade(colours.second, 0.8), weight=0.4, spacing=0.08)
    imprint(r, "& bay leaf", 0, 4, 8, shade(colours.second, 0.8))
    imprint(r, "100 g", 0, 16, 5.6, (120, 112, 98), spacing=0.08)
    r.tint(1 + r.grain(1.2, 63) * 0.03)
    return r.lit(f"soap{colours}", gloss=16, occlusion=5)


def shade(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    """The colour darkened to `share`."""
    return (int(colour[0] * share), int(colour[1] * share), int(colour[2] * share))


_SHAPES: Mapping[Shape, Callable[[Colours, float], Sprite]] = {
    "mug": _mug,
    "shirt": _shirt,
    "book": _book,
    "candle": _candle,
    "bottle": _bottle,
    "bear": _bear,
    "tin": _tin,
    "soap": _soap,
}
_HEIGHTS: Mapping[Shape, float] = {
    "mug": 46,
    "shirt": 16,
    "book": 20,
    "candle": 42,
    "bottle": 28,
    "bear": 40,
    "tin": 38,
    "soap": 26,
}
_HALVES: Mapping[Shape, tuple[float, float]] = {
    "mug": (52, 42),
    "shirt": (58, 70),
    "book": (55, 76),
    "candle": (41, 41),
    "bottle": (28, 80),
    "bear": (50, 78),
    "tin": (45, 45),
    "soap": (52, 35),
}
