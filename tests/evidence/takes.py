"""A take as a station, a hub and an organisation would leave it behind, small and the same each time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from packwitness.evidence import journal
from packwitness.evidence.canonical import canonical, format_time
from packwitness.evidence.certificates import Organisation, Subject, SubjectKind, certificate
from packwitness.evidence.chain import ZERO, EventChain, PartChain
from packwitness.evidence.checkpoints import Checkpoint, sign_checkpoint
from packwitness.evidence.commitments import Disclosure, commit
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.log import Tree, leaf_of
from packwitness.evidence.receipts import receipt
from packwitness.evidence.statements import Statement, sign

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
ORGANISATION = Organisation(id="acme", name="Acme Parcels")
BENCH = "k3v9x2m4q7pa"
TAKE = f"{BENCH}-2"
ORIGIN = "hub.acme.example/log"


def key(name: str) -> SigningKey:
    """A key that is the same in each run."""
    return SigningKey.from_seed(hashlib.sha256(name.encode()).digest())


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def noise(name: str, size: int) -> bytes:
    """Bytes that look like nothing, the same for the same name."""
    return hashlib.shake_256(name.encode()).digest(size)


def init_bytes(camera: str, number: int) -> bytes:
    return box(b"ftyp", b"isom\0\0\2\0isomiso5") + box(b"moov", noise(f"{camera} init {number}", 120))


def part_bytes(camera: str, number: int) -> bytes:
    """A part of a size of its own; now and then its data looks like the beginning of another."""
    trap = box(b"moof", b"") if number % 3 == 0 else b""
    body = trap + noise(f"{camera} part {number}", 200 + 17 * number)
    return box(b"moof", noise(f"{camera} moof {number}", 40)) + box(b"mdat", body)


@dataclass
class CameraFilm:
    """One camera's bytes. ``new_inits``: parts before which the init changes (always 0)."""

    name: str
    parts: list[bytes]
    inits: list[bytes]
    new_inits: list[int]

    @classmethod
    def make(cls, name: str, count: int, new_inits: tuple[int, ...] = (0,)) -> "CameraFilm":
        return cls(
            name,
            [part_bytes(name, number) for number in range(count)],
            [init_bytes(name, number) for number in range(len(new_inits))],
            list(new_inits),
        )

    def units(self) -> list[bytes]:
        result: list[bytes] = []
        for number, part in enumerate(self.parts):
            if number in self.new_inits:
                result.append(self.inits[self.new_inits.index(number)])
            result.append(part)
        return result

    def film(self) -> bytes:
        return b"".join(self.units())

    def entry(self, take: str) -> dict[str, Any]:
        chain, current = PartChain(take, self.name), 0
        for number, part in enumerate(self.parts):
            if number in self.new_inits:
                current = self.new_inits.index(number)
            chain.append(_sha(self.inits[current]), _sha(part))
        return {
            "id": self.name,
            "name": self.name.title(),
            "codec": "avc1.64001f",
            "width": 1280,
            "height": 720,
            "timescale": 90_000,
            "offset_ms": 0,
            "inits": [
                {"size": len(init), "sha256": _sha(init), "first_part": first}
                for init, first in zip(self.inits, self.new_inits, strict=True)
            ],
            "parts": [
                {
                    "size": len(part),
                    "sha256": _sha(part),
                    "start": 90_000 * number,
                    "duration": 90_000,
                    "key": number % 2 == 0,
                }
                for number, part in enumerate(self.parts)
            ],
            "chain": chain.head,
            "gaps": [],
            "dropped_packets": 0,
            "lost_packets": 0,
            "stalls": 0,
            "reconnects": 0,
            "audio": None,
            "timing": {"source": "rtp", "drift_ppm": 12, "jitter_ms": 4, "clock_offset_ms": None},
        }


def make_certificate(
    kind: SubjectKind, name: str, issuer: str, organisation: Organisation = ORGANISATION
) -> Statement:
    """A certificate for the key ``name``, signed by the key ``issuer``."""
    identity = organisation.id if kind == "organisation" else name.replace(" ", "-")
    payload = certificate(
        organisation=organisation,
        subject=Subject(kind=kind, id=identity, name=name.title()),
        key=key(name).public,
        valid_from=NOW - timedelta(days=10),
        valid_until=NOW + timedelta(days=365),
        issuer=key(issuer).public,
    )
    return sign(payload, key(issuer))


def make_certificates(station: str = "station", organisation: str = "organisation") -> list[Statement]:
    return [
        make_certificate("station", station, organisation),
        make_certificate("organisation", organisation, organisation),
        make_certificate("hub", "hub", organisation),
    ]


def make_events(disclosure: Disclosure) -> list[dict[str, Any]]:
    texts: list[tuple[str, dict[str, Any]]] = [
        ("take_started", {}),
        ("label_scanned", {"code": {"commitment": disclosure.commitment}}),
    ]
    texts += [("item_scanned", {"sku": "MUG-1", "quantity": 2}), ("take_stopped", {"reason": "label"})]
    return [
        {
            "n": n,
            "kind": kind,
            "utc": format_time(NOW + timedelta(seconds=n)),
            "at_ms": 3_000 + 1_000 * n,
            "data": data,
        }
        for n, (kind, data) in enumerate(texts)
    ]


@dataclass
class Take:
    """Everything about one take, so that a test changes one thing and sees what is found."""

    cameras: dict[str, CameraFilm]
    manifest: Statement
    certificates: list[Statement]
    receipt: Statement
    log: dict[str, Any]
    disclosures: list[Disclosure]
    journal: list[Statement] = field(default_factory=list)

    def files(self) -> dict[str, bytes]:
        """The bundle that a hub would make."""
        return {
            "manifest.json": self.manifest.to_json(),
            "certificates.json": canonical([one.to_value() for one in self.certificates]),
            "receipt.json": self.receipt.to_json(),
            "log.json": canonical(self.log),
            "disclosures.json": canonical([one.to_value() for one in self.disclosures]),
            "journal.json": canonical([one.to_value() for one in self.journal]),
            **{f"films/{name}.mp4": camera.film() for name, camera in self.cameras.items()},
        }

    def station_files(self) -> dict[str, bytes]:
        """The station's own folder."""
        files = {
            name: data
            for name, data in self.files().items()
            if name in ("manifest.json", "certificates.json")
        }
        for name, camera in self.cameras.items():
            files |= {f"parts/{name}/init-{n:03d}.mp4": data for n, data in enumerate(camera.inits)}
            files |= {f"parts/{name}/{n:08d}.m4s": data for n, data in enumerate(camera.parts)}
        return files


def make_take(station: str = "station", organisation: str = "organisation") -> Take:
    """A take of two cameras, the second of which changed its init in mid-take."""
    cameras = {
        "overhead": CameraFilm.make("overhead", 9),
        "side": CameraFilm.make("side", 6, (0, 4)),
    }
    salt = noise("salt", 16)
    disclosure = Disclosure(commit("1Z 999 AA1", salt), salt, "1Z 999 AA1")
    payload = manifest_payload(cameras, disclosure, key(station))
    entries = make_journal(payload, cameras, key(station))
    payload["journal"] = {
        "start": {"n": 2, "digest": entries[1].digest},
        "head": {"n": 3, "digest": entries[2].digest},
    }
    manifest = sign(payload, key(station))
    seal = journal.entry(
        bench=BENCH,
        n=4,
        previous=entries[-1].digest,
        utc=NOW,
        kind="seal",
        data={"take": TAKE, "manifest": manifest.digest, "outcome": "completed"},
    )
    return Take(
        cameras=cameras,
        manifest=manifest,
        certificates=make_certificates(station, organisation),
        receipt=make_receipt(manifest),
        log=make_log(manifest),
        disclosures=[disclosure],
        journal=[*entries, sign(seal, key(station))],
    )


def late_manifest() -> Statement:
    """The take's manifest with an end that lies far in the future, signed by its station."""
    end = format_time(NOW + timedelta(days=200))
    return sign({**make_take().manifest.payload, "stopped_at": end, "film_until": end}, key("station"))


def manifest_payload(
    cameras: Mapping[str, CameraFilm], disclosure: Disclosure, station: SigningKey
) -> dict[str, Any]:
    events, chain = make_events(disclosure), EventChain(TAKE)
    for event in events:
        chain.append(event)
    return {
        "type": "packwitness/manifest/1",
        "take": TAKE,
        "organisation": {"id": ORGANISATION.id},
        "bench": {"id": BENCH, "name": "Bench 1"},
        "station": {"id": "station", "key": station.public.key_id},
        "kind": "packing",
        "outcome": "completed",
        "subject": {"kind": "tracking_number", "commitment": disclosure.commitment},
        "workflow": {"logic": "laid-lifted", "version": hashlib.sha256(b"toml").hexdigest()},
        "software": {"name": "packwitness", "version": "0.1.0"},
        "film_from": format_time(NOW - timedelta(seconds=3)),
        "started_at": format_time(NOW),
        "stopped_at": format_time(NOW + timedelta(seconds=6)),
        "film_until": format_time(NOW + timedelta(seconds=6)),
        "clock": {
            "source": "system",
            "reference": "hub",
            "offset_ms": -4,
            "uncertainty_ms": 12,
            "measured_at": format_time(NOW),
        },
        "journal": {"start": {"n": 2, "digest": ZERO}, "head": {"n": 3, "digest": ZERO}},
        "cameras": [camera.entry(TAKE) for camera in cameras.values()],
        "events": events,
        "events_chain": chain.head,
        "legibility": {"camera": next(iter(cameras)), "looks": 31, "readable": 24},
    }


def make_journal(
    payload: Mapping[str, Any], cameras: Mapping[str, CameraFilm], station: SigningKey
) -> list[Statement]:
    """Boot, start and one checkpoint after the first four parts and two events."""
    marks: dict[str, Any] = {}
    for name, camera in cameras.items():
        chain = PartChain(TAKE, name)
        for part in camera.parts[:4]:
            chain.append(_sha(camera.inits[0]), _sha(part))
        marks[name] = {"parts": chain.count, "chain": chain.head}
    events = EventChain(TAKE)
    for event in payload["events"][:2]:
        events.append(event)
    bodies: list[tuple[journal.EntryKind, dict[str, Any]]] = [
        ("boot", {"software": "0.1.0", "boot": "00ff", "key": station.public.key_id}),
        (
            "start",
            {
                "take": TAKE,
                "subject": payload["subject"],
                "workflow": payload["workflow"],
                "cameras": [*cameras],
            },
        ),
        (
            "checkpoint",
            {"take": TAKE, "cameras": marks, "events": {"count": events.count, "chain": events.head}},
        ),
    ]
    entries: list[Statement] = []
    for n, (kind, data) in enumerate(bodies, 1):
        previous = entries[-1].digest if entries else ZERO
        entry = journal.entry(bench=BENCH, n=n, previous=previous, utc=NOW, kind=kind, data=data)
        entries.append(sign(entry, station))
    return entries


def make_receipt(manifest: Statement, **changes: Any) -> Statement:
    values: dict[str, Any] = {
        "take": TAKE,
        "organisation": ORGANISATION.id,
        "manifest": manifest.digest,
        "received_at": NOW + timedelta(seconds=8),
        "origin": ORIGIN,
        "index": 2,
    }
    return sign(receipt(**(values | changes)), key("hub"))


def make_log(manifest: Statement, signer: str = "hub") -> dict[str, Any]:
    """The log's proof: the manifest is the third of five."""
    tree = Tree()
    for index in range(5):
        tree.append(leaf_of(manifest.digest) if index == 2 else noise(f"leaf {index}", 32))
    return {
        "index": 2,
        "size": 5,
        "proof": [one.hex() for one in tree.inclusion_proof(2)],
        "checkpoint": sign_checkpoint(Checkpoint(ORIGIN, 5, tree.root()), key(signer)),
    }


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
