"""Cameras that send JPEG pictures by HTTP, one after the other (`multipart/x-mixed-replace`).

`http://` or `https://`, with user name and password in it if the camera wants them. A certificate must be one
that the system trusts, or the one whose fingerprint stands behind the `#`, as with `rtsps://`; so does the
number of pictures that the camera is set to (`#rate=30`), for nothing in the stream tells it.
"""

import threading
import time
from collections.abc import Iterator
from fractions import Fraction

from packwitness.station.cameras.address import Address, parse_address
from packwitness.station.cameras.budget import Budget
from packwitness.station.cameras.camera import (
    Broken,
    CameraPacket,
    Clock,
    Ended,
    NoFrames,
    NotMjpeg,
    StreamInfo,
)
from packwitness.station.cameras.encoded import SILENCE_SECONDS, UNREADABLE_LIMIT, WAKE_SECONDS, Encoding
from packwitness.station.cameras.encoder import CLOCK, Form
from packwitness.station.cameras.http_talk import HttpTalk, get
from packwitness.station.cameras.multipart import Multipart, NotPictures, boundary_of, is_whole
from packwitness.station.cameras.stills import Still

CONNECT_SECONDS = 5.0


class HttpMjpegCamera:
    """An `http://` or `https://` URL."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = time.monotonic_ns,
        connect_seconds: float = CONNECT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        budget: Budget | None = None,
    ) -> None:
        self._address = parse_address(url)
        self._clock = clock
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._budget = budget or Budget()

    @property
    def sound(self) -> bool:
        """Whether sound is wanted, of which there never is any."""
        return self._address.sound

    def stream(self, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        """See `Camera.stream`."""
        place = self._address.place
        talk = get(self._address, seconds=self._connect_seconds)
        kind = talk.head.headers.get("content-type", "")
        boundary = boundary_of(kind)
        if boundary is None:
            talk.close()
            raise NotMjpeg(_instead(place, kind))
        stills = HttpStills(talk, self._address, Multipart(boundary), clock=self._clock)
        yield from Encoding(
            stills,
            place=place,
            clock=self._clock,
            budget=self._budget,
            silence_seconds=self._silence_seconds,
        ).items(stop)


class HttpStills:
    """Implements `Stills` on an answer that does not end. A picture's time is when it was whole here."""

    form = Form("mjpeg")
    timing = "arrival"

    def __init__(self, talk: HttpTalk, address: Address, multipart: Multipart, *, clock: Clock) -> None:
        self._talk = talk
        self._place = address.place
        self._multipart = multipart
        self._clock = clock
        self.promised = Fraction(address.rate) if address.rate else None

    def read(self, over: threading.Event) -> Iterator[Still]:
        """See `Stills.read`."""
        shown, lost = False, 0
        try:
            while not over.is_set():
                for picture in self._multipart.push(self._talk.body(WAKE_SECONDS)):
                    if not is_whole(picture):
                        lost += 1
                        if lost >= UNREADABLE_LIMIT:
                            raise Broken(f"{self._place} sends pictures that are cut short.")
                        continue
                    now = self._clock()
                    yield Still(picture, now * CLOCK // 1_000_000_000, now, lost)
                    shown, lost = True, 0
        except Ended:
            if shown:
                raise
            raise NoFrames(f"{self._place} ended its stream without a picture.") from None
        except NotPictures as error:
            raise Broken(f"{self._place} {error}.") from None

    def close(self) -> None:
        """See `Stills.close`."""
        self._talk.close()


def _instead(place: str, content_type: str) -> str:
    """What came where a stream of pictures should."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/html":
        return f"{place} answers with a web page, not with pictures."
    if kind == "image/jpeg":
        return f"{place} answers with a single picture, not with a stream of them."
    if kind.startswith("multipart/"):
        return f"{place} does not say what stands between its pictures."
    return f"{place} answers with {kind[:40] or 'something unnamed'}, not with a stream of JPEG pictures."
