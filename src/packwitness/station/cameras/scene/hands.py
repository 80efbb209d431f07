"""The packer's gloved hands and sleeves from above: the backs of the hands, fingers pointing up."""

from functools import lru_cache
from typing import Literal

import cv2
import numpy as np

from packwitness.station.cameras.scene.relief import Field, Relief, Sprite, dome, linear, melt, rod

Pose = Literal["grip", "flat"]
Side = Literal["left", "right"]

Point = tuple[float, float]
# Right hand, origin where it holds things. Each finger: knuckle, middle joint, tip; from the index to the
# little one.
_FINGERS: dict[Pose, tuple[tuple[Point, Point, Point], ...]] = {
    "flat": (
        ((-31, 76), (-42, 38), (-49, 6)),
        ((-10, 68), (-14, 24), (-17, -12)),
        ((12, 71), (15, 30), (17, -3)),
        ((32, 82), (41, 52), (48, 26)),
    ),
    "grip": (
        ((-30, 66), (-33, 30), (-29, 3)),
        ((-10, 58), (-11, 18), (-9, -9)),
        ((11, 61), (12, 22), (11, -5)),
        ((30, 71), (33, 38), (30, 12)),
    ),
}
_THUMBS: dict[Pose, tuple[Point, Point, Point]] = {
    "flat": ((-30, 122), (-59, 94), (-74, 62)),
    "grip": ((-30, 112), (-56, 78), (-52, 40)),
}
_WRIST: dict[Pose, float] = {"flat": 156.0, "grip": 146.0}

KNIT = (206, 208, 204)
DIP = (58, 70, 78)
SLEEVE = (44, 58, 84)
STRIPE = (226, 130, 60)
HEIGHT_OF_HAND = 34.0


@lru_cache(maxsize=16)
def hand(pose: Pose, side: Side, resolution: float, forearm: float) -> Sprite:
    """`forearm` units of sleeve below the wrist."""
    if side == "left":
        right = hand(pose, "right", resolution, forearm)
        mirrored = np.ascontiguousarray(right.pixels[:, ::-1])
        origin = (right.pixels.shape[1] - right.origin[0], right.origin[1])
        return Sprite(f"hand/{pose}/left", mirrored, origin, resolution)
    wrist = _WRIST[pose]
    r = Relief((-100, -34, 72, wrist + forearm), resolution)
    _glove(r, pose, wrist)
    _sleeve(r, wrist)
    return r.lit(f"hand/{pose}/right", gloss=10, occlusion=9, relief=0.85)


def _sleeve(r: Relief, wrist: float) -> None:
    y = r.y - np.float32(wrist)
    lean = 4 * np.sin(y / 170)
    half = 34.5 + 15 * np.clip(y / 300, 0, 1) + 1.1 * np.sin(y / 23 + 0.6) * np.clip(y / 40, 0, 1)
    distance = np.maximum(np.abs(r.x - lean) - half, -y + 8)
    across = np.clip(1 - ((r.x - lean) / (half + 0.5)) ** 2, 0, 1)
    # Cloth bunches above the cuff: slanted folds that die away towards the elbow.
    drift = r.grain(70, 71)
    wave = np.sin((y + 0.45 * r.x + 26 * drift) / 10) * (0.25 + np.exp(-np.clip(y, 0, None) / 110))
    cross = np.sin((y - 0.7 * r.x + 30 * r.grain(90, 79)) / 21)
    folds = 3.0 * wave + 2.2 * cross + 3.0 * r.grain(40, 72, 1.6) + 0.9 * r.grain(14, 73)
    r.lay(distance, SLEEVE, 38 * np.sqrt(across) + folds * np.sqrt(across), soft=0.8)
    hem = np.maximum(np.abs(y - 15) - 10, np.abs(r.x - lean) - 36.5)
    ribs = 0.8 * np.sin(r.x * 1.5)
    r.lay(
        hem,
        (36, 48, 72),
        39 * np.sqrt(np.clip(1 - ((r.x - lean) / 37) ** 2, 0, 1)) + ribs + dome(hem, 4),
        soft=0.6,
    )
    weave = 1 + 0.10 * r.grain(1.2, 74) + 0.06 * r.grain(2.5, 75)
    r.tint(np.where(np.minimum(distance, hem) < 0, weave, np.float32(1)))


def _glove(r: Relief, pose: Pose, wrist: float) -> None:
    parts: list[tuple[Field, Field]] = []
    tips: list[Field] = []
    for finger, width in zip((*_FINGERS[pose], _THUMBS[pose]), (11.6, 12.2, 11.8, 10.4, 13.0), strict=True):
        (ax, ay), (bx, by), (cx, cy) = finger
        first = rod(r.x, r.y, ax, ay, bx, by, width + 1.2, width)
        last = rod(r.x, r.y, bx, by, cx, cy, width, width - 2.2)
        distance = melt(first[0], last[0], 6)
        # Curled fingers go down towards the tip.
        along = np.hypot(r.x - ax, r.y - ay) / 70
        back = np.maximum(first[1], last[1]) * 1.05 + 14 - 9 * along**2 * (1.0 if pose == "grip" else 0.6)
        parts.append((distance, back))
        length = np.hypot(cx - bx, cy - by)
        tips.append(((r.x - bx) * (cx - bx) + (r.y - by) * (cy - by)) / np.float32(length) + 3)
    palm = melt(
        rod(r.x, r.y, -19, wrist - 74, -13, wrist - 20, 25, 22)[0],
        rod(r.x, r.y, 17, wrist - 70, 11, wrist - 20, 25, 21)[0],
        12,
    )
    palm = melt(palm, rod(r.x, r.y, 0, wrist - 30, 0, wrist + 8, 27, 27)[0], 14)
    inside = np.clip(-palm, 0, 26)
    parts.append((palm, 8 + np.sqrt(np.clip(2 * 26 * inside - inside**2, 0, None)) * 0.95))
    whole = parts[-1][0]
    height = np.where(parts[-1][0] < 0, parts[-1][1], 0)
    for distance, back in parts[:-1]:
        whole = melt(whole, distance, 7)
        height = np.maximum(height, np.where(distance < 0, back, 0))
    # Where fingers run into the hand the cloth bridges the gap.
    bridged = cv2.GaussianBlur(height.astype(np.float32), (0, 0), 2.6 * r.resolution)
    height = np.maximum(height, bridged * 0.97) * 0.55 + bridged * 0.45
    rim = np.clip(-whole / 9, 0, 1)
    height = np.asarray(height * (0.35 + 0.65 * np.sqrt(rim)), np.float32)
    for (kx, ky), *_ in _FINGERS[pose]:
        bump = np.exp(-((r.x - kx) ** 2 + (r.y - ky - 9) ** 2) / 90)
        height += 4.5 * bump.astype(np.float32)
    stitch = np.sin(r.x * 2.1) * np.sin(r.y * 1.25 + 1.2 * np.sin(r.x * 1.05))
    height += 0.28 * stitch + 0.9 * r.grain(9, 76)
    knit = linear(KNIT) * (1 + 0.035 * stitch + 0.05 * r.grain(1.5, 77))[..., None]
    r.lay(np.asarray(whole, np.float32), np.asarray(knit, np.float32), height, soft=0.5)
    for (distance, _), along in zip(parts[:-1], tips, strict=True):
        dipped = np.maximum(distance + 0.0, -(along + 1.6 * r.grain(7, 78)))
        r.lay(np.asarray(dipped, np.float32), DIP, opacity=0.96, shine=0.22, soft=0.8)
    _cuff(r, wrist)


def _cuff(r: Relief, wrist: float) -> None:
    y = r.y - np.float32(wrist)
    half = 30 - 0.012 * (y + 16) ** 2 * 0.2
    band = np.maximum(np.abs(y + 6) - 15, np.abs(r.x) - half)
    across = np.clip(1 - (r.x / (half + 0.6)) ** 2, 0, 1)
    ribs = np.sin(r.x * 1.25)
    r.lay(band, KNIT, 33 * np.sqrt(across) + 0.9 * ribs, soft=0.6)
    r.lay(np.maximum(np.abs(y - 4.5) - 3.2, band), STRIPE)
    r.tint(1 - 0.07 * (ribs < -0.2) * r.cover(band))
