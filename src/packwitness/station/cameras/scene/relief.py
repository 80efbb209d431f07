"""Shapes with volume: distance fields become heights, heights become light and shade.

A `Relief` is a small picture under construction: colour, height, coverage and shine for each pixel. Shapes
are laid on one after the other; `lit` then shades the whole under the bench's one lamp (upper left) and gives
a `Sprite`. Distances are signed: negative inside. All lengths are bench units; only `lit` knows pixels.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.floating[Any]]  # 32 bits wherever it is large
Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]  # red, green, blue as in a style sheet

LAMP = np.array([-0.42, -0.55, 0.95], np.float32) / np.float32(np.sqrt(0.42**2 + 0.55**2 + 0.95**2))
AMBIENT = 0.40


@dataclass(frozen=True, eq=False)
class Sprite:
    """A cut-out: premultiplied BGRA, or the one channel of a shadow; `origin` is the pixel that stands for
    the sprite's own (0, 0).
    """

    name: str
    pixels: Pixels
    origin: tuple[float, float]
    resolution: float


def linear(colour: Colour) -> npt.NDArray[np.float32]:
    """Light of a screen colour as BGR. Squares stand in for the sRGB curve: near enough, and quick."""
    return np.square(np.array(colour[::-1], np.float32) / np.float32(255))


def noise(shape: tuple[int, int], cell: float, seed: int, stretch: float = 1.0) -> Field:
    """Smooth random field in about -1..1 with blobs of `cell` pixels, `stretch` times longer across."""
    rows, columns = int(shape[0] / cell) + 3, int(shape[1] / (cell * stretch)) + 3
    lattice = np.random.default_rng(seed).uniform(-1, 1, (rows, columns)).astype(np.float32)
    move = np.array([[cell * stretch, 0, -cell * stretch], [0, cell, -cell]], np.float32)
    grown = cv2.warpAffine(
        lattice, move, (shape[1], shape[0]), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(grown, np.float32)


class Relief:
    """`box` is (left, top, right, bottom) in the sprite's own units; `resolution` pixels a unit."""

    def __init__(self, box: tuple[float, float, float, float], resolution: float) -> None:
        self.resolution = resolution
        self.box = box
        columns = int(np.ceil((box[2] - box[0]) * resolution))
        rows = int(np.ceil((box[3] - box[1]) * resolution))
        self.shape = (rows, columns)
        x = (np.arange(columns, dtype=np.float32) + 0.5) / resolution + np.float32(box[0])
        y = (np.arange(rows, dtype=np.float32) + 0.5) / resolution + np.float32(box[1])
        self.x, self.y = np.meshgrid(x, y)
        self.colour = np.zeros((rows, columns, 3), np.float32)
        self.height = np.zeros(self.shape, np.float32)
        self.alpha = np.zeros(self.shape, np.float32)
        self.shine = np.zeros(self.shape, np.float32)

    def cover(self, distance: Field, soft: float = 0.0) -> Field:
        """How much of each pixel lies inside; `soft` widens the edge (units)."""
        covered: Field = np.clip(0.5 - distance * (self.resolution / (1 + soft * self.resolution)), 0, 1)
        return covered

    def grain(self, cell: float, seed: int, stretch: float = 1.0) -> Field:
        return noise(self.shape, max(cell * self.resolution, 1.0), seed, stretch)

    def lay(
        self,
        distance: Field,
        colour: Colour | Field,
        height: Field | float | None = None,
        *,
        shine: float = 0.0,
        soft: float = 0.0,
        opacity: float = 1.0,
    ) -> None:
        """Cover what lies inside `distance`. Without a `height` it is paint: the surface below keeps its
        form.
        """
        self.blend(self.cover(distance, soft) * np.float32(opacity), colour, height, shine)

    def blend(
        self, cover: Field, colour: Colour | Field, height: Field | float | None = None, shine: float = 0.0
    ) -> None:
        light = linear(colour) if isinstance(colour, tuple) else colour
        self.colour += (light - self.colour) * cover[..., None]
        if height is not None:
            self.height += (np.float32(1) * height - self.height) * cover
            self.alpha = np.maximum(self.alpha, cover)
        self.shine += (np.float32(shine) - self.shine) * cover

    def tint(self, factor: Field) -> None:
        """Multiply the colour, pixel by pixel: cloth, wear, print."""
        self.colour *= factor[..., None]

    def lit(self, name: str, *, gloss: float = 24.0, occlusion: float = 6.0, relief: float = 1.0) -> Sprite:
        """Shade. `occlusion` is the reach in units of the dimness in hollows, `relief` exaggerates slopes."""
        slope_x = cv2.Sobel(self.height, cv2.CV_32F, 1, 0, ksize=3, scale=0.125 * self.resolution * relief)
        slope_y = cv2.Sobel(self.height, cv2.CV_32F, 0, 1, ksize=3, scale=0.125 * self.resolution * relief)
        length = np.sqrt(slope_x * slope_x + slope_y * slope_y + 1)
        facing = (LAMP[2] - slope_x * LAMP[0] - slope_y * LAMP[1]) / length
        diffuse = np.clip(facing, 0, None)
        radius = max(occlusion * self.resolution, 1.0)
        around = cv2.GaussianBlur(self.height, (0, 0), radius / 2, borderType=cv2.BORDER_REPLICATE)
        hollow = np.clip((around - self.height) / max(occlusion, 1e-3), 0, 1)
        light = AMBIENT * (0.72 + 0.28 / length) + (1.02 - AMBIENT) / LAMP[2] * diffuse
        light *= 1 - 0.55 * hollow
        half = LAMP + np.array([0, 0, 1], np.float32)
        half = half / np.float32(np.linalg.norm(half))
        glint = (
            np.clip((half[2] - slope_x * half[0] - slope_y * half[1]) / length, 0, 1) ** gloss * self.shine
        )
        colour = self.colour * light[..., None] + glint[..., None]
        seen = np.sqrt(np.clip(colour, 0, 1)) * self.alpha[..., None]
        pixels = np.empty((*self.shape, 4), np.uint8)
        pixels[..., :3] = seen * 255 + 0.5
        pixels[..., 3] = self.alpha * 255 + 0.5
        origin = (-self.box[0] * self.resolution, -self.box[1] * self.resolution)
        return Sprite(name, pixels, origin, self.resolution)


def shadow(sprite: Sprite, *, reach: float, strength: float = 0.42, softness: float = 0.6) -> Sprite:
    """The shadow a thing casts whose top is `reach` units above what it falls on, plus the dark where it
    touches.
    """
    # Soft edges bear a coarse drawing; a label's own thin shadow does not.
    small = 2 if reach * sprite.resolution > 8 else 1
    unit = sprite.resolution / small
    alpha = np.ascontiguousarray(sprite.pixels[..., 3])
    if small > 1:
        alpha = np.asarray(cv2.resize(alpha, None, fx=1 / small, fy=1 / small, interpolation=cv2.INTER_AREA))
    margin = int(np.ceil(reach * (0.6 + softness * 1.6) * unit)) + 3
    mask = cv2.copyMakeBorder(alpha, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    blur = max(reach * softness * unit * 0.5, 0.6)
    move = np.array([[1, 0, 0.34 * reach * unit], [0, 1, 0.44 * reach * unit]], np.float32)
    size = (mask.shape[1], mask.shape[0])
    wide = cv2.GaussianBlur(cv2.warpAffine(mask, move, size), (0, 0), blur)
    move[:, 2] *= 0.35
    near = cv2.GaussianBlur(cv2.warpAffine(mask, move, size), (0, 0), max(blur * 0.35, 0.5))
    dark = 1 - (1 - wide / np.float32(255) * strength) * (1 - near / np.float32(255) * strength * 0.55)
    pixels = np.asarray(dark * 255 + 0.5, np.uint8)
    origin = (sprite.origin[0] / small + margin, sprite.origin[1] / small + margin)
    return Sprite(f"{sprite.name}/shadow{reach:g}", pixels, origin, unit)


def disc(x: Field, y: Field, cx: float, cy: float, radius: float) -> Field:
    distance: Field = np.hypot(x - np.float32(cx), y - np.float32(cy)) - np.float32(radius)
    return distance


def slab(
    x: Field, y: Field, cx: float, cy: float, half_w: float, half_h: float, corner: float = 0.0
) -> Field:
    """A rectangle with rounded corners."""
    dx = np.abs(x - np.float32(cx)) - np.float32(half_w - corner)
    dy = np.abs(y - np.float32(cy)) - np.float32(half_h - corner)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0) - np.float32(corner)


def rod(
    x: Field, y: Field, ax: float, ay: float, bx: float, by: float, ra: float, rb: float
) -> tuple[Field, Field]:
    """A tapering rod with round ends: (distance, height of its round back)."""
    ex, ey = bx - ax, by - ay
    along = np.clip(
        ((x - np.float32(ax)) * ex + (y - np.float32(ay)) * ey) / np.float32(ex * ex + ey * ey), 0, 1
    )
    away = np.hypot(x - ax - along * np.float32(ex), y - ay - along * np.float32(ey))
    radius = np.float32(ra) + along * np.float32(rb - ra)
    return away - radius, np.sqrt(np.clip(radius * radius - away * away, 0, None))


def dome(distance: Field, radius: float) -> Field:
    """Height of an edge rounded over `radius`, flat further inside."""
    depth = np.clip(-distance, 0, radius)
    rounded: Field = np.sqrt(np.clip(2 * radius * depth - depth * depth, 0, None))
    return rounded


def melt(a: Field, b: Field, width: float) -> Field:
    """Smooth minimum of two distances: the shapes flow into each other over `width`."""
    blend = np.clip(0.5 + 0.5 * (b - a) / np.float32(width), 0, 1)
    return b + (a - b) * blend - np.float32(width) * blend * (1 - blend)
