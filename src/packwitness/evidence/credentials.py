"""A film that was exported with Content Credentials (C2PA) holds one box more; this leaves it aside.

The box (``uuid`` d8fec3d6-1b0e-483c-9297-5828877ec481) is metadata that players pass over. With it taken
out, the film is byte for byte the sealed one.
"""

import io
from collections.abc import Collection
from typing import BinaryIO

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_BOXES_LIMIT = 16
"""How many top-level boxes from the start are looked at."""


def without_credentials(stream: BinaryIO, sealed_sizes: Collection[int]) -> tuple[BinaryIO, int]:
    """Return the film without its C2PA box, and that box's size (0: there is none, and the stream is the
    same).

    Args:
        stream: a film; one that cannot seek is returned as it is.
        sealed_sizes: sizes that the sealed film may have: a film of just that size has nothing put in.
    """
    if not stream.seekable():
        return stream, 0
    total = stream.seek(0, io.SEEK_END)
    at, size = _find_box(stream, total) if total not in sealed_sizes else (0, 0)
    stream.seek(0)
    return (_Without(stream, at, size, total), size) if size else (stream, 0)


def _find_box(stream: BinaryIO, total: int) -> tuple[int, int]:
    at = 0
    for _ in range(_BOXES_LIMIT):
        stream.seek(at)
        header = stream.read(32)
        size, extended = int.from_bytes(header[:4], "big"), 0
        if size == 1:
            size, extended = int.from_bytes(header[8:16], "big"), 8
        if len(header) < 8 or size < 8 or at + size > total:
            break
        if header[4:8] == b"uuid" and header[8 + extended : 24 + extended] == _C2PA:
            return at, size
        at += size
    return 0, 0


class _Without(io.RawIOBase, BinaryIO):
    """A seekable stream with ``size`` bytes at ``at`` cut out."""

    def __init__(self, stream: BinaryIO, at: int, size: int, total: int) -> None:
        super().__init__()
        self._stream, self._at, self._size, self._total = stream, at, size, total
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._total - self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        left = self._total - self._size - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        before = max(0, min(wanted, self._at - self._position))
        result = b""
        for count, shift in ((before, 0), (wanted - before, self._size)):
            if count > 0:
                self._stream.seek(self._position + shift)
                chunk = self._stream.read(count)
                self._position += len(chunk)
                result += chunk
                if len(chunk) < count:
                    break
        return result
