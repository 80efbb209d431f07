"""NAL units: what H.264 and H.265 are made of, in the two ways they are framed.

Annex B puts a start code before each unit, MP4 a 4-byte length. The recorder keeps everything as MP4 does.
"""

from collections.abc import Iterable

SETS = {"h264": (7, 8), "hevc": (32, 33, 34)}
"""Unit types that are parameter sets."""
START_CODE = b"\x00\x00\x00\x01"


class BadStream(ValueError):
    """What the camera calls H.264 or H.265 cannot be read as such."""


def is_annexb(extradata: bytes) -> bool:
    """Extradata is either empty, Annex B, or an avcC/hvcC record, which begins with its version 1."""
    return not extradata.startswith(b"\x01")


def annexb_units(data: bytes) -> list[bytes]:
    # A unit never ends in a zero byte, so what a four-byte start code leaves behind can be stripped.
    return [unit.rstrip(b"\x00") for unit in data.split(b"\x00\x00\x01")[1:]]


def prefixed_units(data: bytes, length_size: int = 4) -> list[bytes]:
    """Raises BadStream if the lengths do not add up."""
    units, at = [], 0
    while at < len(data):
        end = at + length_size + int.from_bytes(data[at : at + length_size], "big")
        if end > len(data):
            raise BadStream("a NAL unit is longer than its packet")
        units.append(data[at + length_size : end])
        at = end
    return units


def prefixed(units: Iterable[bytes]) -> bytes:
    pieces: list[bytes] = []
    for unit in units:
        pieces.append(len(unit).to_bytes(4, "big"))
        pieces.append(unit)
    return b"".join(pieces)


def annexb(units: Iterable[bytes]) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


def unit_type(codec: str, unit: bytes) -> int:
    if not unit:
        return -1
    return unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F


def parameter_sets(codec: str, units: Iterable[bytes]) -> tuple[bytes, ...]:
    """The parameter sets among `units`, each once, in order of type."""
    wanted = SETS[codec]
    found = dict.fromkeys(unit for unit in units if unit_type(codec, unit) in wanted)
    return tuple(sorted(found, key=lambda unit: unit_type(codec, unit)))


def length_size(codec: str, record: bytes) -> int:
    """Bytes of a unit's length, as an avcC or hvcC record says."""
    at = 4 if codec == "h264" else 21
    if len(record) <= at:
        raise BadStream("the decoder configuration is cut short")
    return (record[at] & 3) + 1


def record_units(codec: str, record: bytes) -> list[bytes]:
    """The units that an avcC or hvcC record holds."""
    units: list[bytes] = []
    try:
        if codec == "h264":
            at = 5
            for mask in (0x1F, 0xFF):
                count = record[at] & mask
                at = _take(record, at + 1, count, units)
        else:
            at = 23
            for _ in range(record[22]):
                count = int.from_bytes(record[at + 1 : at + 3], "big")
                at = _take(record, at + 3, count, units)
    except IndexError:
        raise BadStream("the decoder configuration is cut short") from None
    return units


def _take(record: bytes, at: int, count: int, units: list[bytes]) -> int:
    for _ in range(count):
        size = int.from_bytes(record[at : at + 2], "big")
        unit = record[at + 2 : at + 2 + size]
        if len(unit) != size:
            raise IndexError
        units.append(unit)
        at += 2 + size
    return at


def without_emulation(payload: bytes) -> bytes:
    """A unit's payload without the bytes that only keep start codes out of it."""
    return payload.replace(b"\x00\x00\x03", b"\x00\x00")


def codec_name(codec: str, record: bytes) -> str:
    """RFC 6381 name from an avcC or hvcC record: "avc1.64001f", "hvc1.1.6.L93.90" (ISO/IEC 14496-15, annex
    E).
    """
    if codec == "h264":
        return f"avc1.{record[1:4].hex()}"
    space = ("", "A", "B", "C")[record[1] >> 6]
    tier = "H" if record[1] & 0x20 else "L"
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    constraints = record[6:12].rstrip(b"\x00")
    parts = [f"hvc1.{space}{record[1] & 0x1F}", f"{compatible:X}", f"{tier}{record[12]}"]
    return ".".join(parts + [f"{byte:X}" for byte in constraints])
