"""The little of MP4 that the hub reads: a running take's timescale and codec stand in its init."""

from collections.abc import Iterator

_PATH = (b"moov", b"trak", b"mdia", b"mdhd")


def timescale(init: bytes) -> int:
    """Return the timescale of the first track in an init segment (``ftyp`` + ``moov``).

    Raises:
        ValueError: it is not one.
    """
    box = init
    for kind in _PATH:
        box = next((body for name, body in _boxes(box) if name == kind), b"")
    # version and flags, then two times of 4 or 8 bytes, then the timescale (ISO/IEC 14496-12, 8.4.2)
    at = {0: 12, 1: 20}.get(box[0] if box else -1, len(box))
    value = int.from_bytes(box[at : at + 4], "big")
    if len(box) < at + 4 or value == 0:
        raise ValueError("this init segment names no timescale")
    return value


def codec(init: bytes) -> str:
    """Return what a browser is asked for (RFC 6381) to know whether it shows the first track of an init.

    An init of another codec than H.264 and H.265 gives the name of its sample entry, such as ``av01``, and
    one that cannot be read an empty text.
    """
    box = init
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        box = next((body for name, body in _boxes(box) if name == kind), b"")
    # A full box's head and the count of entries; an entry of pictures has 78 bytes before its boxes.
    name, entry = next(_boxes(box[8:]), (b"", b""))
    inner = dict(_boxes(entry[78:]))
    if name in (b"avc1", b"avc3") and len(inner.get(b"avcC", b"")) >= 4:
        return f"{name.decode()}.{inner[b'avcC'][1:4].hex()}"
    if name in (b"hvc1", b"hev1") and len(inner.get(b"hvcC", b"")) >= 13:
        return f"{name.decode()}.{_hevc_profile(inner[b'hvcC'])}"
    return name.decode("ascii", "replace")


def _hevc_profile(record: bytes) -> str:
    """Return profile, compatibility, tier and level, and constraints (ISO/IEC 14496-15, annex E)."""
    space = ("", "A", "B", "C")[record[1] >> 6]
    tier = "H" if record[1] & 0x20 else "L"
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    constraints = (f"{byte:X}" for byte in record[6:12].rstrip(b"\x00"))
    return ".".join([f"{space}{record[1] & 31}", f"{compatible:X}", f"{tier}{record[12]}", *constraints])


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size
