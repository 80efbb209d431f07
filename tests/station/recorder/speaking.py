"""A camera with a microphone: a film and a tone, sent by RTSP as they would be live."""

import base64
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import av
import numpy as np

from packwitness.station.recorder import nal
from tests.station.cameras.scripted_camera import Item, Script
from tests.station.cameras.test_rtp import fragments, rtp
from tests.station.recorder.reading import samples

RATES = {"aac": 48_000, "pcm_mulaw": 8_000, "pcm_alaw": 8_000}
MEDIA = {
    "": "",
    "aac": (
        "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/1\r\na=control:sound\r\n"
        "a=fmtp:97 streamtype=5; profile-level-id=1; mode=AAC-hbr; "
        "sizelength=13; indexlength=3; indexdeltalength=3; config=1188\r\n"
    ),
    "pcm_mulaw": "m=audio 0 RTP/AVP 0\r\na=control:sound\r\n",
    "pcm_alaw": "m=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=control:sound\r\n",
    "opus": "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\na=control:sound\r\n",
}
SDP = (
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=framerate:30\r\na=control:video\r\n"
)
STEP = 1 / 30


def tone(codec: str, seconds: float, begin: float, end: float) -> list[tuple[float, bytes]]:
    """Frames of sound and when each is whole, in seconds: a tone, with nothing before and after."""
    rate = RATES[codec]
    time = np.arange(int(seconds * rate)) / rate
    wave = 0.5 * np.sin(2 * np.pi * 440 * time) * ((time >= begin) & (time < end))
    values = (wave * 32_000).astype(np.int16)[None, :]
    buffer = BytesIO()
    with av.open(buffer, "w", format="adts" if codec == "aac" else "wav") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.layout = "mono"
        size = 1024 if codec == "aac" else 160
        found: list[tuple[float, bytes]] = []
        resampler = av.AudioResampler(stream.codec_context.format, "mono", rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray(values, format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for piece in resampler.resample(frame):
            for packet in stream.encode(piece):
                begins = (packet.pts or 0) / rate
                found.append((begins + size / rate, bytes(packet)))
    return found


def payload(codec: str, frame: bytes) -> bytes:
    """RFC 3640's header before AAC, nothing before G.711."""
    return b"\x00\x10" + (len(frame) << 3).to_bytes(2, "big") + frame if codec == "aac" else frame


def speaking(
    film: Path,
    codec: str,
    *,
    seconds: float,
    beep: tuple[float, float] = (1.0, 1.5),
    sound_from: float = 0.0,
    sound_until: float = 1e9,
    described: str | None = None,
    **more: object,
) -> tuple[Script, Sequence[bytes]]:
    """The script of a camera that shows `film` again and again, and its pictures in order."""
    shown = samples(film)
    events: list[tuple[float, str, list[bytes]]] = []
    pictures: list[bytes] = []
    sequence = 0
    for number in range(int(seconds / STEP)):
        data = shown[number % len(shown)].data
        pictures.append(data)
        pieces = [
            piece
            for unit in nal.prefixed_units(data)
            for piece in (fragments(unit) if len(unit) > 1400 else [unit])
        ]
        packets = []
        for place, piece in enumerate(pieces):
            last = place == len(pieces) - 1
            packets.append(rtp(piece, sequence, 7000 + 3000 * number, marker=last, source=1))
            sequence += 1
        events.append((number * STEP, "video", packets))
    if codec:
        rate = RATES[codec]
        size = 1024 if codec == "aac" else 160
        kind = {"aac": 97, "pcm_mulaw": 0, "pcm_alaw": 8}[codec]
        for number, (at, frame) in enumerate(tone(codec, seconds, *beep)):
            if sound_from <= at <= sound_until:
                stamp = 0xFFFFF000 + round(at * rate) - size
                events.append(
                    (
                        at,
                        "sound",
                        [rtp(payload(codec, frame), number, stamp, kind=kind, marker=True, source=2)],
                    )
                )
    events.sort(key=lambda event: event[0])
    items: list[Item] = []
    now = 0.0
    for at, way, packets in events:
        if at > now:
            items.append(at - now)
            now = at
        items += [(way, packet) for packet in packets]
    with av.open(str(film)) as container:
        sets = nal.record_units("h264", container.streams.video[0].codec_context.extradata or b"")
    words = ",".join(base64.b64encode(unit).decode() for unit in sets)
    sdp = f"{SDP}a=fmtp:96 packetization-mode=1;sprop-parameter-sets={words}\r\n"
    sdp += MEDIA[codec if described is None else described]
    return Script(sdp, items, **more), pictures  # type: ignore[arg-type]  # only a test's own words
