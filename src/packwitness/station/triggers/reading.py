"""Reading codes in a picture. Runs in the recorder's process, next to the decoded frame, so that pixels
cross no pipe."""

import functools
import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from packwitness.station.triggers.heard import WHOLE, Region, SeenCode

_LINEAR: Final = zxingcpp.BarcodeFormats(
    [zxingcpp.BarcodeFormat.Code128, zxingcpp.BarcodeFormat.ITF, zxingcpp.BarcodeFormat.Code39]
)
_LINEAR_AND_MATRIX: Final = zxingcpp.BarcodeFormats(
    [
        zxingcpp.BarcodeFormat.Code128,
        zxingcpp.BarcodeFormat.ITF,
        zxingcpp.BarcodeFormat.Code39,
        zxingcpp.BarcodeFormat.QRCode,
        zxingcpp.BarcodeFormat.DataMatrix,
    ]
)

# A picture is compared on a grid of about this many points a side. Sensor noise moves a point by a few
# grey levels, a hand or
# a label by tens over many points.
_GRID: Final = 96
_NOISE: Final = 18
_MOVED: Final = 0.002


def read_codes(
    gray: NDArray[np.uint8], region: Region | None = None, *, matrix: bool = False
) -> tuple[SeenCode, ...]:
    """Return the codes in ``gray`` (height x width, one byte a pixel) within ``region``: linear ones, in
    any direction.

    With ``matrix`` also QR and DataMatrix; measured on 1080p they cost 15 to 125 ms, linear ones 4 to 15,
    so leave it off
    unless labels need it. All kinds are read at once: stopping at the first found would lose a label
    whenever another code
    comes into view.
    """
    height, width = gray.shape
    left, top, right, bottom = region or WHOLE
    x0, y0 = int(left * width), int(top * height)
    x1, y1 = max(x0 + 1, int(right * width)), max(y0 + 1, int(bottom * height))
    found = zxingcpp.read_barcodes(
        np.ascontiguousarray(gray[y0:y1, x0:x1]),
        _LINEAR_AND_MATRIX if matrix else _LINEAR,
        text_mode=zxingcpp.TextMode.Plain,
    )
    return tuple(
        SeenCode(barcode.text, _name(barcode), _centre(barcode, x0, y0, width, height)) for barcode in found
    )


@dataclass(slots=True)
class _Last:
    """The last picture that was read, coarsely, and what was in it."""

    grid: NDArray[np.int16]
    region: Region | None
    codes: tuple[SeenCode, ...]
    reused: int = 0


class CodeReader:
    """``read_codes`` for a stream of pictures: where nothing moved, the last answer holds and nothing is
    decoded.

    Picklable, memory left behind. Each thread has a memory of its own, so one instance serves cameras in
    threads of their own.
    At least every ``again_every`` pictures it reads afresh whatever moved, so that no small change is
    overlooked for long.
    """

    def __init__(self, *, matrix: bool = False, again_every: int = 15) -> None:
        self._matrix = matrix
        self._again_every = again_every
        self._last: dict[int, _Last] = {}

    def __call__(self, gray: NDArray[np.uint8], region: Region | None = None) -> tuple[SeenCode, ...]:
        """Return the codes in this picture."""
        step = max(1, min(gray.shape) // _GRID)
        grid = gray[::step, ::step].astype(np.int16)
        thread = threading.get_ident()
        last = self._last.get(thread)
        if last and last.reused < self._again_every and last.region == region and _still(grid, last.grid):
            last.reused += 1
            return last.codes
        # Compared is with the last picture that was *read*: a slow drift must not carry the comparison along.
        self._last[thread] = _Last(grid, region, read_codes(gray, region, matrix=self._matrix))
        return self._last[thread].codes

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return (functools.partial(CodeReader, matrix=self._matrix, again_every=self._again_every), ())


def _still(grid: NDArray[np.int16], before: NDArray[np.int16]) -> bool:
    return grid.shape == before.shape and float(np.mean(np.abs(grid - before) > _NOISE)) < _MOVED


def _name(barcode: zxingcpp.Barcode) -> str:
    """Name the symbology without its variant: an ITF-14 is an ITF."""
    name = barcode.format.name
    return "ITF" if name.startswith("ITF") else "Code39" if name.startswith("Code39") else name


def _centre(barcode: zxingcpp.Barcode, x0: int, y0: int, width: int, height: int) -> tuple[float, float]:
    corners = (
        barcode.position.top_left,
        barcode.position.top_right,
        barcode.position.bottom_right,
        barcode.position.bottom_left,
    )
    x = sum(corner.x for corner in corners) / 4
    y = sum(corner.y for corner in corners) / 4
    return ((x0 + x) / width, (y0 + y) / height)
