"""What belongs to the bench: paper roll, tape, cutter, cards, plant; the tote and its roller lane."""

from functools import lru_cache

import numpy as np

from packwitness.station.cameras.scene.lens import Lens
from packwitness.station.cameras.scene.products import imprint, shade
from packwitness.station.cameras.scene.relief import Relief, Sprite, disc, dome, linear, rod, shadow, slab
from packwitness.station.cameras.scene.stage import Layer, place

ROLL = (486.0, 50.0)
TAPE_REST = (752.0, 84.0)
TOTE_HALF = (92.0, 178.0)
LANE_EDGE = 188.0
STEEL = (160, 166, 172)


def lying(lens: Lens) -> list[Layer]:
    """Everything that never moves, from the table upwards."""
    layers = []
    for draw, extent, reach, x, y, turn in (
        (lane, 190.0, 10.0, 0.0, 360.0, 0.0),
        (paper_roll, 200.0, 34.0, *ROLL, 0.0),
        (cards, 60.0, 9.0, 892.0, 92.0, 7.0),
        (cutter, 80.0, 8.0, 1046.0, 128.0, -14.0),
        (plant, 90.0, 46.0, 1178.0, 96.0, 0.0),
    ):
        if lens.shows(x, y, extent):
            sprite = draw(lens.scale)
            parts = (shadow(sprite, reach=reach), sprite)
            layers += [place(part, lens, x, y, turn=turn) for part in parts]
    return [layer for layer in layers if layer is not None]


@lru_cache(maxsize=4)
def lane(resolution: float) -> Sprite:
    """Steel rollers along the left edge of the bench."""
    r = Relief((-20, -390, LANE_EDGE + 4, 390), resolution)
    bed = slab(r.x, r.y, 78, 0, 98, 420, 0)
    r.lay(bed, (58, 62, 68), 0)
    pitch = 34.0
    v = (r.y + 12) % pitch - pitch / 2
    roller = np.maximum(np.abs(v) - 13.5, r.x - 170)
    across = np.clip(1 - (v / 14) ** 2, 0, 1)
    brushed = linear(STEEL) * (1 + 0.05 * r.grain(1.2, 101, 12))[..., None]
    r.lay(roller, np.asarray(brushed, np.float32), 11 * np.sqrt(across), shine=0.25)
    r.tint(1 - 0.35 * np.exp(-(((r.x - 168) / 5) ** 2)) * r.cover(roller))
    rail = slab(r.x, r.y, 179, 0, 9, 420, 2)
    r.lay(rail, (206, 210, 214), 17 + dome(rail, 2.5), shine=0.35)
    r.lay(np.abs(r.x - 179) - 1.2, (150, 156, 162))
    bolt = np.hypot(r.x - 179, (r.y + 12) % (pitch * 4) - pitch * 2) - 3.4
    r.lay(bolt, (120, 126, 132), 19 + dome(bolt, 2), shine=0.5)
    return r.lit("lane", gloss=18, occlusion=6)


@lru_cache(maxsize=4)
def tote(resolution: float) -> Sprite:
    """An open plastic tote; its floor is where picked goods lie."""
    w, h = TOTE_HALF
    r = Relief((-w - 4, -h - 4, w + 4, h + 4), resolution)
    blue = (52, 84, 120)
    rim = slab(r.x, r.y, 0, 0, w, h, 14)
    r.lay(rim, blue, 60 + dome(rim, 4), shine=0.25)
    wall = slab(r.x, r.y, 0, 0, w - 9, h - 9, 9)
    sunk = np.clip(-wall / 9, 0, 1)
    r.lay(wall, shade(blue, 0.85), 58 - 50 * sunk, soft=0.6)
    floor = slab(r.x, r.y, 0, 0, w - 18, h - 18, 6)
    r.lay(floor, shade(blue, 0.74), 8, soft=0.6)
    grid = np.minimum(np.abs((r.x + 200) % 22 - 11), np.abs((r.y + 200) % 22 - 11)) - 0.9
    r.lay(np.maximum(grid, floor + 3), shade(blue, 0.9), 9.5, opacity=0.6)
    # The walls by the lamp keep it off the floor.
    dark = np.maximum(np.exp(-(r.x + w - 9) / 22), np.exp(-(r.y + h - 9) / 26))
    r.tint(1 - 0.5 * np.clip(dark, 0, 1) * r.cover(wall))
    for side in (-1, 1):
        grip = slab(r.x, r.y, 0, side * (h - 4.5), 32, 3.0, 3)
        r.lay(grip, (30, 48, 70), opacity=0.75)
    imprint(r, "17", 0, h - 32, 15, (222, 228, 234), weight=0.4)
    r.tint(1 + 0.03 * r.grain(1.5, 103))
    return r.lit("tote", gloss=14, occlusion=5)


@lru_cache(maxsize=4)
def paper_roll(resolution: float) -> Sprite:
    """A roll of kraft paper on its axle, its loose end towards the packer."""
    r = Relief((-196, -44, 196, 62), resolution)
    torn = 46 + 1.4 * np.sin(r.x / 6.5) + 2 * np.sin(r.x / 41)
    sheet = np.maximum(np.abs(r.x) - 150, np.maximum(-r.y, r.y - torn))
    kraft = linear((206, 168, 118)) * (1 + 0.05 * r.grain(1.4, 105, 4) + 0.03 * r.grain(30, 106))[..., None]
    light = np.asarray(kraft, np.float32)
    r.lay(sheet, light, 7 + 4 * np.cos(r.y / 15) + 1.2 * r.grain(40, 107))
    axle, back = rod(r.x, r.y, -190, 0, 190, 0, 6, 6)
    r.lay(axle, STEEL, back + 8, shine=0.8)
    body = slab(r.x, r.y, 0, 0, 156, 35, 2)
    r.lay(body, light, 12 + 35 * np.sqrt(np.clip(1 - (r.y / 35.5) ** 2, 0, 1)))
    for side in (-1, 1):
        end = np.maximum(body, 151 - side * r.x)
        r.lay(end, shade((206, 168, 118), 0.78))
    for side in (-1, 1):
        cap = slab(r.x, r.y, side * 174, 0, 9, 16, 3)
        r.lay(cap, (58, 64, 70), 22 + dome(cap, 3), shine=0.3)
    return r.lit("paper-roll", gloss=16, occlusion=7)


@lru_cache(maxsize=4)
def tape_gun(resolution: float) -> Sprite:
    """A tape dispenser, its roll to the left, the handle towards the packer."""
    r = Relief((-52, -44, 62, 112), resolution)
    frame = slab(r.x, r.y, 4, 0, 44, 22, 8)
    r.lay(frame, (44, 48, 54), 16 + dome(frame, 4), shine=0.3)
    handle, back = rod(r.x, r.y, 16, 10, 34, 92, 14, 13)
    r.lay(handle, (222, 120, 56), 18 + back, shine=0.3)
    for k in range(5):
        groove = np.abs((r.y - 36 - k * 11) + (r.x - 22) * 0.2) - 1.2
        r.height -= 1.6 * r.cover(groove, 1) * r.cover(handle + 3)
    roll = slab(r.x, r.y, -8, 0, 34, 25, 3)
    wound = np.sqrt(np.clip(1 - (r.x + 8) ** 2 / 35**2, 0, 1))
    r.lay(roll, (236, 230, 218), 22 + 26 * wound, shine=0.25)
    r.tint(1 - 0.06 * (np.sin(r.x * 1.4) > 0.6) * r.cover(roll))
    cheek = slab(r.x, r.y, -8, 26, 24, 3.2, 2)
    r.lay(cheek, (44, 48, 54), 40, shine=0.3)
    blade = slab(r.x, r.y, 50, 0, 5, 24, 1)
    r.lay(blade, STEEL, 20 + dome(blade, 2), shine=0.9)
    imprint(r, "packwitness", -8, -6, 8.5, (24, 104, 100), weight=0.4)
    return r.lit("tape-gun", gloss=18, occlusion=6)


@lru_cache(maxsize=4)
def cutter(resolution: float) -> Sprite:
    r = Relief((-74, -14, 74, 14), resolution)
    body, back = rod(r.x, r.y, -58, 0, 30, 0, 10.5, 8.5)
    r.lay(body, (226, 120, 52), 4 + back * 0.8, shine=0.35)
    blade = np.maximum(np.abs(r.y) - 4.4, np.maximum(30 - r.x, r.x - 62 + (r.y + 4.4) * 1.4))
    r.lay(blade, (206, 210, 214), 5, shine=0.4)
    r.lay(np.maximum(np.abs((r.x + r.y * 0.5) % 9 - 4.5) - 0.4, blade), (150, 154, 160))
    slide = slab(r.x, r.y, -4, 0, 13, 4.6, 2)
    r.lay(slide, (40, 44, 50), 14 + dome(slide, 2), shine=0.3)
    return r.lit("cutter", gloss=22, occlusion=4)


@lru_cache(maxsize=4)
def cards(resolution: float) -> Sprite:
    """A stack of thank-you cards."""
    r = Relief((-48, -36, 50, 38), resolution)
    for k in range(3):
        sheet = slab(r.x, r.y, (k % 2) * 1.6 - 0.6, 1.6 - k, 42, 29, 1.5)
        r.lay(sheet, (238, 234, 224), 3.0 + 2.2 * k + dome(sheet, 0.8))
    top = slab(r.x, r.y, 1.0, -0.4, 37, 24, 0)
    r.lay(np.abs(top) - 0.45, (24, 104, 100), opacity=0.8)
    imprint(r, "thank you", 1, -5, 14, (24, 104, 100), weight=0.3)
    imprint(r, "packed on film, just for you", 1, 10, 5.0, (92, 98, 98))
    return r.lit("cards", gloss=10, occlusion=4)


@lru_cache(maxsize=4)
def plant(resolution: float) -> Sprite:
    """A succulent in a clay pot."""
    r = Relief((-64, -64, 64, 64), resolution)
    pot = disc(r.x, r.y, 0, 0, 52)
    r.lay(pot, (196, 108, 74), 34 + dome(pot, 5), shine=0.06)
    soil = disc(r.x, r.y, 0, 0, 45)
    r.lay(soil, (66, 50, 40), 27 + 2 * r.grain(2.4, 111) + 1.5 * r.grain(5, 112), soft=1)
    r.tint(1 - 0.4 * r.cover(soil) * np.clip((disc(r.x, r.y, 10, 12, 42) + 6) / 12, 0, 1))
    rosette = (
        (9, 50, 15.0),
        (8, 40, 13.5),
        (7, 29, 11.5),
        (5, 18, 9.0),
        (3, 9, 6.0),
    )  # leaves, length, width
    for ring, (count, reach, wide) in enumerate(rosette):
        for k in range(count):
            angle = 2 * np.pi * (k + 0.5 * ring) / count + 0.37 * ring
            ux = r.x * np.cos(angle) + r.y * np.sin(angle)
            uy = -r.x * np.sin(angle) + r.y * np.cos(angle)
            along = np.clip(ux / reach, 0, 1)
            profile = wide * np.sqrt(np.clip(along * 1.15, 0, 1)) * np.clip((1 - along) * 3.2, 0, 1) ** 0.55
            leaf = np.maximum(np.abs(uy) - profile, np.maximum(-ux, ux - reach))
            lift = 36 + ring * 5 + 9 * np.sqrt(np.clip(1 - (uy / (profile + 0.5)) ** 2, 0, 1)) + 7 * along
            tip = linear((178, 92, 96)) * (along**5 * 0.7)[..., None]
            green = linear((104, 150, 118)) * (0.80 + 0.07 * ring) + tip
            r.lay(leaf, np.asarray(green, np.float32), lift.astype(np.float32), shine=0.10, soft=0.6)
    return r.lit("plant", gloss=14, occlusion=7)


@lru_cache(maxsize=4)
def crumpled(resolution: float, seed: int = 5) -> Sprite:
    """A sheet of kraft paper crumpled to fill the room above the goods."""
    r = Relief((-160, -112, 160, 112), resolution)
    rng = np.random.default_rng(seed)
    height = np.zeros(r.shape, np.float32)
    for k in range(22):
        angle, period = rng.uniform(0, np.pi), rng.uniform(16, 70)
        along = r.x * np.cos(angle) + r.y * np.sin(angle) + 14 * r.grain(70, 120 + k % 6)
        fold = np.abs((along / period + rng.uniform()) % 1 - 0.5) * 2
        height += (fold * period * 0.07).astype(np.float32)
    ragged = 9 * r.grain(34, 131) + 4 * r.grain(12, 132)
    outline = slab(r.x, r.y, 0, 0, 146, 98, 40) + ragged
    swell = 26 * np.sqrt(np.clip(np.minimum(-outline / 70, 1), 0, 1))
    kraft = linear((212, 176, 128)) * (1 + 0.05 * r.grain(1.4, 133, 3))[..., None]
    r.lay(outline, np.asarray(kraft, np.float32), height + swell)
    return r.lit("crumpled", gloss=10, occlusion=9, relief=0.8)
