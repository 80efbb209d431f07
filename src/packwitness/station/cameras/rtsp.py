"""Cameras on the network: RTSP, with the pictures in the same TCP connection or in datagrams.

FFmpeg's RTSP reads three times for each packet of 1400 bytes, which is most of what recording costs; reading
all that there is at once costs a fraction. Besides, nothing has to be probed: the first keyframe is there
when the camera sends it, and each picture when it is whole, not when the next one begins.

TCP loses nothing, so it comes first. A camera that refuses it (461) is asked for UDP; `#transport=udp` at the
end of the URL asks for UDP at once. `rtsps://` is TLS, whose certificate must be one that the system trusts,
or the one whose SHA-256 fingerprint the URL gives: `#sha256=…`. What follows the `#` is never sent.
"""

import re
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from ipaddress import ip_address
from urllib.parse import urljoin

from packwitness.station.cameras.address import parse_address
from packwitness.station.cameras.camera import (
    Broken,
    CameraClock,
    CameraError,
    CameraPacket,
    CameraSound,
    Clock,
    Item,
    NoFrames,
    NoKeyframe,
    NoSound,
    NotFound,
    Refused,
    StreamInfo,
    TimedOut,
)
from packwitness.station.cameras.links import Came, Link, Ports, TcpLink, UdpLink, open_ports
from packwitness.station.cameras.rtcp import sender_reports
from packwitness.station.cameras.rtp import BadPacket, Depacketiser, Picture
from packwitness.station.cameras.rtsp_talk import REDIRECTS, Answer, Talk
from packwitness.station.cameras.sdp import CLOCK, Sound, Video, read_sdp, read_sound
from packwitness.station.cameras.sound import SoundDepacketiser

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 5.0
"""A camera that sends nothing for so long is taken for lost."""
KEYFRAME_SECONDS = 30.0
"""How long a camera may send pictures before the first that a film can begin with."""
WAKE_SECONDS = 0.5
REPORT_SECONDS = 5.0
TURN_READS = 16
"""However much a camera sends, the others that share its thread have their turn."""
SESSION_SECONDS = 60
"""How long a camera keeps a session that nobody keeps alive, unless it says otherwise."""
UNSUPPORTED_TRANSPORT = 461
START_CODE = b"\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class _Heard:
    """An RTP packet of sound."""

    packet: bytes
    arrival_ns: int


class RtspCamera:
    """An `rtsp://` or `rtsps://` URL, with user name and password in it if the camera wants them."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = time.monotonic_ns,
        connect_seconds: float = CONNECT_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        keyframe_seconds: float = KEYFRAME_SECONDS,
    ) -> None:
        self._address = parse_address(url)
        self._clock = clock
        self._connect_seconds = connect_seconds
        self._silence_seconds = silence_seconds
        self._keyframe_seconds = keyframe_seconds

    def stream(self, stop: threading.Event) -> Iterator[Item]:
        """See `Camera.stream`."""
        for item in self._stream(stop, flow=False):
            if item is not None:
                yield item

    def flow(self, stop: threading.Event) -> Generator[Item | None, None, None]:
        """See `FlowingCamera.flow`. Datagrams and TLS are waited for all the same: of the first a late reader
        loses some, and neither tells when it came.
        """
        return self._stream(stop, flow=True)

    def _stream(self, stop: threading.Event, *, flow: bool) -> Generator[Item | None, None, None]:
        talk, base, description = self._describe()
        link: TcpLink | UdpLink | None = None
        try:
            video = read_sdp(description, base=base, place=talk.address.place)
            depacketiser = Depacketiser(video.codec, video.payload_type)
            link, alive_every = self._set_up(talk, video, depacketiser)
            sound = self._set_up_sound(talk, link, base, description) if talk.address.sound else None
            talk.ask("PLAY", video.session, Range="npt=0.000-")
            yield StreamInfo(
                codec=video.codec,
                width=0,
                height=0,
                extradata=b"".join(START_CODE + unit for unit in video.sets),
                time_base=Fraction(1, CLOCK),
                frame_rate=Fraction(talk.address.rate) if talk.address.rate else video.frame_rate,
                length_size=4,
                timing="rtp",
            )
            if sound is not None:
                yield sound.info if isinstance(sound, Sound) else sound
            speech = SoundDepacketiser(sound) if isinstance(sound, Sound) else None
            if flow and isinstance(link, TcpLink):
                talk.flow()
            for item in self._items(talk, link, video, depacketiser, alive_every, stop):
                if isinstance(item, _Heard):
                    if speech is not None:
                        for frame, pts in speech.push(item.packet):
                            yield CameraSound(frame, pts, item.arrival_ns)
                else:
                    yield item
        finally:
            if link is not None:
                link.close()
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
        told = answer.headers.get("content-base") or answer.headers.get("content-location") or ""
        return told if "://" in told else urljoin(url, told)

    def _set_up(
        self, talk: Talk, video: Video, depacketiser: Depacketiser
    ) -> tuple[TcpLink | UdpLink, float]:
        """Agree on how the pictures come; returns that, and how often to say that we are here, in seconds."""
        if talk.address.transport != "udp":
            answer = talk.ask(
                "SETUP",
                video.control,
                allow=(UNSUPPORTED_TRANSPORT,),
                Transport="RTP/AVP/TCP;unicast;interleaved=0-1",
            )
            transport = answer.headers.get("transport", "")
            if answer.status != UNSUPPORTED_TRANSPORT and "client_port" not in transport:
                found = re.search(r"interleaved=(\d+)", transport)
                channel = int(found[1]) if found else 0
                return TcpLink(talk, depacketiser, channel), _alive_every(answer)
            if talk.address.secure or talk.address.transport == "tcp":
                raise Refused(
                    f"{talk.address.place} sends pictures by UDP only, which its URL does not allow."
                )
        link = UdpLink(talk, depacketiser, self._clock)
        try:
            return link, _alive_every(self._set_up_udp(talk, link, video.control, sound=False))
        except BaseException:
            link.close()
            raise

    def _set_up_sound(
        self, talk: Talk, link: TcpLink | UdpLink, base: str, description: str
    ) -> Sound | NoSound:
        """Have sound sent as well. A camera that refuses is one without: its pictures matter more."""
        place = talk.address.place
        sound = read_sound(description, base=base, place=place)
        if isinstance(sound, NoSound):
            return sound
        refused = f"{place} did not agree to send its sound"
        try:
            if isinstance(link, UdpLink):
                self._set_up_udp(talk, link, sound.control, sound=True)
                return sound
            wish = link.sound_wish
            answer = talk.ask("SETUP", sound.control, Transport=f"RTP/AVP/TCP;unicast;interleaved={wish}")
        except (Refused, NotFound) as error:
            return NoSound(f"{refused}: {error.message}", "Check the camera's sound settings.")
        found = re.search(r"interleaved=(\d+)", answer.headers.get("transport", ""))
        link.sound = int(found[1]) if found else int(wish.partition("-")[0])
        return sound

    def _set_up_udp(self, talk: Talk, link: UdpLink, control: str, *, sound: bool) -> Answer:
        ports: Ports = open_ports(talk)
        try:
            pair = f"{ports.number}-{ports.number + 1}"
            answer = talk.ask("SETUP", control, Transport=f"RTP/AVP;unicast;client_port={pair}")
        except BaseException:
            ports.close()
            raise
        transport = answer.headers.get("transport", "")
        found = re.search(r"server_port=(\d+)-(\d+)", transport)
        source = re.search(r"source=([^;]+)", transport)
        server_ports = (int(found[1]), int(found[2])) if found else ()
        link.expect(ports, server_ports, _literal(source[1]) if source else "", sound=sound)
        return answer

    def _items(
        self,
        talk: Talk,
        link: Link,
        video: Video,
        depacketiser: Depacketiser,
        alive_every: float,
        stop: threading.Event,
    ) -> Iterator["CameraPacket | CameraClock | _Heard | None"]:
        place = talk.address.place
        clock = self._clock
        arrival = clock()
        began = heard = alive = reported = time.monotonic()
        began_film = shown = False
        reads = 0
        while not stop.is_set():
            try:
                came = link.take(WAKE_SECONDS)
            except BadPacket as error:
                raise Broken(f"{place} sends what is no video: {error}.") from None
            # No picture came before those before it, even if the time of day, which tells its age, is set.
            before, arrival = arrival, max(arrival, clock() - link.age_ns)
            began_film = began_film or any(picture.key for picture in came.pictures)
            yield from self._given(came, depacketiser, before, arrival)
            now = time.monotonic()
            if came.pictures:
                heard, shown = now, True
            if now - heard > self._silence_seconds:
                if not shown:
                    raise NoFrames(f"{place} says that it plays, but sends no picture.")
                raise TimedOut(f"{place} went silent.")
            if not began_film and now - began > self._keyframe_seconds:
                raise NoKeyframe(f"{place} sends pictures, but no keyframe for a film to begin with.")
            if now - reported > min(REPORT_SECONDS, alive_every):
                reported = now
                link.report()
            if now - alive > alive_every:
                alive = now
                talk.stay(video.session)
            reads += 1
            if talk.flows and (talk.drained or reads >= TURN_READS):
                reads = 0
                yield None
        try:
            talk.say("TEARDOWN", video.session)
        except CameraError:
            return  # it is gone already, which is what we wanted

    @staticmethod
    def _given(
        came: Came, depacketiser: Depacketiser, before: int, arrival: int
    ) -> Iterator["CameraPacket | CameraClock | _Heard"]:
        for picture, moment in zip(
            came.pictures, arrivals(came.pictures, before=before, last=arrival), strict=True
        ):
            yield CameraPacket(picture.data, picture.timestamp, None, 0, picture.key, moment, picture.lost)
        for packet in came.sound:
            yield _Heard(packet, arrival)
        for packet in came.control:
            for stamp, utc_ns in sender_reports(packet):
                pts = depacketiser.counted(stamp)
                if pts is not None:
                    yield CameraClock(pts, utc_ns, arrival)


def arrivals(pictures: Sequence[Picture], *, before: int, last: int) -> list[int]:
    """When pictures that were read at one go came, in monotonic nanoseconds.

    Known is that the last came at `last`, and what was read before them at `before`. Between, they are taken
    to have come as far apart as they were taken, so that none counts as later than the last.
    """
    return [
        min(last, max(before, last - (pictures[-1].timestamp - picture.timestamp) * 1_000_000_000 // CLOCK))
        for picture in pictures
    ]


def _alive_every(answer: Answer) -> float:
    """How often a camera wants to hear of us: twice in the time that it keeps a session."""
    timeout = re.search(r"timeout=(\d+)", answer.headers.get("session", ""))
    seconds = int(timeout[1]) if timeout else SESSION_SECONDS
    return max(1.0, min(seconds, SESSION_SECONDS) / 2)


def _literal(host: str) -> str:
    """An IP address, or nothing: names that a camera gives are not looked up."""
    try:
        return str(ip_address(host.strip('" ')))
    except ValueError:
        return ""
