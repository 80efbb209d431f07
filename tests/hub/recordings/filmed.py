"""Real films in parts, and a station that sends them as the protocol says."""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any, cast

import av
import numpy as np
from django.test import Client

from packwitness.evidence import journal
from packwitness.evidence.chain import ZERO, EventChain, PartChain
from packwitness.evidence.commitments import Disclosure
from packwitness.evidence.statements import Statement, sign
from packwitness.hub.notary import operations as notary
from packwitness.protocol import API_BASE, content_digest
from tests.hub.conftest import NOW, House

OPTIONS = {
    "movflags": "frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer",
    "avoid_negative_ts": "disabled",
    "video_track_timescale": "90000",
}
SCALE = 90_000
HEVC = "hvc1.1.6.L30.90"
"""What the manifest calls ``film(codec="hevc")``."""


@dataclass(frozen=True)
class Part:
    """One part with the init it was made with; ``start`` and ``duration`` in 1/90000 s."""

    init: bytes
    data: bytes
    start: int
    duration: int
    key: bool


@cache
def film(
    seconds: int = 4,
    *,
    width: int = 96,
    height: int = 64,
    gop: int = 10,
    per_part: int = 10,
    shade: int = 0,
    codec: str = "h264",
) -> tuple[Part, ...]:
    """Film at 10 pictures a second in parts of ``per_part`` pictures; the picture's grey is 2 x its number +
    20. ``codec``: h264 or hevc.
    """
    source = io.BytesIO()
    with av.open(source, "w", format="matroska") as out:
        encoder, quiet = ("libx264", "") if codec == "h264" else ("libx265", ":log-level=none")
        options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            f"{encoder[3:]}-params": f"keyint={gop}:min-keyint={gop}:scenecut=0{quiet}",
        }
        stream = cast(av.VideoStream, out.add_stream(encoder, rate=10, options=options))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, SCALE)
        for number in range(seconds * 10):
            grey = np.full((height, width, 3), (20 + 2 * number + shade) % 256, np.uint8)
            picture = av.VideoFrame.from_ndarray(grey, format="rgb24")
            picture.pts, picture.time_base = number * SCALE // 10, Fraction(1, SCALE)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    source.seek(0)
    with av.open(source, "r") as encoded:
        video = encoded.streams.video[0]
        packets = [packet for packet in encoded.demux(video) if packet.size]
        return tuple(
            _part(video, packets[at : at + per_part], number)
            for number, at in enumerate(range(0, len(packets), per_part))
        )


def _part(video: av.VideoStream, packets: "Sequence[av.Packet[Any]]", number: int) -> Part:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4", options={**OPTIONS, "fragment_index": str(number + 1)}) as muxer:
        stream = muxer.add_stream_from_template(video)
        if video.codec.name == "hevc":
            stream.codec_tag = "hvc1"
        for packet in packets:
            copy = av.Packet(bytes(packet))
            assert packet.pts is not None
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts or packet.pts, packet.time_base
            copy.duration, copy.is_keyframe, copy.stream = 100, packet.is_keyframe, stream
            muxer.mux(copy)
    data = out.getvalue()
    cut = data.index(b"moof") - 4
    assert packets[0].pts is not None
    start = round(packets[0].pts * packets[0].time_base * SCALE)
    return Part(data[:cut], data[cut:], start, len(packets) * SCALE // 10, packets[0].is_keyframe)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Filming:
    """One take as a station makes it. ``cameras`` maps a camera's id to its parts.

    Times: the film begins ``pre_roll_ms`` before ``started_at`` and ends with the longest camera's last part,
    ``post_roll_ms`` after the stop.
    """

    house: House
    number: int = 1
    code: str = "6012-3456-7890"
    kind: str = "packing"
    outcome: str = "completed"
    started_at: datetime = NOW + timedelta(minutes=1)
    pre_roll_ms: int = 1000
    post_roll_ms: int = 0
    offset_ms: int = 0
    cameras: dict[str, tuple[Part, ...]] = field(default_factory=lambda: {"overhead": film()})
    previous: str = ZERO
    codec: str = "avc1.64001f"
    more_events: Sequence[dict[str, Any]] = ()

    def __post_init__(self) -> None:
        station = self.house.station
        station.certificate = notary.certify_station(
            organisation_id=station.organisation_id,
            organisation_name=self.house.organisation.name,
            station_id=station.id,
            station_name=station.name,
            public_key=bytes(station.public_key),
            at=NOW,
        ).to_value()
        station.save()
        self.take = f"{self.house.bench.id}-{self.number}"
        self.film_from = self.started_at - timedelta(milliseconds=self.pre_roll_ms)
        length = max((sum(part.duration for part in parts) for parts in self.cameras.values()), default=0)
        self.stopped_at = self.film_from + timedelta(milliseconds=self.offset_ms + length * 1000 // SCALE)
        self.subject = Disclosure.make(self.code)
        self.badge = Disclosure.make("packer 7")
        self.start = self.entry(
            self.number,
            self.previous,
            "start",
            {
                "take": self.take,
                "subject": {"kind": "tracking_number", "commitment": self.subject.commitment},
                "workflow": {"logic": "scan-next", "version": "0" * 64},
                "cameras": list(self.cameras),
            },
        )
        self.client = self.house.station_client()

    def entry(self, n: int, previous: str, kind: Any, data: dict[str, Any]) -> Statement:
        """A signed journal entry of the bench."""
        payload = journal.entry(
            bench=self.house.bench.id, n=n, previous=previous, utc=self.started_at, kind=kind, data=data
        )
        return sign(payload, self.house.station_key)

    # --- what the station says ---

    def announcement(self) -> dict[str, Any]:
        return {
            "bench": self.house.bench.id,
            "kind": self.kind,
            "code": self.code,
            "code_kind": "tracking_number",
            "started_at": self.started_at.isoformat(),
            "film_from": self.film_from.isoformat(),
            "cameras": [{"id": camera, "name": camera.title()} for camera in self.cameras],
            "start": self.start.to_value(),
        }

    def payload(self) -> dict[str, Any]:
        """The manifest's payload."""
        cameras = [self._camera(camera, parts) for camera, parts in self.cameras.items()]
        events = self._events()
        chain = EventChain(self.take)
        for event in events:
            chain.append(event)
        point = {"n": self.number, "digest": self.start.digest}
        return {
            "type": "packwitness/manifest/1",
            "take": self.take,
            "organisation": {"id": self.house.organisation.id},
            "bench": {"id": self.house.bench.id, "name": self.house.bench.name},
            "station": {"id": self.house.station.id, "key": self.house.station_key.public.key_id},
            "kind": self.kind,
            "outcome": self.outcome,
            "subject": {"kind": "tracking_number", "commitment": self.subject.commitment},
            "workflow": {"logic": "scan-next", "version": "0" * 64},
            "software": {"name": "packwitness", "version": "0.1.0"},
            "film_from": utc(self.film_from),
            "started_at": utc(self.started_at),
            "stopped_at": utc(self.stopped_at - timedelta(milliseconds=self.post_roll_ms)),
            "film_until": utc(self.stopped_at),
            "clock": {
                "source": "system",
                "reference": "none",
                "offset_ms": None,
                "uncertainty_ms": None,
                "measured_at": None,
            },
            "journal": {"start": point, "head": point},
            "cameras": cameras,
            "events": events,
            "events_chain": chain.head,
            "legibility": None,
        }

    def manifest(self) -> Statement:
        return sign(self.payload(), self.house.station_key)

    def sealing(self) -> dict[str, Any]:
        return {
            "manifest": self.manifest().to_value(),
            "disclosures": [self.subject.to_value(), self.badge.to_value()],
        }

    def _camera(self, camera: str, parts: Sequence[Part]) -> dict[str, Any]:
        chain, inits, listed = PartChain(self.take, camera), list[dict[str, Any]](), list[dict[str, Any]]()
        for number, part in enumerate(parts):
            if not inits or inits[-1]["sha256"] != sha(part.init):
                inits.append({"size": len(part.init), "sha256": sha(part.init), "first_part": number})
            chain.append(sha(part.init), sha(part.data))
            facts = {"start": part.start, "duration": part.duration, "key": part.key}
            listed.append({"size": len(part.data), "sha256": sha(part.data), **facts})
        return {
            "id": camera,
            "name": camera.title(),
            "codec": self.codec,
            "width": 96,
            "height": 64,
            "timescale": SCALE,
            "offset_ms": self.offset_ms,
            "inits": inits,
            "parts": listed,
            "chain": chain.head,
            "gaps": [],
            "dropped_packets": 0,
            "lost_packets": 0,
            "stalls": 0,
            "reconnects": 0,
            "audio": None,
            "timing": {"source": "rtp", "drift_ppm": 12, "jitter_ms": 4, "clock_offset_ms": None},
        }

    def _events(self) -> list[dict[str, Any]]:
        at, until = self.pre_roll_ms, int((self.stopped_at - self.film_from).total_seconds() * 1000)
        code = {"commitment": self.subject.commitment}
        listed = [
            {"kind": "take_started", "at_ms": at, "data": {"logic": "scan-next"}},
            {"kind": "label_scanned", "at_ms": at, "data": {"code": code, "source": "scanner"}},
            {"kind": "warning", "at_ms": at + 900, "data": {"badge": {"commitment": self.badge.commitment}}},
            *self.more_events,
            {"kind": "take_stopped", "at_ms": until, "data": {"reason": "same_code"}},
        ]
        return [
            {"n": n, "utc": utc(self.film_from + timedelta(milliseconds=event["at_ms"])), **event}
            for n, event in enumerate(listed)
        ]

    # --- what it does ---

    def announce(self) -> Any:
        return put(self.client, f"{API_BASE}/takes/{self.take}", self.announcement())

    def put_init(self, camera: str, k: int, data: bytes, **more: Any) -> Any:
        return put_bytes(
            self.client, f"{API_BASE}/takes/{self.take}/cameras/{camera}/inits/{k}", data, **more
        )

    def put_part(self, camera: str, n: int, part: Part, init: int = 0, **more: Any) -> Any:
        query = f"init={init}&start={part.start}&duration={part.duration}&key={int(part.key)}"
        address = f"{API_BASE}/takes/{self.take}/cameras/{camera}/parts/{n}?{query}"
        return put_bytes(self.client, address, part.data, **more)

    def send_parts(self, wanted: Callable[[str, int], bool] = lambda camera, n: True) -> None:
        """Send inits and those parts that are ``wanted``."""
        for camera, parts in self.cameras.items():
            inits: list[bytes] = []
            for n, part in enumerate(parts):
                if not inits or inits[-1] != part.init:
                    inits.append(part.init)
                    assert self.put_init(camera, len(inits) - 1, part.init).status_code in (200, 201)
                if wanted(camera, n):
                    answer = self.put_part(camera, n, part, len(inits) - 1)
                    assert answer.status_code in (200, 201), answer.content

    def seal(self) -> Any:
        return put(self.client, f"{API_BASE}/takes/{self.take}/manifest", self.sealing())

    def whole(self) -> dict[str, Any]:
        """Announce, send, seal; return the receipt's statement."""
        assert self.announce().status_code == 200
        self.send_parts()
        answer = self.seal()
        assert answer.status_code == 200, answer.content
        receipt: dict[str, Any] = answer.json()["receipt"]
        return receipt

    def bytes_of(self, camera: str, first: int = 0) -> bytes:
        """The film's bytes from part ``first`` on, as the verifier defines them."""
        found, init = b"", b""
        for part in self.cameras[camera][first:]:
            if part.init != init:
                found += part.init
                init = part.init
            found += part.data
        return found


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def put(client: Client, address: str, body: dict[str, Any]) -> Any:
    return client.put(address, json.dumps(body), content_type="application/json")


def put_bytes(client: Client, address: str, data: bytes, **more: Any) -> Any:
    headers = {"Content-Digest": content_digest(hashlib.sha256(data).digest()), **more.pop("headers", {})}
    return client.put(address, data, content_type="application/octet-stream", headers=headers, **more)


def body(answer: Any) -> bytes:
    """An answer's bytes, streamed or not."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content
