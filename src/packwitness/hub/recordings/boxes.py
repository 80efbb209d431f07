"""The little of MP4 that the hub reads: a running take's timescale stands in its init."""

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


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > len(data):
            return
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size
