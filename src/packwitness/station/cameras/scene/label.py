"""The shipping label: as a courier prints it, with the people on it blacked out and a Code 128 that reads."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import zxingcpp

from packwitness.station.cameras.scene.lettering import write
from packwitness.station.cameras.scene.parcels import COURIERS, SceneParcel
from packwitness.station.cameras.scene.relief import Pixels, Sprite, slab

WIDE, DEEP = 214.0, 154.0
PAPER = (247, 246, 242)
INK = (30, 28, 30)
MARGIN = 8.0
FINE = 3.2  # pixels a unit at which it is set; the overhead view gets it scaled down


@lru_cache(maxsize=4)
def label(parcel: SceneParcel, resolution: float) -> Sprite:
    """The label around its middle."""
    sheet = _sheet(parcel)
    rows, columns = sheet.shape[:2]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / FINE
    # Paper is never quite flat: a soft wave, and the corner by the lamp catches it.
    wave = 1.0 + 0.012 * np.sin(x / 46 + y / 70) - 0.02 * (x / WIDE + y / DEEP)
    outline = slab(x, y, WIDE / 2, DEEP / 2, WIDE / 2 - 0.2, DEEP / 2 - 0.2, 3.5)
    cover = np.clip(0.5 - outline * FINE, 0, 1)
    rim = 1 - 0.10 * np.clip(1 + outline / 0.5, 0, 1)
    pixels = np.empty((rows, columns, 4), np.uint8)
    pixels[..., :3] = np.clip(sheet * (wave * rim)[..., None], 0, 255) * cover[..., None]
    pixels[..., 3] = cover * 255
    if resolution < FINE:
        size = (round(WIDE * resolution), round(DEEP * resolution))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        return _sprite(parcel, pixels, size[0] / WIDE)
    return _sprite(parcel, pixels, FINE)


def _sprite(parcel: SceneParcel, pixels: Pixels, resolution: float) -> Sprite:
    name = f"label/{parcel.tracking_number}"
    return Sprite(name, pixels, (pixels.shape[1] / 2, pixels.shape[0] / 2), resolution)


def grouped(tracking_number: str) -> str:
    """As printed for people: fours from the left."""
    return " ".join(tracking_number[k : k + 4] for k in range(0, len(tracking_number), 4))


def routing(tracking_number: str) -> tuple[str, str]:
    """(sorting code, lane) in the shape couriers print them; made from the number, so that it stays the
    same.
    """
    digits = [int(d) for d in tracking_number]
    letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
    first = letters[(digits[4] * 10 + digits[9]) % len(letters)]
    last = "abcdefgh"[digits[10] % 8]
    return (
        f"{digits[3] % 9 + 1}{first}{digits[5]}{digits[7]}-{digits[8] % 4 + 1}{last}",
        f"{letters[digits[6]]}{digits[11] % 9 + 1}",
    )


def _box(
    sheet: Pixels, left: float, top: float, right: float, bottom: float, corner: float = 0.0, grey: int = 28
) -> None:
    """A filled box; corners in units."""
    x0, y0, x1, y1 = (round(v * FINE) for v in (left, top, right, bottom))
    r = round(corner * FINE)
    colour = (grey, grey, grey)
    if r == 0:
        sheet[y0:y1, x0:x1] = colour
        return
    cv2.rectangle(sheet, (x0 + r, y0), (x1 - r - 1, y1 - 1), colour, -1)
    cv2.rectangle(sheet, (x0, y0 + r), (x1 - 1, y1 - r - 1), colour, -1)
    for cx in (x0 + r, x1 - r - 1):
        for cy in (y0 + r, y1 - r - 1):
            cv2.circle(sheet, (cx, cy), r, colour, -1, cv2.LINE_AA)


def _sheet(parcel: SceneParcel) -> Pixels:
    sheet = np.empty((round(DEEP * FINE), round(WIDE * FINE), 3), np.uint8)
    sheet[:] = PAPER[::-1]
    code, lane = routing(parcel.tracking_number)
    right = WIDE - MARGIN

    def text(
        content: str,
        x: float,
        y: float,
        size: float,
        weight: float = 0.0,
        anchor: str = "ls",
        colour: tuple[int, int, int] = INK,
        spacing: float = 0.0,
    ) -> None:
        write(
            sheet,
            content,
            (x * FINE, y * FINE),
            size * FINE,
            colour,
            weight=weight,
            anchor=anchor,
            spacing=spacing,
        )

    # Head: courier, parcel count.
    _box(sheet, 0, 0, WIDE, 21)
    text(COURIERS[parcel.courier], MARGIN, 15, 12.5, 0.55, colour=PAPER, spacing=0.03)
    text("1 / 1", right, 15, 12.5, 0.4, "rs", PAPER)
    # Sorting code and lane.
    text(code, MARGIN - 1, 52.5, 36, 0.42)
    edge = WIDE - 48
    _box(sheet, edge, 26, right, 57, 2.5)
    text(lane, (edge + right) / 2, 51, 27, 0.4, "ms", PAPER)
    _box(sheet, MARGIN, 61, right, 61.7)
    # The people: blacked out, as on every parcel shown in public.
    _redacted(sheet, text, "TO", MARGIN, 66, (74, 92, 56))
    _redacted(sheet, text, "FROM", MARGIN + 112, 66, (52, 66))
    text(f"Order {parcel.order_number}", MARGIN + 112, 93.0, 7.4, 0.25)
    count = len(parcel.pieces())
    text(f"{count} items", right, 93.0, 7.4, 0.25, "rs")
    _barcode(sheet, parcel.tracking_number, 98.5, 132.0)
    number = grouped(parcel.tracking_number)
    size = 16.0
    text(number, WIDE / 2, 148, size, 0.45, "ms", spacing=0.06)
    return sheet


def _redacted(
    sheet: Pixels, text: Callable[..., None], title: str, left: float, top: float, lengths: tuple[int, ...]
) -> None:
    text(title, left, top + 6.2, 7.4, 0.6)
    indent = left + (15 if title == "TO" else 26)
    for k, length in enumerate(lengths):
        y = top + 9.6 * k
        _box(sheet, indent, y, min(indent + length, WIDE - MARGIN), y + 6.6, 1.2)


def _barcode(sheet: Pixels, content: str, top: float, bottom: float) -> None:
    """Code 128 in whole pixels a module, between its quiet zones."""
    symbol = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.Code128)
    modules = np.asarray(symbol.to_image(scale=1, add_hrt=False, add_quiet_zones=False))[0]
    wide = int(sheet.shape[1] // (len(modules) + 20))
    bars = np.repeat(modules, wide)
    left = (sheet.shape[1] - len(bars)) // 2
    spot = sheet[round(top * FINE) : round(bottom * FINE), left : left + len(bars)]
    spot[:, bars == 0] = INK[::-1]
