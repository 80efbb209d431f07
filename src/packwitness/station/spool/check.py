"""Compares a spool's ledger with what lies on its disk, and says what does not fit. Reads only; ``repair``
mends what can be mended.

What is checked, cheapest first:

1. The spool folder is the ledger's (R7).
2. Each bench's journal: numbered without a hole, chained, signed by the station's key.
3. Each take that still has its film: every row's file is there with its size (with ``hashing`` its digest
   too), parts are numbered without a hole, and their chain is the one that was written down.
4. Each seal: the manifest is the one that the row names and lists just the parts that the rows list.
5. Each file: some row names it, or it is a leftover.

A station that runs writes a part's file before its row (R2), so a file without a row is only a leftover in a
take that is no longer filmed.

Costs one ``stat`` a part; with ``hashing`` one read of all films that are kept.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packwitness.evidence.chain import PartChain
from packwitness.evidence.errors import EvidenceError
from packwitness.evidence.journal import check_sequence
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from packwitness.station.spool.layout import Layout, make_folder, sync_folder
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.rows import InitRow, PartRow, TakeRow
from packwitness.station.spool.seal import strays

KEPT: Final = ("recording", "closed", "sealed", "receipted")
"""States of takes whose film is here."""
ASIDE: Final = "set-aside"

WORDS: Final = {
    "wrong_folder": "the folder of films is not this ledger's: mount the disk that holds them",
    "journal_broken": "the journal does not hold; nothing here can mend it, keep the folder and ask for help",
    "part_missing": "a part that the ledger names is gone",
    "part_damaged": "a part is not what was recorded",
    "chain_broken": "the chain of parts is not the one that was written down",
    "manifest_differs": "the manifest does not list what the ledger lists",
    "leftover": "a file that no row names, most often what a crash left; --repair moves it to set-aside/",
    "unknown_folder": "a folder that no take in the ledger owns; --repair moves it to set-aside/",
}
FILM: Final = ("part_missing", "part_damaged", "chain_broken", "manifest_differs")
"""What sets a take aside for a person."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that does not fit. ``take`` is empty where it is about a bench or the whole spool."""

    code: str
    take: str
    place: str
    detail: str = ""

    @property
    def words(self) -> str:
        """What is wrong, and what can be done."""
        return f"{self.place}: {WORDS[self.code]}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What ``repair`` did: files deleted, places of what was moved aside, takes set aside for a person."""

    deleted: int
    moved: tuple[str, ...]
    troubled: tuple[str, ...]


def examine(
    ledger: Ledger, layout: Layout, *, benches: Sequence[str], key: str, hashing: bool = False
) -> Iterator[Found]:
    """Yield what does not fit. ``key``: the id of the key that signed the first entries of the journals."""
    if not ledger.owns(layout.spool_id):
        yield Found("wrong_folder", "", str(layout.takes))
        return
    for bench in benches:
        statements = (Statement.from_value(one) for one in ledger.entries(bench, first=1, limit=-1))
        for finding in check_sequence(statements, bench=bench, key=key):
            yield Found("journal_broken", "", f"journal of {bench}", finding.words)
    for row in ledger.takes_in(*KEPT, "dropped"):
        wrong = list(_take(ledger, layout, row, hashing=hashing))
        # A station that runs may have sealed or dropped it meanwhile: then what was seen is no news.
        now = ledger.take(row.take) if wrong else None
        if now is not None and now.state == row.state:
            yield from wrong
    for folder in sorted(path for path in layout.takes.iterdir() if path.is_dir()):
        if ledger.take(folder.name) is None:
            yield Found("unknown_folder", "", str(folder))


def _take(ledger: Ledger, layout: Layout, row: TakeRow, *, hashing: bool) -> Iterator[Found]:
    if row.state != "dropped":
        yield from _film(ledger, layout, row, hashing=hashing)
    if row.state in ("sealed", "receipted"):
        yield from _seal(ledger, row)
    # What is entered as garbage is known, and about to go.
    if row.state != "recording" and not ledger.rows("SELECT 1 FROM garbage WHERE take = ?", row.take):
        for path in strays(ledger, layout, take=row.take):
            yield Found("leftover", row.take, str(path))


def repair(ledger: Ledger, layout: Layout, found: Sequence[Found]) -> Repaired:
    """Move what no row names aside, set takes with a damaged film aside for a person.

    Only leftovers of takes that the hub has a receipt for are deleted: where rows were lost, what looks like
    a leftover may be film. To be called while no station runs on the spool.
    """
    deleted, moved = 0, []
    for one in found:
        path = Path(one.place)
        row = ledger.take(one.take) if one.code == "leftover" else None
        if row is not None and row.state in ("receipted", "dropped"):
            path.unlink()
            deleted += 1
        elif one.code in ("leftover", "unknown_folder"):
            moved.append(_move_aside(layout, path))
    troubled = []
    for take, one in sorted({one.take: one for one in reversed(found) if one.code in FILM}.items()):
        row = ledger.take(take)
        # What the hub has a receipt for is safe there, whatever became of it here.
        if row is not None and row.state in ("closed", "sealed"):
            Outgoing(ledger).trouble(take, one.words[:1000])
            troubled.append(take)
    return Repaired(deleted, tuple(moved), tuple(troubled))


def _film(ledger: Ledger, layout: Layout, row: TakeRow, *, hashing: bool) -> Iterator[Found]:
    for camera in ledger.cameras(row.take):
        inits = ledger.inits(row.take, camera.camera)
        parts = ledger.parts(row.take, camera.camera)
        files: list[tuple[Path, InitRow | PartRow]] = [
            (layout.init_file(row.take, camera.camera, init.k), init) for init in inits
        ]
        files += [(layout.part_file(row.take, camera.camera, part.n), part) for part in parts]
        for path, one in files:
            yield from _file(row.take, path, one, hashing=hashing)
        broken = _broken(row.take, camera.camera, inits, parts)
        if broken is not None:
            place = f"take {row.take}, camera {camera.camera}"
            yield Found("chain_broken", row.take, place, f"at part {broken}")


def _broken(take: str, camera: str, inits: Sequence[InitRow], parts: Sequence[PartRow]) -> int | None:
    """Return where numbers or chain do not go on, None where they do."""
    digests = {init.k: init.sha256 for init in inits}
    chain = PartChain(take, camera)
    for number, part in enumerate(parts):
        try:
            head = chain.append(digests[part.init], part.sha256)
        except (KeyError, EvidenceError):
            return number
        if (part.n, part.chain) != (number, head):
            return number
    return None


def _file(take: str, path: Path, row: InitRow | PartRow, *, hashing: bool) -> Iterator[Found]:
    try:
        size = path.stat().st_size
        if size != row.size:
            yield Found("part_damaged", take, str(path), f"{size} bytes, not {row.size}")
        elif hashing and _digest(path) != row.sha256:
            yield Found("part_damaged", take, str(path), "its bytes were changed")
    except FileNotFoundError:
        yield Found("part_missing", take, str(path))
    except OSError as error:
        yield Found("part_damaged", take, str(path), error.strerror or "cannot be read")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(ledger: Ledger, row: TakeRow) -> Iterator[Found]:
    place = f"take {row.take}"
    try:
        (proof,) = ledger.rows("SELECT manifest FROM proof WHERE take = ?", row.take)
        statement = Statement.from_value(json.loads(proof["manifest"]))
        manifest = Manifest.from_payload(statement.payload)
    except (ValueError, EvidenceError) as error:
        yield Found("manifest_differs", row.take, place, str(error)[:200])
        return
    if statement.digest != row.manifest_digest:
        yield Found("manifest_differs", row.take, place, "another manifest was sealed")
    for camera in manifest.cameras:
        listed = [(part.size, part.sha256) for part in camera.parts]
        if listed != [(part.size, part.sha256) for part in ledger.parts(row.take, camera.id)]:
            yield Found("manifest_differs", row.take, f"{place}, camera {camera.id}")


def _move_aside(layout: Layout, path: Path) -> str:
    """Move something from among the takes to the same place under ``set-aside/``; return where it is."""
    there = layout.root / ASIDE / path.relative_to(layout.takes)
    make_folder(there.parent)
    number, free = 1, there
    while free.exists():
        number, free = number + 1, there.with_name(f"{there.name}.{number}")
    path.rename(free)
    sync_folder(path.parent)
    sync_folder(free.parent)
    return str(free.relative_to(layout.root))
