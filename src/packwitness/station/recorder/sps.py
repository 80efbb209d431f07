"""The shape of a picture, from a sequence parameter set (ITU-T H.264, 7.3.2.1.1; ITU-T H.265, 7.3.2.2.1).

A decoder would tell as well, but to open one costs a recorder 15 MB that it needs for nothing else.
"""

from dataclasses import dataclass

from packwitness.station.recorder import nal

_WITH_CHROMA = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
"""H.264 profiles whose parameter sets say more of the colours."""
_LONGEST_CODE = 32


class _Bits:
    """Reads bits from a unit, first to last."""

    def __init__(self, unit: bytes, skip: int) -> None:
        payload = nal.without_emulation(unit[skip:])
        self._left = len(payload) * 8
        self._value = int.from_bytes(payload, "big")

    def take(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        self._left -= count
        if self._left < 0:
            raise nal.BadStream("a sequence parameter set is cut short")
        return self._value >> self._left & (1 << count) - 1

    def number(self) -> int:
        """An Exp-Golomb number, ue(v)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST_CODE:
                raise nal.BadStream("a sequence parameter set is damaged")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """An Exp-Golomb number, se(v)."""
        code = self.number()
        return (code + 1) // 2 if code & 1 else -(code // 2)


@dataclass(frozen=True, slots=True)
class Shape:
    """Width and height, cropped as they are shown. `chroma`: 0 gray, 1 4:2:0, 2 4:2:2, 3 4:4:4. Depths in
    bits.
    """

    width: int
    height: int
    chroma: int
    luma_depth: int
    chroma_depth: int


def read_shape(codec: str, sets: tuple[bytes, ...]) -> Shape:
    """Read the first sequence parameter set.

    Raises:
        nal.BadStream: there is none, or it cannot be read.
    """
    wanted = 7 if codec == "h264" else 33
    for unit in sets:
        if nal.unit_type(codec, unit) == wanted:
            return _h264(_Bits(unit, 1)) if codec == "h264" else _hevc(_Bits(unit, 2))
    raise nal.BadStream("there is no sequence parameter set")


def _h264(bits: _Bits) -> Shape:
    profile = bits.take(8)
    bits.take(16)  # constraints, level
    bits.number()
    chroma, planes, luma_depth, chroma_depth = 1, 0, 8, 8
    if profile in _WITH_CHROMA:
        chroma = bits.number()
        planes = bits.take(1) if chroma == 3 else 0
        luma_depth, chroma_depth = 8 + bits.number(), 8 + bits.number()
        bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 12 if chroma == 3 else 8)
    bits.number()
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.number()):
            bits.signed()
    bits.number()
    bits.take(1)
    across, down = bits.number() + 1, bits.number() + 1
    frames = bits.take(1)
    if not frames:
        bits.take(1)
    bits.take(1)
    left = right = top = bottom = 0
    if bits.take(1):
        left, right, top, bottom = (bits.number() for _ in range(4))
    fine = chroma == 0 or planes == 1
    unit_x = 1 if fine or chroma == 3 else 2
    unit_y = (2 if not fine and chroma == 1 else 1) * (2 - frames)
    width = 16 * across - unit_x * (left + right)
    height = 16 * down * (2 - frames) - unit_y * (top + bottom)
    return Shape(width, height, chroma, luma_depth, chroma_depth)


def _skip_scaling(bits: _Bits, lists: int) -> None:
    for index in range(lists):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.signed()) % 256
            last = following or last


def _hevc(bits: _Bits) -> Shape:
    bits.take(4)
    layers = bits.take(3)
    bits.take(1 + 88 + 8)  # nesting; general profile, level
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.number()
    chroma = bits.number()
    if chroma == 3:
        bits.take(1)
    width, height = bits.number(), bits.number()
    if bits.take(1):
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = 2 if chroma == 1 else 1
        left, right, top, bottom = (bits.number() for _ in range(4))
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    return Shape(width, height, chroma, 8 + bits.number(), 8 + bits.number())
