"""The cardboard box: walls, flaps that turn on their hinges, tape; flat faces in real perspective."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from packwitness.station.cameras.scene.lens import HEIGHT, WIDTH, Lens
from packwitness.station.cameras.scene.lettering import letters
from packwitness.station.cameras.scene.relief import LAMP, Colour, Field, Pixels, linear, noise
from packwitness.station.cameras.scene.stage import Layer, over

HALF_W, HALF_D, TALL = 172.0, 124.0, 120.0
FLAP = 123.0  # a little less than half the depth: the long flaps all but meet
KRAFT: Colour = (201, 160, 112)
INNER: Colour = (190, 148, 102)
WALL_ROWS = 24  # walls are seen nearly edge on: a finer texture would only sparkle
OPEN = -24.0  # degrees of an open flap: it hangs a little below the rim

Corner = tuple[float, float, float]


@dataclass(frozen=True)
class Carton:
    """One moment of the box: where its middle stands, how high it is lifted, how far its flaps are.

    Flaps in degrees: `OPEN` hangs outside, 90 stands up, 180 is shut. `tape`: the part of the seam, 0..1.
    """

    x: float
    y: float
    lift: float = 0.0
    short_flaps: float = OPEN
    long_flaps: float = OPEN
    tape: float = 0.0


def shadow(carton: Carton, lens: Lens) -> Layer | None:
    """What the box and its flaps keep from the lamp, on the table."""
    rim = carton.lift + TALL
    hulls = [[(sx * HALF_W, sy * HALF_D, h) for h in (carton.lift, rim) for sx in (-1, 1) for sy in (-1, 1)]]
    hulls += [_flap(carton, k) for k in range(4)]
    outlines = []
    for hull in hulls:
        points = [
            lens.pixel(
                carton.x + px - LAMP[0] / LAMP[2] * pz * 0.8, carton.y + py - LAMP[1] / LAMP[2] * pz * 0.8
            )
            for px, py, pz in hull
        ]
        outlines.append(np.asarray(cv2.convexHull(np.array(points, np.float32)), np.float32))
    everything = np.concatenate(outlines)
    blur = (7.0 + carton.lift * 0.16) * lens.scale
    rect = _rect(everything.reshape(-1, 2), margin=blur * 2.6)
    if rect is None:
        return None

    def draw() -> Pixels:
        # As soft as this is, a coarse drawing looks the same.
        small = 4
        size = (-(-(rect[3] - rect[1]) // small), -(-(rect[2] - rect[0]) // small))
        margin = int(blur * 2 / small)
        mask = np.zeros((size[0] + 2 * margin, size[1] + 2 * margin), np.uint8)
        for outline in outlines:
            local = (outline - np.array(rect[:2], np.float32)) / small + margin
            cv2.fillConvexPoly(mask, np.round(local * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
        soft = cv2.GaussianBlur(mask, (0, 0), blur / small)[
            margin : margin + size[0], margin : margin + size[1]
        ]
        grown = cv2.resize(soft, (size[1] * small, size[0] * small), interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.convertScaleAbs(grown[: rect[3] - rect[1], : rect[2] - rect[0]], alpha=0.50))

    return Layer(("carton-shadow", carton, lens.view), rect, draw)


def inside(carton: Carton, lens: Lens) -> Layer | None:
    """Floor and inner walls: everything below the rim."""
    low, rim = carton.lift + 2, carton.lift + TALL
    ring: list[Corner] = [(sx * HALF_W, sy * HALF_D, rim) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    base: list[Corner] = [(x, y, low) for x, y, _ in ring]
    faces: list[tuple[str, list[Corner]]] = [("floor", base)]
    for k, name in enumerate(("wall-back", "wall-right", "wall-front", "wall-left")):
        a, b = k, (k + 1) % 4
        faces.append((name, [ring[a], ring[b], base[b], base[a]]))
    return _layer(("carton-inside", carton.x, carton.y, carton.lift), carton, lens, faces)


def dusk(carton: Carton, lens: Lens) -> Layer | None:
    """What the walls keep from the lamp, over the goods on the floor."""
    z = carton.lift + TALL * 0.35
    corners: list[Corner] = [(sx * HALF_W, sy * HALF_D, z) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return _layer(("carton-dusk", carton.x, carton.y, carton.lift), carton, lens, [("dusk", corners)])


def flaps(carton: Carton, lens: Lens, *, pair: str) -> Layer | None:
    """The `short` or `long` pair with the rim they turn on, and the tape once they are shut."""
    which = (1, 3) if pair == "short" else (0, 2)
    angle = carton.short_flaps if pair == "short" else carton.long_flaps
    faces = []
    for k in which:
        light = _facing(angle, k)
        side = "out" if angle > 90 else "in"
        faces.append((f"flap-{pair}-{side}-{k}-{light:.2f}", _flap(carton, k)))
    if pair == "long" and carton.tape > 0:
        right = -HALF_W + 2 * HALF_W * carton.tape
        z = carton.lift + TALL + 1
        columns = max(1, round(4 * HALF_W * carton.tape))
        faces.append(
            (f"tape-{columns}", [(-HALF_W, -22, z), (right, -22, z), (right, 22, z), (-HALF_W, 22, z)])
        )
    return _layer(("carton-" + pair, carton), carton, lens, faces)


def _flap(carton: Carton, k: int) -> list[Corner]:
    """Hinge, hinge, edge, edge of flap `k` (0 back, 1 right, 2 front, 3 left), around the box's middle."""
    angle = np.deg2rad(carton.short_flaps if k in (1, 3) else carton.long_flaps)
    out, up = float(np.cos(angle)) * FLAP, float(np.sin(angle)) * FLAP
    z = carton.lift + TALL + (0.6 if k in (0, 2) else 0.0)
    inset = 5.0  # flaps are cut a little narrower at their free edge
    sign = -1 if k in (0, 3) else 1
    if k in (0, 2):
        y = sign * HALF_D
        return [
            (-HALF_W, y, z),
            (HALF_W, y, z),
            (HALF_W - inset, y + sign * out, z + up),
            (-HALF_W + inset, y + sign * out, z + up),
        ]
    x = sign * HALF_W
    return [
        (x, -HALF_D, z),
        (x, HALF_D, z),
        (x + sign * out, HALF_D - inset, z + up),
        (x + sign * out, -HALF_D + inset, z + up),
    ]


def _facing(angle: float, k: int) -> float:
    """Light on a flap: how far it looks to the lamp, in steps fine enough not to be seen."""
    a = np.deg2rad(angle)
    sign = -1 if k in (0, 3) else 1
    axis = 1 if k in (0, 2) else 0
    normal = np.zeros(3)
    normal[axis] = -sign * np.sin(a)
    normal[2] = np.cos(a)
    if normal[2] < 0:
        normal = -normal
    return round(0.42 + 0.62 * max(0.0, float(normal @ LAMP)) / float(LAMP[2]) * 0.95, 2)


def _layer(
    key: tuple[object, ...], carton: Carton, lens: Lens, faces: list[tuple[str, list[Corner]]]
) -> Layer | None:
    seen: list[tuple[str, Field]] = []
    for name, corners in faces:
        points = np.array([lens.pixel(carton.x + x, carton.y + y, z) for x, y, z in corners], np.float32)
        seen.append((name, points))
    rect = _rect(np.concatenate([points for _, points in seen]), margin=3)
    if rect is None:
        return None

    def draw() -> Pixels:
        size = (rect[2] - rect[0], rect[3] - rect[1])
        patch = np.zeros((size[1], size[0], 4), np.uint8)
        for name, points in seen:
            spot = _rect(points, margin=2)
            if spot is None:
                continue
            texture = face(name)
            rows, columns = texture.shape[0] - 1, texture.shape[1] - 1
            frame = np.array([[1, 1], [columns, 1], [columns, rows], [1, rows]], np.float32)
            move = cv2.getPerspectiveTransform(frame, points - np.array(spot[:2], np.float32))
            turned = cv2.warpPerspective(
                texture, move, (spot[2] - spot[0], spot[3] - spot[1]), flags=cv2.INTER_LINEAR
            )
            target = patch[spot[1] - rect[1] : spot[3] - rect[1], spot[0] - rect[0] : spot[2] - rect[0]]
            over(target, np.asarray(turned))
        return patch

    return Layer((*key, lens.view), rect, draw)


def _rect(points: Field, margin: float) -> tuple[int, int, int, int] | None:
    left, top = np.floor(points.min(axis=0) - margin).astype(int)
    right, bottom = np.ceil(points.max(axis=0) + margin).astype(int)
    rect = (max(int(left), 0), max(int(top), 0), min(int(right), WIDTH), min(int(bottom), HEIGHT))
    return rect if rect[0] < rect[2] and rect[1] < rect[3] else None


@lru_cache(maxsize=128)
def face(name: str) -> Pixels:
    """The texture of one face, premultiplied BGRA; its upper edge is the first two corners.

    A clear border of one pixel lets its edges come out smooth.
    """
    return np.asarray(cv2.copyMakeBorder(_painted(name), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)))


def _painted(name: str) -> Pixels:
    if name.startswith("tape"):
        return np.ascontiguousarray(_tape()[:, : int(name.partition("-")[2])])
    width, depth = int(2 * HALF_W), int(2 * HALF_D)
    if name == "dusk":
        return _dusk(width, depth)
    if name == "floor":
        return _floor(width, depth)
    kind, *rest = name.split("-")
    if kind == "wall":
        side = rest[0]
        return _wall(width if side in ("back", "front") else depth, WALL_ROWS, side)
    pair, face_side, k, light = rest
    length = width if pair == "long" else depth
    return _flap_face(length, int(FLAP), face_side, int(k), float(light))


def _kraft(rows: int, columns: int, colour: Colour, seed: int) -> Field:
    """Bare cardboard as light: fibres, flutes that show through, a few specks."""
    fibre = noise((rows, columns), 1.3, seed, 3) * 0.045 + noise((rows, columns), 22, seed + 1) * 0.03
    specks = np.clip(noise((rows, columns), 1.6, seed + 2) - 0.80, 0, 1) * -0.8
    return np.asarray(linear(colour) * (1 + fibre + specks)[..., None], np.float32)


def _seen(light: Field, cover: Field | None = None) -> Pixels:
    pixels = np.full((*light.shape[:2], 4), 255, np.uint8)
    pixels[..., :3] = np.sqrt(np.clip(light, 0, 1)) * 255
    if cover is not None:
        return np.asarray(pixels * cover[..., None], np.uint8)
    return pixels


def _floor(width: int, depth: int) -> Pixels:
    light = _kraft(depth, width, INNER, 81)
    y, x = np.mgrid[0:depth, 0:width].astype(np.float32)
    # The left and back walls keep the lamp off the floor beside them.
    shade = 1 - 0.50 * np.exp(-x / 34) - 0.50 * np.exp(-y / 34)
    shade *= 1 - 0.16 * np.exp(-(width - x) / 24) - 0.16 * np.exp(-(depth - y) / 24)
    seam = np.exp(-((y - depth / 2) ** 2) / 1.6)
    light *= (0.74 * np.clip(shade, 0.12, 1) * (1 - 0.5 * seam))[..., None]
    return _seen(light)


def _dusk(width: int, depth: int) -> Pixels:
    y, x = np.mgrid[0:depth, 0:width].astype(np.float32)
    pixels = np.zeros((depth, width, 4), np.uint8)
    pixels[..., 3] = 255 * np.clip(0.10 + 0.42 * np.exp(-x / 26) + 0.46 * np.exp(-y / 26), 0, 0.75)
    return pixels


def _wall(width: int, tall: int, side: str) -> Pixels:
    light = _kraft(tall, width, INNER, 84)
    y, x = np.mgrid[0:tall, 0:width].astype(np.float32)
    key = {"back": 0.42, "left": 0.48, "front": 0.95, "right": 0.86}[side]
    down = 1 - 0.40 * (y / tall) ** 0.9
    ends = 1 - 0.25 * np.exp(-x / 14) - 0.25 * np.exp(-(width - x) / 14)
    light *= (key * down * ends)[..., None]
    lip = (y < 1)[..., None]
    light += (linear((232, 200, 156)) - light) * lip * 0.8
    return _seen(light)


def _flap_face(length: int, reach: int, side: str, k: int, light_on: float) -> Pixels:
    light = _kraft(reach, length, KRAFT if side == "out" else INNER, 87 + k)
    y, x = np.mgrid[0:reach, 0:length].astype(np.float32)
    flutes = 1 + 0.012 * np.sin(x * 1.05)
    crease = 1 - 0.34 * np.exp(-(((y - 3) / 2.2) ** 2)) + 0.10 * np.exp(-(((y - 7) / 2.2) ** 2))
    light *= (flutes * crease * light_on)[..., None]
    if side == "out":
        _stamp(light, length, reach, k)
    # The cut edge shows the corrugation: paler, with a dark line.
    edge = np.minimum(reach - 1 - y, np.minimum(x, length - 1 - x))
    rim = np.clip(1 - edge / 1.8, 0, 1)[..., None]
    light += (linear((230, 198, 154)) * light_on - light) * rim * 0.8
    return _seen(light)


def _stamp(light: Field, length: int, reach: int, k: int) -> None:
    """Printing on the outside of the long flaps."""
    if k != 2:
        return
    ink = letters("packwitness", 26.0, 0.45).astype(np.float32) / 255
    ink = ink[::-1]  # this face hangs upside down
    top, left = 24, length - ink.shape[1] - 24
    spot = light[top : top + ink.shape[0], left : left + ink.shape[1]]
    spot += (linear((92, 62, 40)) - spot) * (ink * 0.75)[..., None]


def _tape() -> Pixels:
    """Paper tape with the maker's name, a little glossy."""
    rows, columns = 88, int(4 * HALF_W)
    light = np.asarray(
        linear((238, 233, 222)) * (1 + 0.03 * noise((rows, columns), 2, 95, 4))[..., None], np.float32
    )
    text = letters("packwitness", 30.0, 0.5).astype(np.float32) / 255
    for k in range(3):
        left = 30 + k * 232
        dot = left + text.shape[1] + 14
        room = light[22 : 22 + text.shape[0], left : min(left + text.shape[1], columns)]
        room += (linear((24, 104, 100)) - room) * text[: room.shape[0], : room.shape[1]][..., None]
        if dot + 14 < columns:
            cv2.circle(light, (dot + 4, 45), 5, linear((226, 130, 60)).tolist(), -1, cv2.LINE_AA)
    y = np.mgrid[0:rows, 0:columns][0].astype(np.float32)
    light *= (0.90 + 0.12 * np.exp(-(((y - 26) / 20) ** 2)))[..., None]
    return _seen(light)
