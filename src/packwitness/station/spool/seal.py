"""From a take that ended to its signed manifest (recording.md, steps 8 and 9).

The manifest is built from the ledger alone, so a take sealed at once and one sealed after a crash go the
same way.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packwitness.evidence.canonical import canonical
from packwitness.evidence.chain import ZERO
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from packwitness.station.spool.journal import Journal
from packwitness.station.spool.layout import Layout, files_under, make_folder, replace_durably
from packwitness.station.spool.ledger import Ledger, journal_head, json_text
from packwitness.station.spool.moments import rfc3339
from packwitness.station.spool.rows import CameraRow, Ending, GapRow, Head, InitRow, Outcome, PartRow, TakeRow

TIMESCALE = 90_000
SHORT_HOLE_MS = 105
"""A shorter hole is jitter; the recorder's own limit, and what rounding to whole ms adds."""
ATTEMPTS = 50
"""How often a seal is built anew because the bench's journal moved on meanwhile (a checkpoint of another
take).
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who seals: ids and names as the hub gave them, and the certificates that say so (JSON statements)."""

    organisation: str
    station: str
    benches: Mapping[str, str]
    certificates: tuple[dict[str, Any], ...]
    software: str


def close(
    ledger: Ledger, *, take: str, outcome: Outcome, stopped_ms: int | None, clock: dict[str, Any] | None
) -> None:
    """End a recording take. ``stopped_ms`` None means: at its last part or event, as after a crash.

    Raises:
        TakeNotOpen: it is not recording.
    """
    row = _known(ledger, take)
    film_from = ledger.fix_film_from(take=take, fallback_ms=row.started_ms)

    def settle() -> Ending:
        stop, film_until = stopped_ms, ledger.film_until(take)
        if stop is None:
            last_event = max((event.utc_ms for event in ledger.events(take)), default=row.started_ms)
            stop = max(last_event, film_until or row.started_ms)
        stop = max(stop, row.started_ms)
        until = max(film_from, stop if film_until is None else film_until)
        return Ending(stop, until, _unstated(ledger, row, stop, _lost_by(outcome)))

    ledger.close_take(take=take, outcome=outcome, clock=clock, settle=settle)


def _unstated(ledger: Ledger, row: TakeRow, stopped_ms: int, reason: str) -> list[GapRow]:
    """Return the times from scan to stop that no part covers and no gap owns up to.

    The recorder states its gaps itself, but not when it dies with its open part, nor when it ends a film
    while the disk refuses, nor what lies before a camera's first picture.
    """
    found = []
    gaps = ledger.gaps(row.take)
    for camera in ledger.cameras(row.take):
        parts = ledger.parts(row.take, camera.camera)
        if camera.first_ns is None or not parts:
            continue  # the manifest has one gap over the whole film
        covered = [(part.start, part.start + part.duration) for part in parts]
        covered = [(begin * 1000 // TIMESCALE, end * 1000 // TIMESCALE) for begin, end in covered]
        covered += [(gap.at_ms, gap.at_ms + gap.duration_ms) for gap in gaps if gap.camera == camera.camera]
        scan_ms = (row.started_ns - camera.first_ns) // 1_000_000
        stop_ms = stopped_ms - row.started_ms + scan_ms
        at_ms = min(0, scan_ms)
        for begin, end in [*sorted(covered), (stop_ms, stop_ms)]:
            if begin - at_ms >= SHORT_HOLE_MS:
                why = "no_picture" if at_ms < 0 else reason
                found.append(GapRow(camera.camera, at_ms, begin - at_ms, why))
            at_ms = max(at_ms, end)
    return found


def seal(
    ledger: Ledger, journal: Journal, layout: Layout, identity: Identity, *, take: str, utc_ms: int
) -> str:
    """Sign the manifest of a closed take, journal its seal, lay both in the take's folder; return its digest.

    A take that is sealed already is left as it is.
    """
    row = _known(ledger, take)
    for _ in range(ATTEMPTS):
        if row.state != "closed":
            break
        _try_to_seal(ledger, journal, identity, row, utc_ms)
        row = _known(ledger, take)
    lay_out(ledger, layout, identity, take=take)
    if row.manifest_digest is None:
        raise RuntimeError(f"Take {take} is {row.state}, so it could not be sealed.")
    return row.manifest_digest


def _try_to_seal(ledger: Ledger, journal: Journal, identity: Identity, row: TakeRow, utc_ms: int) -> None:
    """Seal against the journal's head of now; do nothing if it moves while we sign.

    Signing eight hours of film takes a second: holding the write lock for that long would delay a start.
    """
    head = ledger.head(row.bench)
    statement = journal.sign(manifest(ledger, identity, key=journal.key_id, row=row, head=head))
    with ledger.transaction() as db:
        state = db.execute("SELECT state FROM take WHERE take = ?", (row.take,)).fetchone()["state"]
        if state != "closed" or journal_head(db, row.bench) != head:
            return
        data = {"take": row.take, "manifest": statement.digest, "outcome": row.outcome}
        journal.append_in(db, row.bench, "seal", data, utc_ms)
        db.execute(
            "UPDATE take SET state = 'sealed', manifest_digest = ? WHERE take = ?",
            (statement.digest, row.take),
        )
        db.execute("INSERT INTO proof VALUES (?, ?, NULL)", (row.take, json_text(statement.to_value())))


def manifest(ledger: Ledger, identity: Identity, *, key: str, row: TakeRow, head: Head) -> dict[str, Any]:
    """Return the manifest's payload of a closed take, with ``head`` as the journal's last entry before the
    seal.
    """
    if row.film_from_ms is None or row.film_until_ms is None or row.stopped_ms is None:
        raise ValueError(f"take {row.take} is not closed")
    gaps = ledger.gaps(row.take)
    events = ledger.events(row.take)
    cameras = ledger.cameras(row.take)
    start = ledger.rows("SELECT digest FROM journal WHERE bench = ? AND n = ?", row.bench, row.n)[0]["digest"]
    payload = {
        "type": "packwitness/manifest/1",
        "take": row.take,
        "organisation": {"id": identity.organisation},
        "bench": {"id": row.bench, "name": identity.benches.get(row.bench, row.bench)},
        "station": {"id": identity.station, "key": key},
        "kind": row.kind,
        "outcome": row.outcome,
        "subject": row.subject,
        "workflow": {"logic": row.logic, "version": row.logic_version},
        "software": {"name": "packwitness", "version": identity.software},
        "film_from": rfc3339(row.film_from_ms),
        "started_at": rfc3339(row.started_ms),
        "stopped_at": rfc3339(row.stopped_ms),
        "film_until": rfc3339(row.film_until_ms),
        "clock": row.clock,
        "journal": {"start": {"n": row.n, "digest": start}, "head": {"n": head.n, "digest": head.digest}},
        "cameras": [
            _camera(
                *(ledger, row, camera, gaps),
                film_from=row.film_from_ms,
                until=max(row.film_until_ms, row.stopped_ms),
            )
            for camera in cameras
        ],
        "events": [event.body for event in events],
        "events_chain": events[-1].chain if events else ZERO,
        "legibility": _legibility(cameras),
    }
    # Read back strictly: what a verifier would refuse must not be signed.
    return Manifest.from_payload(payload).payload()


def _camera(
    ledger: Ledger, row: TakeRow, camera: CameraRow, gaps: list[GapRow], *, film_from: int, until: int
) -> dict[str, Any]:
    inits = ledger.inits(row.take, camera.camera)
    parts = ledger.parts(row.take, camera.camera)
    offset = 0
    if camera.first_ns is not None:
        offset = row.started_ms + (camera.first_ns - row.started_ns) // 1_000_000 - film_from
    holes = [
        {"at_ms": offset + gap.at_ms, "duration_ms": gap.duration_ms, "reason": gap.reason}
        for gap in gaps
        if gap.camera == camera.camera
    ]
    if not parts:
        reason = holes[0]["reason"] if holes else _why_without_parts(row, camera)
        holes = [{"at_ms": 0, "duration_ms": until - film_from, "reason": reason}]
    return {
        "id": camera.camera,
        "name": camera.name,
        "codec": inits[-1].codec if inits else "",
        "width": inits[-1].width if inits else 0,
        "height": inits[-1].height if inits else 0,
        "timescale": inits[-1].timescale if inits else TIMESCALE,
        "offset_ms": offset,
        "audio": _audio(inits),
        "timing": {
            "source": camera.timing,
            "drift_ppm": camera.drift_ppm,
            "jitter_ms": camera.jitter_ms,
            "clock_offset_ms": camera.clock_offset_ms,
        },
        "inits": [
            {"size": init.size, "sha256": init.sha256, "first_part": _first_part(parts, init.k)}
            for init in inits
        ],
        "parts": [
            {
                "size": part.size,
                "sha256": part.sha256,
                "start": part.start,
                "duration": part.duration,
                "key": part.key,
            }
            for part in parts
        ],
        "chain": parts[-1].chain if parts else ZERO,
        "gaps": holes,
        "dropped_packets": camera.dropped_packets,
        "lost_packets": camera.lost_packets,
        "stalls": camera.stalls,
        "reconnects": camera.reconnects,
    }


def _lost_by(outcome: str | None) -> str:
    """Return why pictures that came are in no part, where the recorder did not say it."""
    return "recorder" if outcome == "interrupted" else "write_failed"


def _why_without_parts(row: TakeRow, camera: CameraRow) -> str:
    """An init without a part shows that pictures came; without one, nobody knows of any."""
    return "no_picture" if camera.first_ns is None else _lost_by(row.outcome)


def _legibility(cameras: list[CameraRow]) -> dict[str, Any] | None:
    """Say how well the camera that read the label best read it; None where nobody looked."""
    best = max(cameras, key=lambda one: (one.readable, one.looks), default=None)
    if best is None or not best.looks:
        return None
    return {"camera": best.camera, "looks": best.looks, "readable": best.readable}


def _audio(inits: list[InitRow]) -> dict[str, Any] | None:
    """The sound of the last init that has any: one that came without must not deny what the others hold."""
    told = [init.audio for init in inits if init.audio is not None]
    return json.loads(told[-1]) if told else None


def _first_part(parts: list[PartRow], k: int) -> int:
    return next(part.n for part in parts if part.init == k)


def lay_out(ledger: Ledger, layout: Layout, identity: Identity, *, take: str) -> None:
    """Make a sealed take's folder a bundle that ``packwitness verify`` reads; files without a row go (R3)."""
    folder = layout.take(take)
    make_folder(folder)
    remove_strays(ledger, layout, take=take)
    replace_durably(folder / "certificates.json", canonical(list(identity.certificates)))
    lay_out_statements(ledger, layout, take=take)


def lay_out_statements(ledger: Ledger, layout: Layout, *, take: str) -> None:
    """Write the manifest, and the receipt if there is one, into the take's folder.

    What is there already is left alone: on a full disk, only deleting must be needed to get room again.
    """
    for row in ledger.rows("SELECT manifest, receipt FROM proof WHERE take = ?", take):
        for name in ("manifest", "receipt"):
            if row[name]:
                path = layout.take(take) / f"{name}.json"
                data = Statement.from_json(row[name].encode()).to_json()
                if not path.is_file() or path.read_bytes() != data:
                    replace_durably(path, data)


def strays(ledger: Ledger, layout: Layout, *, take: str) -> list[Path]:
    """Return the media files of a take that no row names."""
    # Files first: what is written meanwhile has its row by the time that rows are read, or is not listed.
    files = list(files_under(layout.take(take) / "parts"))
    named = set()
    for camera in ledger.cameras(take):
        named |= {layout.init_file(take, camera.camera, row.k) for row in ledger.inits(take, camera.camera)}
        named |= {layout.part_file(take, camera.camera, row.n) for row in ledger.parts(take, camera.camera)}
    return [path for path in files if path not in named]


def remove_strays(ledger: Ledger, layout: Layout, *, take: str) -> int:
    """Delete the media files of a take that no row names, and return how many there were."""
    found = strays(ledger, layout, take=take)
    for path in found:
        path.unlink()
    return len(found)


def _known(ledger: Ledger, take: str) -> TakeRow:
    row = ledger.take(take)
    if row is None:
        raise ValueError(f"There is no take {take}.")
    return row
