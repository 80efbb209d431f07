"""What a camera says of itself (RFC 8866): the one video stream that we take. Pure."""

import base64
import binascii
from dataclasses import dataclass, field, replace
from fractions import Fraction

from packwitness.station.cameras.camera import NoVideo, WrongCodec

CODECS = {"H264": "h264", "H265": "hevc"}
CLOCK = 90_000
STATIC = {"26": "JPEG", "31": "H261", "32": "MPEG-1/2", "33": "MPEG-TS", "34": "H263"}
"""Payload types that need no name (RFC 3551)."""


@dataclass(frozen=True, slots=True)
class Video:
    """`sets`: parameter sets out of band, perhaps none. `control`: the URL to set the stream up by;
    `session`: the one to play it by.
    """

    codec: str
    payload_type: int
    control: str
    sets: tuple[bytes, ...]
    frame_rate: Fraction | None
    session: str = ""


@dataclass(slots=True)
class _Media:
    formats: list[str]
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def of(self, name: str, payload_type: str) -> str:
        """The value of an attribute that begins with the payload type: `rtpmap:96 H264/90000`."""
        for value in self.attributes.get(name, []):
            number, _, rest = value.partition(" ")
            if number == payload_type:
                return rest.strip()
        return ""


def read_sdp(text: str, *, base: str, place: str) -> Video:
    """Return the first H.264 or H.265 stream. `base` is the URL that relative ones are relative to.

    Raises:
        NoVideo, WrongCodec.
    """
    medias: list[_Media] = []
    session = base
    for line in text.splitlines():
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            words = value.split()
            medias.append(_Media(words[3:] if words[:1] == ["video"] else []))
        elif kind == "a" and medias:
            name, _, rest = value.partition(":")
            medias[-1].attributes.setdefault(name.strip().lower(), []).append(rest.strip())
        elif kind == "a" and value.lower().startswith("control:"):
            session = _joined(base, value.partition(":")[2].strip())
    names: list[str] = []
    for media in medias:
        for payload_type in media.formats:
            name, _, rate = media.of("rtpmap", payload_type).partition("/")
            codec = CODECS.get(name.strip().upper())
            if codec and payload_type.isdigit() and rate.strip() == str(CLOCK):
                return replace(_video(media, codec, payload_type, base), session=session)
            known = STATIC.get(payload_type, "")
            names.append(name.strip() or f"{known} (payload type {payload_type})".lstrip())
    there = place[0].lower() + place[1:]
    if names:
        raise WrongCodec(f"The picture of {there} is coded as {names[0][:40]}.")
    raise NoVideo(f"There is no picture in {there}.")


def _video(media: _Media, codec: str, payload_type: str, base: str) -> Video:
    parameters: dict[str, str] = {}
    for word in media.of("fmtp", payload_type).split(";"):
        name, _, value = word.strip().partition("=")
        parameters[name.lower()] = value
    if codec == "h264":
        encoded = parameters.get("sprop-parameter-sets", "")
    else:
        encoded = ",".join(parameters.get(f"sprop-{kind}", "") for kind in ("vps", "sps", "pps"))
    control = media.attributes.get("control", [""])[0]
    return Video(
        codec,
        int(payload_type),
        _joined(base, control),
        tuple(unit for word in encoded.split(",") if (unit := _unit(word))),
        _rate(media.attributes.get("framerate", [""])[0]),
    )


def _joined(base: str, control: str) -> str:
    if control in ("", "*"):
        return base
    if "://" in control:
        return control
    # Not urljoin: cameras mean "append", even where the base does not end in a slash, or has a query.
    return f"{base.rstrip('/')}/{control.lstrip('/')}"


def _unit(word: str) -> bytes:
    """A parameter set; nothing if it cannot be read, since most cameras send it in band as well."""
    try:
        return base64.b64decode(word.strip() + "=" * (-len(word.strip()) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _rate(word: str) -> Fraction | None:
    try:
        rate = Fraction(word)
    except (ValueError, ZeroDivisionError):
        return None
    return rate if 0 < rate <= 1000 else None
