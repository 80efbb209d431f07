"""What a camera says of itself (RFC 8866): the one video stream that we take. Pure."""

import base64
import binascii
from dataclasses import dataclass, field, replace
from fractions import Fraction

from packwitness.station.cameras.camera import NoSound, NoVideo, SoundInfo, WrongCodec

CODECS = {"H264": "h264", "H265": "hevc"}
CLOCK = 90_000
STATIC = {"26": "JPEG", "31": "H261", "32": "MPEG-1/2", "33": "MPEG-TS", "34": "H263"}
"""Payload types that need no name (RFC 3551)."""
STATIC_SOUND = {"0": "PCMU/8000", "8": "PCMA/8000", "9": "G722/8000", "14": "MPA/90000"}
G711 = {"PCMU": "pcm_mulaw", "PCMA": "pcm_alaw"}


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


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound beside the picture. `size_bits`, `index_bits`: of the header before each frame of AAC."""

    info: SoundInfo
    payload_type: int
    control: str
    size_bits: int = 0
    index_bits: int = 0


@dataclass(slots=True)
class _Media:
    kind: str
    formats: list[str]
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def of(self, name: str, payload_type: str) -> str:
        """The value of an attribute that begins with the payload type: `rtpmap:96 H264/90000`."""
        for value in self.attributes.get(name, []):
            number, _, rest = value.partition(" ")
            if number == payload_type:
                return rest.strip()
        return ""

    def parameters(self, payload_type: str) -> dict[str, str]:
        """Those of `fmtp`, names in lower case."""
        found: dict[str, str] = {}
        for word in self.of("fmtp", payload_type).split(";"):
            name, _, value = word.strip().partition("=")
            found[name.strip().lower()] = value.strip()
        return found


def read_sdp(text: str, *, base: str, place: str) -> Video:
    """Return the first H.264 or H.265 stream. `base` is the URL that relative ones are relative to.

    Raises:
        NoVideo, WrongCodec.
    """
    medias, control = _medias(text)
    session = _joined(base, control)
    names: list[str] = []
    for media in (media for media in medias if media.kind == "video"):
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


def read_sound(text: str, *, base: str, place: str) -> Sound | NoSound:
    """Return the first sound that can be kept, or why there is none. What we have no room for in an MP4 and
    would not know how to encode anew is refused.
    """
    names: list[str] = []
    for media in (media for media in _medias(text)[0] if media.kind == "audio"):
        control = _joined(base, media.attributes.get("control", [""])[0])
        for payload_type in media.formats:
            named = media.of("rtpmap", payload_type) or STATIC_SOUND.get(payload_type, "")
            name, _, rest = named.partition("/")
            sound = _sound(media, name.strip().upper(), rest, payload_type, control)
            if sound is not None:
                return sound
            names.append(name.strip() or f"payload type {payload_type}")
    if names:
        return NoSound(
            f"The sound of {place[0].lower() + place[1:]} is coded as {names[0][:40]}.",
            "Set the camera's sound to AAC, or to G.711.",
        )
    return NoSound(
        f"{place} sends no sound.", "Switch the microphone on in the camera, or write audio = false for it."
    )


def _sound(media: _Media, name: str, rest: str, payload_type: str, control: str) -> Sound | None:
    rate, _, count = rest.partition("/")
    if not (payload_type.isdigit() and rate.strip().isdigit() and (count.strip() or "1").isdigit()):
        return None
    sample_rate, channels = int(rate), int(count.strip() or "1")
    if not (0 < sample_rate <= 96_000 and 0 < channels <= 8):
        return None
    if name in G711:
        return Sound(SoundInfo(G711[name], sample_rate, channels, b""), int(payload_type), control)
    parameters = media.parameters(payload_type)
    bits = [parameters.get(f"{part}length", "0") for part in ("size", "index", "indexdelta")]
    if name != "MPEG4-GENERIC" or not all(bit.isdigit() for bit in bits) or bits[1] != bits[2]:
        return None
    size_bits, index_bits = int(bits[0]), int(bits[1])
    try:
        config = bytes.fromhex(parameters.get("config", ""))
    except ValueError:
        return None
    # AAC-LC: audio object type 2.
    if len(config) < 2 or config[0] >> 3 != 2 or not 0 < size_bits <= 16 or index_bits > 16:
        return None
    told = config[1] >> 3 & 0x0F  # ISO/IEC 14496-3, 1.6.2.1
    if told not in (1, 2) or (config[0] & 7) << 1 | config[1] >> 7 == 15:
        return None
    return Sound(
        SoundInfo("aac", sample_rate, told, config[:2]), int(payload_type), control, size_bits, index_bits
    )


def _medias(text: str) -> tuple[list[_Media], str]:
    """The streams described, and the control URL of all of them together."""
    medias: list[_Media] = []
    control = ""
    for line in text.splitlines():
        kind, _, value = line.strip().partition("=")
        if kind == "m":
            words = value.split()
            medias.append(_Media(words[0] if words else "", words[3:]))
        elif kind == "a" and medias:
            name, _, rest = value.partition(":")
            medias[-1].attributes.setdefault(name.strip().lower(), []).append(rest.strip())
        elif kind == "a" and value.lower().startswith("control:"):
            control = value.partition(":")[2].strip()
    return medias, control


def _video(media: _Media, codec: str, payload_type: str, base: str) -> Video:
    parameters = media.parameters(payload_type)
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
