"""A sealed take as a bundle that need not be written anywhere: what the verifier reads, and what bundles are
made of.
"""

import io
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryptography.x509 import Certificate
from django.conf import settings

from packwitness.evidence.bundle import Bundle
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.timestamps import load_certificates
from packwitness.hub.notary import queries as notary
from packwitness.hub.recordings import playback, stored
from packwitness.hub.recordings.models import Disclosure, Take
from packwitness.hub.recordings.playback import FilmSource
from packwitness.hub.stations.models import JournalEntry

SHOWN_EVENTS: Final = ("label_scanned", "item_scanned")
"""Kinds of events whose committed values are about this parcel. A warning may name somebody else's."""


class TakeBundle(Bundle):
    """A take's companions in memory and its films from the vault; ``films=False`` leaves the films out."""

    def __init__(self, take: Take, *, films: bool = True) -> None:
        self.files = companions(take)
        self.films: dict[str, FilmSource] = {}
        if films:
            for camera in take.cameras:
                if camera.get("parts"):
                    self.films[f"films/{camera['id']}.mp4"] = playback.film(take, camera["id"])
        sizes = {name: len(data) for name, data in self.files.items()}
        super().__init__(sizes | {name: film.size for name, film in self.films.items()})

    def open(self, name: str) -> BinaryIO:
        if name in self.files:
            return io.BytesIO(self.files[name])
        return io.BufferedReader(_Film(self.films[name]))


def companions(take: Take) -> dict[str, bytes]:
    """Return the files that travel with a sealed take's films, by their names in a bundle.

    Raises:
        NoFilm: the take is not sealed.
    """
    statement = stored.manifest_statement(take)
    manifest = Manifest.from_payload(dict(statement.payload))
    station = take.bench.station
    files = {
        "manifest.json": statement.to_json(),
        "certificates.json": _json(
            [
                one.to_value()
                for one in notary.certificates(
                    organisation_id=take.organisation_id, station_certificate=station.certificate
                )
            ]
        ),
        "disclosures.json": _json(shown_disclosures(take, manifest)),
    }
    if take.receipt is not None:
        files["receipt.json"] = _json(take.receipt)
    log = notary.log_proof(manifest_digest=statement.digest)
    if log is not None:
        files["log.json"] = _json(log)
        for number, stamp in enumerate(notary.time_tokens(manifest_digest=statement.digest)):
            files[f"time/{number}.tsr"] = stamp.token
            if stamp.chain:
                files[f"time/{number}.pem"] = stamp.chain
    journal = _journal(take, manifest)
    if journal:
        files["journal.json"] = _json(journal)
    return files


def shown_disclosures(take: Take, manifest: Manifest) -> list[dict[str, str]]:
    """Return the values that whoever may see this take's film may also read: the parcel's own codes."""
    allowed = {manifest.subject.commitment} if manifest.subject else set[str]()
    for event in manifest.events:
        if event.kind in SHOWN_EVENTS:
            allowed |= {
                value["commitment"]
                for value in event.data.values()
                if isinstance(value, dict) and isinstance(value.get("commitment"), str)
            }
    rows = Disclosure.objects.filter(take=take, commitment__in=allowed).order_by("commitment")
    return [{"commitment": row.commitment, "salt": row.salt, "value": row.value} for row in rows]


def authorities() -> list[Certificate]:
    """Return the roots of the time-stamping authorities that this hub's operator trusts."""
    roots: Path | None = settings.TSA_ROOTS
    return list(_authorities(roots, roots.stat().st_mtime_ns)) if roots else []


@cache
def _authorities(roots: Path, changed: int) -> tuple[Certificate, ...]:
    """Read the file again only when it was ``changed``."""
    return tuple(load_certificates(roots.read_bytes()))


def _journal(take: Take, manifest: Manifest) -> list[dict[str, Any]]:
    """Return the bench's entries from the take's start to its seal; none unless all of them are here."""
    first, last = manifest.journal.start.n, manifest.journal.head.n + 1
    rows = JournalEntry.objects.filter(bench=take.bench_id, n__gte=first, n__lte=last).order_by("n")
    statements = [row.statement for row in rows]
    return statements if len(statements) == last - first + 1 else []


def _json(value: Mapping[str, Any] | list[Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


class _Film(io.RawIOBase):
    """A virtual film as a file object."""

    def __init__(self, source: FilmSource) -> None:
        super().__init__()
        self._source, self._at, self._size = source, 0, source.size
        self._blocks: Iterator[bytes] = iter(())
        self._left = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        target = max(0, base + offset)
        if target != self._at:
            self._blocks, self._left, self._at = iter(()), b"", target
        return self._at

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            block = next(self._blocks, b"")
            if not block and self._at < self._size:
                self._blocks = self._source.open_range(self._at)
                block = next(self._blocks, b"")
            self._left = block
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        self._at += count
        return count
