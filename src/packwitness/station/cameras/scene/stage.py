"""Puts cut-outs on the bench and repaints only what changed since the frame before."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from packwitness.station.cameras.scene.lens import HEIGHT, WIDTH, Lens
from packwitness.station.cameras.scene.relief import Pixels, Sprite

Patch = tuple[Pixels | None, Pixels]
Rect = tuple[int, int, int, int]  # left, top, right, bottom
PATCH_BYTES = 96 * 1024 * 1024  # patches that stand still are drawn once and kept


@dataclass(frozen=True)
class Layer:
    """Something to paint. Equal `key`s look the same, so nothing between two frames needs painting again."""

    key: Hashable
    rect: Rect
    draw: Callable[[], Pixels] = field(compare=False)


def place(
    sprite: Sprite,
    lens: Lens,
    x: float,
    y: float,
    z: float = 0.0,
    *,
    turn: float = 0.0,
    smear: tuple[float, float] = (0.0, 0.0),
    opacity: float = 1.0,
    grow: float = 1.0,
) -> Layer | None:
    """`sprite` with its origin over (x, y, z), turned by `turn` degrees (clockwise on screen).

    `smear` is the way in units that it moves while the shutter is open. None when it is out of the picture.
    """
    scale = lens.zoom(z) * grow / sprite.resolution
    px, py = lens.pixel(x, y, z)
    angle = np.deg2rad(turn)
    cos, sin = float(np.cos(angle)) * scale, float(np.sin(angle)) * scale
    ox, oy = sprite.origin
    move = np.array([[cos, -sin, px - cos * ox + sin * oy], [sin, cos, py - sin * ox - cos * oy]], np.float64)
    rows, columns = sprite.pixels.shape[:2]
    corners = move @ np.array([[0, columns, 0, columns], [0, 0, rows, rows], [1, 1, 1, 1]], np.float64)
    sx, sy = smear[0] * lens.scale, smear[1] * lens.scale
    left, top = np.floor(corners.min(axis=1) - 1 - np.array([max(sx, 0), max(sy, 0)])).astype(int)
    right, bottom = np.ceil(corners.max(axis=1) + 2 + np.array([max(-sx, 0), max(-sy, 0)])).astype(int)
    rect = (max(int(left), 0), max(int(top), 0), min(int(right), WIDTH), min(int(bottom), HEIGHT))
    if rect[0] >= rect[2] or rect[1] >= rect[3] or opacity <= 0:
        return None

    def draw() -> Pixels:
        local = move.copy()
        local[:, 2] += 0.5 * (local[0, 0] + local[0, 1] - 1), 0.5 * (local[1, 0] + local[1, 1] - 1)
        local[:, 2] -= rect[:2]
        size = (rect[2] - rect[0], rect[3] - rect[1])
        if np.hypot(sx, sy) < 1.5:
            patch = np.asarray(cv2.warpAffine(sprite.pixels, local, size, flags=cv2.INTER_LINEAR), np.uint8)
        else:
            patch = _smeared(sprite.pixels, local, size, (sx, sy))
        return patch if opacity >= 1 else np.asarray(cv2.convertScaleAbs(patch, alpha=opacity), np.uint8)

    key = (
        sprite.name,
        round(px, 2),
        round(py, 2),
        round(scale, 4),
        round(turn, 2),
        round(sx),
        round(sy),
        opacity,
        rect,
    )
    return Layer(key, rect, draw)


def _smeared(
    pixels: Pixels, move: npt.NDArray[np.float64], size: tuple[int, int], way: tuple[float, float]
) -> Pixels:
    """The cut-out as an open shutter sees it. What is blurred far is drawn small first: nobody can tell."""
    length = float(np.hypot(*way))
    small = 1 if length < 5 else 2 if length < 14 else 3 if length < 28 else 4
    inner = (-(-size[0] // small), -(-size[1] // small))
    steps = max(3, min(16, int(length / small / 1.2)))
    total = np.zeros((inner[1], inner[0], *pixels.shape[2:]), np.uint16)
    for step in range(steps):
        shifted = move.copy()
        shifted[:, 2] -= np.array(way) * (step / (steps - 1))
        shifted[:, 2] -= (small - 1) / 2
        shifted /= small
        cv2.add(
            total,
            np.asarray(cv2.warpAffine(pixels, shifted, inner, flags=cv2.INTER_LINEAR)),
            dst=total,
            dtype=cv2.CV_16U,
        )
    mean = cv2.convertScaleAbs(total, alpha=1 / steps)
    if small == 1:
        return np.asarray(mean)
    grown = cv2.resize(mean, (inner[0] * small, inner[1] * small), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(grown[: size[1], : size[0]])


def over(canvas: Pixels, patch: Pixels) -> None:
    """Paint a `patch` over a `canvas` (BGR, or BGRA premultiplied) of its size, in place.

    A patch is premultiplied BGRA, or one channel: shadow, which only takes light away (from BGR).
    """
    if canvas.shape[2] == 3 or patch.ndim == 2:
        _paint(canvas, *_split(patch))
        return
    cv2.multiply(canvas, cv2.merge([cv2.bitwise_not(patch[..., 3])] * 4), dst=canvas, scale=1 / 255)
    cv2.add(canvas, patch, dst=canvas)


def _split(patch: Pixels) -> Patch:
    """(colour, what shines through), three channels each: the form in which painting is quickest."""
    if patch.ndim == 2:
        return None, np.asarray(cv2.cvtColor(cv2.bitwise_not(patch), cv2.COLOR_GRAY2BGR))
    through = cv2.bitwise_not(cv2.extractChannel(patch, 3))
    return np.asarray(cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR)), np.asarray(
        cv2.cvtColor(through, cv2.COLOR_GRAY2BGR)
    )


def _paint(canvas: Pixels, colour: Pixels | None, through: Pixels) -> None:
    cv2.multiply(canvas, through, dst=canvas, scale=1 / 255)
    if colour is not None:
        cv2.add(canvas, colour, dst=canvas)


class Stage:
    """The picture of one view, from frame to frame."""

    def __init__(self, background: Pixels) -> None:
        self._background = background
        self._canvas = background.copy()
        self._shown: dict[Hashable, Rect] = {}
        self._patches: OrderedDict[Hashable, Patch] = OrderedDict()
        self._bytes = 0

    def show(self, layers: Sequence[Layer]) -> Pixels:
        """The frame with `layers` painted in order. The array is reused by the next call."""
        now = {layer.key: layer.rect for layer in layers}
        changed = [rect for key, rect in self._shown.items() if key not in now]
        changed += [rect for key, rect in now.items() if key not in self._shown]
        for rect in _joined(changed):
            self._repaint(rect, layers)
        self._shown = now
        return self._canvas

    def _repaint(self, rect: Rect, layers: Sequence[Layer]) -> None:
        left, top, right, bottom = rect
        target = self._canvas[top:bottom, left:right]
        np.copyto(target, self._background[top:bottom, left:right])
        for layer in layers:
            x, y, far_x, far_y = layer.rect
            x0, y0, x1, y1 = max(x, left), max(y, top), min(far_x, right), min(far_y, bottom)
            if x0 < x1 and y0 < y1:
                colour, through = self._patch(layer)
                spot = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
                _paint(self._canvas[y0:y1, x0:x1], None if colour is None else colour[spot], through[spot])

    def _patch(self, layer: Layer) -> Patch:
        known = self._patches.get(layer.key)
        if known is not None:
            self._patches.move_to_end(layer.key)
            return known
        patch = self._patches[layer.key] = _split(layer.draw())
        self._bytes += 2 * patch[1].nbytes
        while self._bytes > PATCH_BYTES:
            self._bytes -= 2 * self._patches.popitem(last=False)[1][1].nbytes
        return patch


def _joined(rects: list[Rect]) -> list[Rect]:
    """Rectangles that overlap become one, so that no pixel is painted twice."""
    joined: list[Rect] = []
    for rect in rects:
        current = rect
        while True:
            touching = [
                r
                for r in joined
                if r[0] < current[2] and current[0] < r[2] and r[1] < current[3] and current[1] < r[3]
            ]
            if not touching:
                break
            joined = [r for r in joined if r not in touching]
            boxes = [current, *touching]
            current = (
                min(b[0] for b in boxes),
                min(b[1] for b in boxes),
                max(b[2] for b in boxes),
                max(b[3] for b in boxes),
            )
        joined.append(current)
    return joined
