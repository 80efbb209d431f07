"""Pictures out of a `multipart/x-mixed-replace` stream, as cameras send them by HTTP. Pure.

Cameras differ: with a length before each picture or without, with the boundary's dashes counted as its own,
with any white space. What they agree on is that a line with the boundary stands between two pictures.
"""

import re
from collections.abc import Iterator

HEAD_LIMIT = 8 << 10
PICTURE_LIMIT = 16 << 20
LOOK_BACK = 1_024
"""So near a picture's end its end mark lies; cameras append zeros or a line's end."""


class NotPictures(ValueError):
    """What came is no stream of pictures; the text says why, without its subject."""


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a Content-Type names, None if it is of another kind."""
    kind, _, rest = content_type.partition(";")
    if not kind.strip().lower().startswith("multipart/"):
        return None
    found = re.search(r'boundary\s*=\s*("([^"]+)"|[^;\s]+)', rest, re.IGNORECASE)
    if found is None:
        return None
    word = found[2] or found[1]
    return word.removeprefix("--").strip().encode("latin-1", "replace") or None


class Multipart:
    """Takes the stream's bytes, gives the bodies of its parts."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"--" + boundary
        self._buffer = bytearray()
        self._searched = 0
        self._length: int | None = None
        """Of the picture that is awaited: None while its head is, -1 where the camera does not say it."""

    def push(self, data: bytes) -> list[bytes]:
        """Return the pictures that are whole now.

        Raises:
            NotPictures: a head or a picture is longer than any camera's, or there is no boundary.
        """
        self._buffer += data
        return list(self._pictures())

    def _pictures(self) -> Iterator[bytes]:
        while True:
            if self._length is None and not self._take_head():
                return
            body = self._told() if self._length != -1 else self._delimited()
            if body is None:
                return
            self._length, self._searched = None, 0
            if body:
                yield body

    def _take_head(self) -> bool:
        """Pass over the boundary and the head behind it; returns whether both were there."""
        begin = self._buffer.find(self._mark)
        end = -1 if begin < 0 else self._end_of_head(begin)
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT:
                raise NotPictures("sends no boundary between pictures")
            return False
        head = bytes(self._buffer[begin:end])
        found = re.search(
            rb"^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?$", head, re.IGNORECASE | re.MULTILINE
        )
        self._length = int(found[1]) if found else -1
        if self._length > PICTURE_LIMIT:
            raise NotPictures(f"sends a picture of more than {PICTURE_LIMIT >> 20} MB")
        del self._buffer[:end]
        return True

    def _end_of_head(self, begin: int) -> int:
        """Where the picture begins; -1 if its head is not all there."""
        found = re.compile(rb"\r?\n\r?\n").search(self._buffer, begin)
        return found.end() if found else -1

    def _told(self) -> bytes | None:
        length = self._length or 0
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _delimited(self) -> bytes | None:
        at = self._buffer.find(self._mark, self._searched)
        if at < 0:
            self._searched = max(0, len(self._buffer) - len(self._mark))
            if len(self._buffer) > PICTURE_LIMIT:
                raise NotPictures(f"sends a picture of more than {PICTURE_LIMIT >> 20} MB")
            return None
        body = bytes(self._buffer[:at])
        del self._buffer[:at]
        return body


def is_whole(picture: bytes) -> bool:
    """Whether it is a JPEG that has its end. A decoder would make a picture of half a one, too."""
    return picture[:2] == b"\xff\xd8" and b"\xff\xd9" in picture[-LOOK_BACK:]
