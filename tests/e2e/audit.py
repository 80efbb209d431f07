"""Looks a shop over as a suspicious stranger would."""

from datetime import UTC, datetime
from pathlib import Path

from packwitness.evidence.bundle import open_bundle
from packwitness.evidence.journal import check_sequence
from packwitness.evidence.statements import Statement
from packwitness.evidence.verify import verify
from tests.e2e.shop import Shop, until


def audit(shop: Shop, folder: Path, *, every: int = 1) -> None:
    """Assert what the design promises of a shop at rest.

    Every accepted start is exactly one take; the hub's journal is gapless, chained and signed and names each
    of them, once begun and once ended; every take is sealed and its evidence holds, as a whole and against
    the organisation's fingerprint. Of the evidence, one take in ``every`` is looked at.
    """
    assert shop.running() is None
    untold = _untold(shop)
    accepted = sorted([*shop.accepted, *untold])
    entries = _journal(shop)
    for kind in ("start", "seal"):
        named = [entry.payload["data"]["take"] for entry in entries if entry.payload["kind"] == kind]
        assert sorted(named) == accepted, kind
    ((key,),) = shop.hub_rows(
        "SELECT s.key_id FROM stations_station s JOIN stations_bench b ON b.station_id = s.id WHERE b.id = ?",
        shop.bench,
    )
    assert check_sequence(entries, bench=shop.bench, key=key) == []

    there = [take for (take,) in shop.hub_rows("SELECT id FROM recordings_take")]
    assert sorted(there) == accepted
    trust = shop.fingerprint()
    for name in there[::every]:
        take = shop.sealed(name)
        path = folder / f"{take['id']}.zip"
        answer = shop.person.get(f"/takes/{take['id']}/bundle.zip")
        assert answer.status_code == 200, answer.text[:300]
        path.write_bytes(answer.content)
        with open_bundle(path) as bundle:
            verdict = verify(bundle, trust, datetime.now(UTC))
        assert verdict.exit_code == 0, verdict.to_value()
        path.unlink()


def _untold(shop: Shop) -> list[str]:
    """Return the takes that began without an answer: at most one for each scan that got none."""
    rows = shop.hub_rows("SELECT id, code FROM recordings_take")
    untold = {take: code for take, code in rows if take not in shop.codes}
    left = list(shop.unanswered)
    for code in untold.values():
        left.remove(code)
    return list(untold)


def _journal(shop: Shop) -> list[Statement]:
    """Return the bench's journal as the hub has it, once the last seal has arrived there."""

    def look() -> list[Statement]:
        rows = shop.hub_rows(
            "SELECT statement FROM stations_journalentry WHERE bench_id = ? ORDER BY n", shop.bench
        )
        entries = [Statement.from_json(text.encode()) for (text,) in rows]
        seals = sum(entry.payload["kind"] == "seal" for entry in entries)
        starts = sum(entry.payload["kind"] == "start" for entry in entries)
        return entries if seals >= max(starts, len(shop.accepted)) else []

    return until(look, what="the hub has the journal up to the last seal")
