"""A station is recorded while it works; then, for many moments, its disk is laid out as a power cut at that
moment might have left it, the station's own recovery runs on it, and it must know what it had told others.
"""

import base64
import json
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from packwitness.evidence.bundle import open_bundle
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from packwitness.evidence.verify import verify
from packwitness.station.app.from_settings import guard_of, identity_of
from packwitness.station.config import read_settings
from packwitness.station.spool.check import examine
from packwitness.station.spool.journal import Journal
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.recovery import open_spool, recover
from packwitness.station.spool.rows import TakeRow
from tests.faults.disk import Disk, Leaves
from tests.faults.holes import filmed_until, unstated
from tests.faults.tracing import FILES, TALK, Call, read

CALLS: Final = (*FILES, *TALK)

_BEGUN = re.compile(rb'"accepted":true,"state":"recording","take":"([^"]+)"')
_PART = re.compile(rb"^PUT /api/station/v1/takes/([^/]+)/cameras/([^/]+)/parts/(\d+)\?")
_FILE = re.compile(r"/takes/([^/]+)/parts/([^/]+)/\d+\.m4s$")
_DIGEST = re.compile(rb"sha-256=:([A-Za-z0-9+/=]+):", re.IGNORECASE)


@dataclass
class Told:
    """What a station has told others so far, and so must know for ever."""

    takes: set[str] = field(default_factory=set)
    filming: str = ""
    """The take that is filmed now, as far as anybody knows."""
    parts: dict[tuple[str, str, int], str] = field(default_factory=dict)
    """Digest of each part that went up, by take, camera and number."""
    entries: dict[tuple[str, int], str] = field(default_factory=dict)
    """Digest of each entry of a journal that went up, by bench and number."""
    manifests: dict[str, str] = field(default_factory=dict)

    def hear(self, call: Call) -> bool:
        """Take note of what a call tells somebody; return whether it told anything of these."""
        if call.name not in TALK:
            return False
        said = b"".join(word for word in call.words if isinstance(word, bytes))
        if found := _BEGUN.search(said):
            self.filming = found[1].decode()
            self.takes.add(self.filming)
            return True
        if said.startswith(b'{"accepted":true,"state":"idle"'):
            self.filming = ""
            return True
        if (found := _PART.match(said)) and (digest := _DIGEST.search(said)):
            key = (found[1].decode(), found[2].decode(), int(found[3]))
            self.parts[key] = base64.b64decode(digest[1]).hex()
            return True
        return said.startswith((b'{"entries":', b'{"manifest":')) and self._signed(said)

    def _signed(self, said: bytes) -> bool:
        try:
            value = json.loads(said)
        except ValueError:
            return False  # a long one goes out in pieces
        for one in value.get("entries", []):
            entry = Statement.from_value(one)
            self.entries[entry.payload["bench"], entry.payload["n"]] = entry.digest
        if "manifest" in value:
            statement = Statement.from_value(value["manifest"])
            self.manifests[str(statement.payload["take"])] = statement.digest
        return True


@dataclass(frozen=True)
class Cut:
    """A moment: what the disk may hold, and what was told by then. ``at``: seconds since 1970."""

    number: int
    at: float
    disk: Disk
    told: Told


def folder_of(root: Path) -> tuple[dict[str, bytes], list[str]]:
    """Return the files and folders below ``root`` by their whole paths, ``root`` itself left out."""
    paths = sorted(root.rglob("*"))
    files = {str(path): path.read_bytes() for path in paths if path.is_file()}
    return files, [str(path) for path in paths if path.is_dir()]


def lay_out(root: Path, there: Path, files: dict[str, bytes], folders: Sequence[str]) -> None:
    """Write what was below ``root`` into the empty or missing folder ``there``."""
    there.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        (there / Path(folder).relative_to(root)).mkdir()
    for path, data in files.items():
        target = there / Path(path).relative_to(root)
        target.write_bytes(data)
        if target.parent.name == "keys":
            target.chmod(0o600)


def moments(log: Path, root: Path, before: tuple[dict[str, bytes], list[str]]) -> Iterator[Cut]:
    """Yield each moment of a recording after which the disk or what was told is another.

    Disk and told are the same objects each time, as they are then. ``before``: the folder ``root`` at the
    recording's beginning, all of it safe.
    """
    disk, told = Disk(str(root), *before), Told()
    for call in read(log):
        changed, heard = disk.happens(call), told.hear(call)
        if changed or heard:
            yield Cut(call.ended, call.at, disk, told)


@dataclass(frozen=True)
class Judged:
    """What became of one cut. ``lost_ms``: what the camera of the running take that lost most had filmed
    after the scan and before the cut, and is not there; ``unstated_ms``: its longest hole in no gap.
    """

    cut: int
    leaves: Leaves
    wrong: tuple[str, ...]
    lost_ms: int
    unstated_ms: int


def try_cut(cut: Cut, root: Path, leaves: Leaves, seed: int, place: Path) -> Judged:
    """Lay out what a cut may leave, recover, and judge."""
    rng = random.Random(f"{seed} {cut.number} {leaves.name}")
    folder = Path(tempfile.mkdtemp(dir=place))
    try:
        lay_out(root, folder, *cut.disk.after_cut(leaves, rng))
        wrong, lost, hole = recovered(Layout(folder), cut)
    # Whatever recovery raises is what we look for.
    except Exception as error:
        wrong, lost, hole = [f"recovery fails: {type(error).__name__}: {error}"], 0, 0
    finally:
        shutil.rmtree(folder)
    return Judged(cut.number, leaves, tuple(wrong), lost, hole)


def recovered(layout: Layout, cut: Cut) -> tuple[list[str], int, int]:
    """Start as a station does, and return what is wrong, how much film is lost, and the longest hole that is
    not stated (ms).
    """
    settings = read_settings(layout.settings)
    identity, key = identity_of(settings, layout), SigningKey.load(layout.key.read_bytes())
    now_ms = round(cut.at * 1000) + 5_000
    with closing(open_spool(layout)) as ledger:
        guard_of(settings, layout, ledger).tidy(utc_ms=now_ms)
        found = recover(
            ledger, Journal(ledger, key), layout, identity,
            benches=list(identity.benches), boot="0" * 16, utc_ms=now_ms,
        )  # fmt: skip
        wrong = [
            one.words
            for one in examine(
                ledger, layout, benches=list(identity.benches), key=key.public.key_id, hashing=True
            )
        ]
        rows = {
            row.take: row for row in ledger.takes_in("recording", "closed", "sealed", "receipted", "dropped")
        }
        wrong += _more_than_one(ledger, rows, cut)
        wrong += _forgotten(ledger, rows, cut.told)
        wrong += [
            f"take {take} is {row.state}"
            for take, row in rows.items()
            if row.state in ("recording", "closed")
        ]
        wrong += [f"take {take}: {row.trouble}" for take, row in rows.items() if row.trouble]
        # All certificates of a shop are the organisation's.
        trust = str(Statement.from_value(identity.certificates[0]).payload["issuer"])
        for row in rows.values():
            if row.state != "dropped":
                wrong += _verdict(layout, row, trust)
        # What ended before is whole, however long it takes to be sealed.
        running = rows.get(cut.told.filming)
        if running is None or running.take not in found.interrupted:
            return wrong, 0, 0
        return wrong, *_lacks(layout, running, cut)


def _lacks(layout: Layout, row: TakeRow, cut: Cut) -> tuple[int, int]:
    """Return what the camera lacks that lost most, and the longest hole in no gap (ms)."""
    statement = Statement.from_json((layout.take(row.take) / "manifest.json").read_bytes())
    manifest = Manifest.from_payload(dict(statement.payload))
    there = min(filmed_until(manifest, camera) for camera in manifest.cameras)
    lost = max(0, round((cut.at - there) * 1000))
    return lost, max(unstated(manifest, camera) for camera in manifest.cameras)


def _verdict(layout: Layout, row: TakeRow, trust: str) -> Iterator[str]:
    with open_bundle(layout.take(row.take)) as bundle:
        verdict = verify(bundle, trust, datetime.now(UTC))
    if verdict.integrity.findings or verdict.key.state != "trusted":
        yield f"take {row.take} does not verify: {verdict.to_value()}"


def _more_than_one(ledger: Ledger, rows: dict[str, TakeRow], cut: Cut) -> Iterator[str]:
    """Yield the films of which more is gone than the one file that was being written.

    A camera's parts are written one after the other, each safe before the next is begun. What was filmed and
    no file was begun for is seen by ``lost_ms`` alone.
    """
    begun = Counter(
        (found[1], found[2]) for path in cut.disk.names() if (found := _FILE.search(path)) is not None
    )
    for (take, camera), count in begun.items():
        if take not in rows:
            yield f"parts of {camera} of {take} were begun, and there is no such take"
        elif rows[take].state != "dropped" and (kept := len(ledger.parts(take, camera))) < count - 1:
            yield f"{count} parts of {camera} of {take} were begun, {kept} are there"


def _forgotten(ledger: Ledger, rows: dict[str, TakeRow], told: Told) -> Iterator[str]:
    """Yield what others were told and the station does not know any more, or knows otherwise."""
    for take in sorted(told.takes - rows.keys()):
        yield f"take {take} was accepted and is gone"
    for (take, camera, number), digest in sorted(told.parts.items()):
        if take in rows and rows[take].state == "dropped" and take in told.manifests:
            continue
        parts = ledger.parts(take, camera)
        if len(parts) <= number or parts[number].sha256 != digest:
            yield f"part {number} of {camera} of {take} went up and is gone or another"
    for (bench, number), digest in sorted(told.entries.items()):
        there = ledger.rows("SELECT digest FROM journal WHERE bench = ? AND n = ?", bench, number)
        if not there or there[0]["digest"] != digest:
            yield f"entry {number} of the journal of {bench} went up and is gone or another"
    for take, digest in sorted(told.manifests.items()):
        if take not in rows or rows[take].manifest_digest != digest:
            yield f"the manifest of {take} went up and is gone or another"
