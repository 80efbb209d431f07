"""The bench when nothing lies on it: an oak top, the cutting mat with its marked field, tools, a plant."""

from functools import lru_cache

import cv2
import numpy as np

from packwitness.station.cameras.scene import tools
from packwitness.station.cameras.scene.lens import HEIGHT, WIDTH, Lens
from packwitness.station.cameras.scene.lettering import write
from packwitness.station.cameras.scene.relief import Field, Pixels, dome, linear, slab
from packwitness.station.cameras.scene.stage import over

MAT = (1012.0, 402.0, 428.0, 388.0)  # centre and size
FIELD = (1000.0, 388.0, 262.0, 186.0)  # where the label is laid
PLANK = 176.0


@lru_cache(maxsize=2)
def background(lens: Lens) -> Pixels:
    """The picture of the empty bench, BGR."""
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    cx, cy, width, height = MAT
    left, top = lens.pixel(cx - width / 2, cy - height / 2)
    right, bottom = lens.pixel(cx + width / 2, cy + height / 2)
    edge = 14 * lens.scale
    # Where the mat fills the picture nobody sees wood.
    covered = top + edge < 0 and bottom - edge > HEIGHT and right - edge > WIDTH
    wood = _Ground(lens, (0, 0, min(int(left + edge), WIDTH) if covered else WIDTH, HEIGHT))
    wood.paste(light, _wood(wood))
    mat = _Ground(lens, (int(left - edge), int(top - edge), int(right + edge), int(bottom + edge)))
    _lay_mat(mat, light)
    everywhere = _Ground(lens, (0, 0, WIDTH, HEIGHT))
    light *= _lamp(everywhere)[..., None]
    picture = np.asarray(cv2.sqrt(np.clip(light, 0, 1)) * 255 + 0.5, np.uint8)
    _mark(lens, picture)
    for layer in tools.lying(lens):
        x0, y0, x1, y1 = layer.rect
        over(picture[y0:y1, x0:x1], layer.draw())
    return picture


class _Ground:
    """A window of the picture with the bench coordinates of its pixels."""

    def __init__(self, lens: Lens, rect: tuple[int, int, int, int]) -> None:
        x0, y0, x1, y1 = max(rect[0], 0), max(rect[1], 0), min(rect[2], WIDTH), min(rect[3], HEIGHT)
        self.lens = lens
        self.spot = (slice(y0, y1), slice(x0, x1))
        self._corner = (x0, y0)
        self._size = (x1 - x0, y1 - y0)
        columns = (np.arange(x0, x1) + 0.5 - WIDTH / 2) / lens.scale + lens.centre[0]
        rows = (np.arange(y0, y1) + 0.5 - HEIGHT / 2) / lens.scale + lens.centre[1]
        self.x: Field = columns[None, :].astype(np.float32)  # one row, one column: numpy spreads them
        self.y: Field = rows[:, None].astype(np.float32)

    def paste(self, picture: Field, light: Field) -> None:
        picture[self.spot] = light

    def random(self, wide: float, high: float, seed: int) -> Field:
        """A random field of the bench itself, alike for every lens: blobs of `wide` x `high` units, -1..1."""
        rng = np.random.default_rng(seed)
        lattice = rng.uniform(-1, 1, (int(900 / high) + 4, int(1460 / wide) + 4)).astype(np.float32)
        sx, sy = wide * self.lens.scale, high * self.lens.scale
        left, top = self.lens.pixel(-90, -90)
        move = np.array([[sx, 0, left - self._corner[0]], [0, sy, top - self._corner[1]]], np.float32)
        return np.asarray(cv2.warpAffine(lattice, move, self._size, flags=cv2.INTER_CUBIC), np.float32)


def _wood(g: _Ground) -> Field:
    plank = np.floor((g.y + 60) / PLANK)
    within = (g.y + 60) - plank * PLANK
    tone = np.sin(plank * 12.9898) * 0.5 + np.sin(plank * 4.1) * 0.3
    # Year rings: bands along the plank, bent by a slow field, finer where they crowd.
    bend = g.random(420, 46, 11) * 26 + g.random(150, 20, 12) * 6
    phase = (within + bend + plank * 71) * np.float32(0.21)
    rings = np.sin(phase + np.float32(0.35) * np.sin(2 * phase))
    fibre = g.random(90, 1.5, 13) * 0.55 + g.random(30, 0.8, 14) * 0.45
    pores = np.clip(g.random(16, 0.9, 15) - np.float32(0.52), 0, 1)
    seam = np.minimum(within, PLANK - within)
    gap = (1 + tone * 0.05) * (1 - 0.55 * np.exp(-((seam / 0.9) ** 2)) - 0.10 * np.exp(-seam / 5))
    factor = 1 + rings * 0.045 + fibre * 0.055 - pores * 0.35 + g.random(500, 160, 16) * 0.03
    factor *= gap
    share = np.clip(0.42 + rings * 0.26 + fibre * 0.3 + tone.astype(np.float32) * 0.25, 0, 1)
    warm, deep = linear((214, 178, 133)), linear((186, 142, 96))
    planes = [(warm[k] + (deep[k] - warm[k]) * share) * factor for k in range(3)]
    return np.asarray(cv2.merge(planes), np.float32)


def _lamp(g: _Ground) -> Field:
    """The lamp hangs upper left; corners fall off, as they do behind every lens."""
    return np.asarray(1.07 - 0.30 * (((g.x - 470) / 1150) ** 2 + ((g.y - 250) / 800) ** 2), np.float32)


def _lines(at: Field, step: float, width: float, lens: Lens) -> Field:
    """Coverage of thin lines every `step` units."""
    near = np.abs((at + step / 2) % step - step / 2)
    cover = np.clip((width / 2 - near) * lens.scale + 0.5, 0, 1) * min(1.0, width * lens.scale)
    return np.asarray(cover, np.float32)


def _lay_mat(g: _Ground, light: Field) -> None:
    cx, cy, width, height = MAT
    scale = np.float32(g.lens.scale)
    spot = light[g.spot]
    away = np.clip(slab(g.x, g.y, cx + 2, cy + 2.5, width / 2, height / 2, 12), 0, None)
    spot *= (1 - 0.5 * np.exp(-away / np.float32(2.6)))[..., None]
    outline = slab(g.x, g.y, cx, cy, width / 2, height / 2, 12)
    inner = slab(g.x, g.y, cx, cy, width / 2 - 14, height / 2 - 14, 0)
    gu, gv = g.x - np.float32(cx - width / 2 + 14), g.y - np.float32(cy - height / 2 + 14)
    fine = np.maximum(_lines(gu, 10, 0.35, g.lens), _lines(gv, 10, 0.35, g.lens)) * np.float32(0.16)
    bold = np.maximum(_lines(gu, 50, 0.6, g.lens), _lines(gv, 50, 0.6, g.lens)) * np.float32(0.40)
    drawn = np.maximum(fine, bold) * np.clip(0.5 - inner * scale, 0, 1)
    drawn += np.clip(0.5 - (np.abs(inner) - np.float32(0.45)) * scale, 0, 1) * np.float32(0.75)
    drawn = np.clip(drawn + _ticks(g.lens, gu, gv, width - 28, height - 28), 0, 0.85)
    # Old cuts: a mat that has seen parcels.
    scars = np.clip(g.random(150, 1.2, 23) - np.float32(0.86), 0, 1)
    scars += np.clip(g.random(1.4, 90, 24) - np.float32(0.90), 0, 1)
    surface = 1 + 0.06 * g.random(1.1, 1.1, 21) + 0.05 * g.random(140, 110, 22) + 1.5 * scars
    surface *= 0.75 + 0.25 / 2.2 * dome(outline, 2.2)
    cover = np.clip(0.5 - outline * scale, 0, 1)
    base, ink = linear((30, 84, 84)), linear((150, 200, 190))
    for k in range(3):
        plain = surface * base[k]
        spot[..., k] += (plain + (ink[k] - plain) * drawn - spot[..., k]) * cover


def _ticks(lens: Lens, gu: Field, gv: Field, width: float, height: float) -> Field:
    band_u = (gu > 0) & (gu < width) & (((gv > -5) & (gv < -1)) | ((gv > height + 1) & (gv < height + 5)))
    band_v = (gv > 0) & (gv < height) & (((gu > -5) & (gu < -1)) | ((gu > width + 1) & (gu < width + 5)))
    return 0.6 * np.maximum(_lines(gu, 10, 0.5, lens) * band_u, _lines(gv, 10, 0.5, lens) * band_v)


def _mark(lens: Lens, picture: Pixels) -> None:
    """The printed brackets and words that show where a label belongs."""
    cx, cy, width, height = FIELD
    paint = (236, 246, 243)
    scale = lens.scale
    thick = max(1, round(2.6 * scale))
    ink = picture.copy()
    for sx in (-1, 1):
        for sy in (-1, 1):
            corner = (cx + sx * width / 2, cy + sy * height / 2)
            arms = [(corner[0] - sx * 26, corner[1]), corner, (corner[0], corner[1] - sy * 26)]
            points = np.array([[lens.pixel(*p) for p in arms]], np.float64)
            cv2.polylines(ink, [np.round(points * 16).astype(np.int32)], False, paint, thick, cv2.LINE_AA, 4)
    picture[:] = cv2.addWeighted(ink, 0.88, picture, 0.12, 0)
    x0 = MAT[0] - MAT[2] / 2 + 14
    y0 = MAT[1] - MAT[3] / 2
    for k in range(1, 8):
        write(
            picture, str(k * 5), lens.pixel(x0 + k * 50, y0 + 10.5), 6.2 * scale, (150, 196, 186), anchor="ms"
        )
    write(
        picture,
        "LABEL",
        lens.pixel(cx, cy - height / 2 - 5),
        11 * scale,
        paint,
        weight=0.5,
        anchor="ms",
        spacing=0.28,
    )
    write(
        picture,
        "place flat  \u00b7  barcode up",
        lens.pixel(cx, cy + height / 2 + 13),
        8.0 * scale,
        (170, 212, 204),
        anchor="ms",
        spacing=0.08,
    )
