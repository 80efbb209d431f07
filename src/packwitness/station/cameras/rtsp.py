"""Cameras on the network: RTSP with the pictures in the same TCP connection.

FFmpeg's RTSP reads three times for each packet of 1400 bytes, which is most of what recording costs; reading
all that there is at once costs a fraction. Besides, nothing has to be probed: the first keyframe is there
when the camera sends it, and each picture when it is whole, not when the next one begins.
"""

import re
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from urllib.parse import urljoin

from packwitness.station.cameras.camera import (
    Broken,
    CameraClock,
    CameraError,
    CameraPacket,
    Clock,
    Item,
    NotFound,
    StreamInfo,
    TimedOut,
)
from packwitness.station.cameras.rtcp import EMPTY, sender_reports
from packwitness.station.cameras.rtp import BadPacket, Depacketiser
from packwitness.station.cameras.rtsp_talk import REDIRECTS, Answer, Talk, parse_address
from packwitness.station.cameras.sdp import CLOCK, Video, read_sdp

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 5.0
"""A camera that sends nothing for so long is taken for lost."""
WAKE_SECONDS = 0.5
SESSION_SECONDS = 60
"""How long a camera keeps a session that nobody keeps alive, unless it says otherwise."""
START_CODE = b"\x00\x00\x00\x01"


class RtspCamera:
    """An `rtsp://` or `rtsps://` URL, with user name and password in it if the camera wants them."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = time.monotonic_ns,
        connect_seconds: float = CONNECT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._address = parse_address(url)
        self._clock = clock
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds

    def stream(self, stop: threading.Event) -> Iterator[Item]:
        """See `Camera.stream`."""
        talk, base, description = self._describe()
        try:
            video = read_sdp(description, base=base, place=talk.address.place)
            channel, alive_every = self._play(talk, base, video)
            yield StreamInfo(
                codec=video.codec,
                width=0,
                height=0,
                extradata=b"".join(START_CODE + unit for unit in video.sets),
                time_base=Fraction(1, CLOCK),
                frame_rate=video.frame_rate,
                length_size=4,
            )
            yield from self._pictures(talk, base, video, channel, alive_every, stop)
        finally:
            talk.close()

    def _describe(self) -> tuple[Talk, str, str]:
        """Connect and ask for the description; returns it with the URL that it is relative to."""
        address = self._address
        for _ in range(REDIRECTS):
            talk = Talk(address, connect_seconds=self._connect_seconds)
            try:
                talk.ask("OPTIONS", address.url)
                answer = talk.ask("DESCRIBE", address.url, Accept="application/sdp")
            except BaseException:
                talk.close()
                raise
            if answer.status < 300:
                return talk, self._base(answer, address.url), answer.body
            talk.close()
            moved = parse_address(urljoin(address.url, answer.headers.get("location", "")))
            # The password goes to the camera it was given for, nowhere else.
            known = moved.host == self._address.host
            address = self._address.moved(moved, trusted=known)
        raise NotFound(f"{self._address.place} sends us from one address to the next.")

    @staticmethod
    def _base(answer: Answer, url: str) -> str:
        return answer.headers.get("content-base") or answer.headers.get("content-location") or url

    def _play(self, talk: Talk, base: str, video: Video) -> tuple[int, float]:
        """Have the stream sent; returns its channel and how often, in seconds, to say that we are here."""
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        answer = talk.ask("SETUP", video.control, Transport=transport)
        found = re.search(r"interleaved=(\d+)", answer.headers.get("transport", ""))
        timeout = re.search(r"timeout=(\d+)", answer.headers.get("session", ""))
        seconds = int(timeout[1]) if timeout else SESSION_SECONDS
        talk.ask("PLAY", base, Range="npt=0.000-")
        return int(found[1]) if found else 0, max(1.0, min(seconds, SESSION_SECONDS) / 2)

    def _pictures(
        self, talk: Talk, base: str, video: Video, channel: int, alive_every: float, stop: threading.Event
    ) -> Iterator[CameraPacket | CameraClock]:
        place = talk.address.place
        clock = self._clock
        depacketiser = Depacketiser(video.codec, video.payload_type)
        heard = alive = time.monotonic()
        while not stop.is_set():
            data = talk.chunk(WAKE_SECONDS)
            arrival = clock()
            try:
                pictures, used = depacketiser.take(data, channel)
            except BadPacket as error:
                raise Broken(f"{place} sends what is no video: {error}.") from None
            talk.keep(data[used:])
            for side, packet in depacketiser.aside:
                if side == channel + 1:
                    yield from self._clocks(packet, depacketiser, arrival)
            depacketiser.aside.clear()
            for picture in pictures:
                yield CameraPacket(
                    picture.data, picture.timestamp, None, 0, picture.key, arrival, picture.lost
                )
            now = time.monotonic()
            if pictures:
                heard = now
            if now - heard > self._silence_seconds:
                raise TimedOut(f"{place} went silent.")
            if now - alive > alive_every:
                alive = now
                talk.say("GET_PARAMETER", base)
                talk.send(b"$%c\x00\x08" % (channel + 1) + EMPTY)
        try:
            talk.say("TEARDOWN", base)
        except CameraError:
            return  # it is gone already, which is what we wanted

    @staticmethod
    def _clocks(packet: bytes, depacketiser: Depacketiser, arrival: int) -> Iterator[CameraClock]:
        for stamp, utc_ns in sender_reports(packet):
            pts = depacketiser.counted(stamp)
            if pts is not None:
                yield CameraClock(pts, utc_ns, arrival)
