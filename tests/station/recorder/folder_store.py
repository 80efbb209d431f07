"""A `PartStore` that writes real files, and reads them back for a test to look at."""

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from packwitness.station.recorder.messages import SoundFacts
from packwitness.station.recorder.store import FilmSoFar, StreamFacts, Timing


@dataclass(frozen=True)
class Init:
    k: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Part:
    n: int
    init: int
    size: int
    sha256: str
    start: int
    duration: int
    key: bool
    chain: str


@dataclass(frozen=True)
class StoredGap:
    at_ms: int
    duration_ms: int
    reason: str
    dropped: int


@dataclass(frozen=True)
class SoFar:
    origin_ns: int
    end: int
    parts: int
    audio: SoundFacts | None


class FolderStore:
    """`<root>/<take>/<camera>/` with inits, parts, gaps.jsonl and a row beside each; fsynced like the real
    one.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()

    def put_init(self, *, take: str, camera: str, data: bytes, info: StreamFacts, origin_ns: int) -> Init:
        folder = self._folder(take, camera)
        known = sorted(folder.glob("init-*.mp4"))
        digest = hashlib.sha256(data).hexdigest()
        if known and known[-1].read_bytes() == data:
            return Init(len(known) - 1, len(data), digest)
        row = Init(len(known), len(data), digest)
        sound = info.audio
        audio = None
        if sound is not None:
            audio = [sound.codec, sound.sample_rate, sound.channels, sound.encoded_from]
        facts = [info.codec, info.width, info.height, info.timescale, origin_ns, audio]
        self._write(folder / f"init-{row.k:03}.mp4", data)
        self._write(folder / f"init-{row.k:03}.json", json.dumps(facts).encode())
        return row

    def put_part(
        self, *, take: str, camera: str, init: int, data: bytes, start: int, duration: int, key: bool
    ) -> Part:
        folder = self._folder(take, camera)
        n = len(list(folder.glob("*.m4s.json")))
        digest = hashlib.sha256(data).hexdigest()
        row = Part(n, init, len(data), digest, start, duration, key, digest)
        self._write(folder / f"{n:08}.m4s", data)
        self._write(folder / f"{n:08}.m4s.json", json.dumps(row.__dict__).encode())
        return row

    def add_gap(
        self, *, take: str, camera: str, at_ms: int, duration_ms: int, reason: str, dropped: int = 0
    ) -> None:
        with (self._folder(take, camera) / "gaps.jsonl").open("a") as file:
            file.write(json.dumps([at_ms, duration_ms, reason, dropped]) + "\n")

    def note(
        self,
        *,
        take: str,
        camera: str,
        lost: int,
        stalls: int,
        reconnects: int,
        timing: Timing | None,
        dropped: int = 0,
    ) -> None:
        said = None if timing is None else [timing.source, timing.drift_ppm, timing.jitter_ms]
        with (self._folder(take, camera) / "notes.jsonl").open("a") as file:
            file.write(json.dumps([lost, stalls, reconnects, said, dropped]) + "\n")

    def so_far(self, *, take: str, camera: str) -> FilmSoFar | None:
        rows = self.parts(take, camera)
        if not self.inits(take, camera):
            return None
        end = max((row.start + row.duration for row in rows), default=0)
        newest = max(self._folder(take, camera).glob("init-*.json"))
        told = json.loads(newest.read_bytes())[5]
        return SoFar(self.origin_ns(take, camera), end, len(rows), told and SoundFacts(*told))

    # --- for the test ---

    def counts(self, take: str, camera: str) -> tuple[int, int, int]:
        """Lost packets, stalls, reconnects."""
        path = self._folder(take, camera) / "notes.jsonl"
        notes = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        lost, stalls, reconnects = (sum(note[number] for note in notes) for number in range(3))
        return lost, stalls, reconnects

    def dropped(self, take: str, camera: str) -> int:
        """Pictures that could not be encoded in time."""
        lines = (self._folder(take, camera) / "notes.jsonl").read_text().splitlines()
        return sum(json.loads(line)[4] for line in lines)

    def parts(self, take: str, camera: str) -> list[Part]:
        rows = sorted(self._folder(take, camera).glob("*.m4s.json"))
        return [Part(**json.loads(row.read_bytes())) for row in rows]

    def inits(self, take: str, camera: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self._folder(take, camera).glob("init-*.mp4"))]

    def timing(self, take: str, camera: str) -> tuple[str, int | None, int | None]:
        """Source, drift and jitter as they were said last."""
        lines = (self._folder(take, camera) / "notes.jsonl").read_text().splitlines()
        source, drift, jitter = [said for line in lines if (said := json.loads(line)[3])][-1]
        return source, drift, jitter

    def origin_ns(self, take: str, camera: str) -> int:
        rows = self._folder(take, camera).glob("init-*.json")
        (origin,) = {json.loads(row.read_bytes())[4] for row in rows}
        return int(origin)

    def bodies(self, take: str, camera: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self._folder(take, camera).glob("*.m4s"))]

    def gaps(self, take: str, camera: str) -> list[StoredGap]:
        path = self._folder(take, camera) / "gaps.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [StoredGap(*json.loads(line)) for line in lines]

    def film(self, take: str, camera: str) -> bytes:
        """Init and parts joined, as the hub joins them: an init wherever it changes."""
        pieces: list[bytes] = []
        inits = self.inits(take, camera)
        before = -1
        for part, body in zip(self.parts(take, camera), self.bodies(take, camera), strict=True):
            if part.init != before:
                pieces.append(inits[part.init])
                before = part.init
            pieces.append(body)
        return b"".join(pieces)

    def _folder(self, take: str, camera: str) -> Path:
        folder = self.root / take / camera
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _write(self, path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
