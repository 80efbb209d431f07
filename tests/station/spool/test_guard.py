import shutil

import pytest

from packwitness.station.spool.guard import DiskGuard, Room
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.seal import close, lay_out_statements, seal
from tests.station.spool.station_of_one import IDENTITY, START_MS, Spool

HOUR = 3_600_000


def receipted(spool: Spool, code: str, *, at_ms: int) -> str:
    take = spool.begin(code)
    spool.film(take, parts=1)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    seal(spool.ledger, spool.journal, spool.layout, IDENTITY, take=take, utc_ms=START_MS)
    # As if a crash came before the receipt was in the take's folder.
    receipt = Outgoing(spool.ledger).manifest(take)
    Outgoing(spool.ledger).receipted(take, receipt=receipt, utc_ms=at_ms)
    return take


def has_film(spool: Spool, take: str) -> bool:
    return (spool.layout.take(take) / "parts").exists()


def test_only_what_has_a_receipt_goes_and_only_when_its_time_is_over(spool: Spool) -> None:
    old, young = receipted(spool, "A", at_ms=START_MS), receipted(spool, "B", at_ms=START_MS + HOUR)
    unproved = spool.begin("C")
    spool.film(unproved, parts=1)
    close(spool.ledger, take=unproved, outcome="completed", stopped_ms=None, clock=None)
    guard = DiskGuard(spool.ledger, spool.layout, keep_ms=24 * HOUR, low_bytes=0, full_bytes=0)

    assert guard.tidy(utc_ms=START_MS + 24 * HOUR - 1).dropped == ()
    found = guard.tidy(utc_ms=START_MS + 24 * HOUR)

    assert (found.dropped, found.room) == ((old,), Room.FINE)
    assert [has_film(spool, take) for take in (old, young, unproved)] == [False, True, True]
    left = sorted(path.name for path in spool.layout.take(old).iterdir())
    assert left == ["certificates.json", "manifest.json", "receipt.json"], "the proof stays"
    assert spool.ledger.parts(old, "overhead") == []
    assert [(row.take, row.code) for row in spool.ledger.takes_in("dropped", "receipted")] == [
        (old, ""),
        (young, "B"),
    ]
    assert [bool(spool.ledger.disclosures(take)) for take in (old, young)] == [False, True]


def test_on_a_low_disk_proved_takes_go_early_and_the_others_never(spool: Spool) -> None:
    proved = [receipted(spool, code, at_ms=START_MS) for code in "AB"]
    unproved = spool.begin("C")
    spool.film(unproved, parts=1)
    more_than_there_is = shutil.disk_usage(spool.layout.takes).total * 2
    guard = DiskGuard(
        spool.ledger, spool.layout, keep_ms=24 * HOUR, low_bytes=more_than_there_is, full_bytes=0
    )

    found = guard.tidy(utc_ms=START_MS)

    assert found.dropped == tuple(proved)
    assert found.room is Room.LOW
    assert has_film(spool, unproved)


def test_room_is_made_without_writing_a_file(spool: Spool) -> None:
    """Else a full disk would stay full for ever."""
    take = receipted(spool, "A", at_ms=START_MS)
    lay_out_statements(spool.ledger, spool.layout, take=take)
    folder = spool.layout.take(take)
    before = {path.name: path.stat().st_ino for path in folder.glob("*.json")}

    DiskGuard(spool.ledger, spool.layout, keep_ms=0, low_bytes=0, full_bytes=0).tidy(utc_ms=START_MS)

    assert {path.name: path.stat().st_ino for path in folder.glob("*.json")} == before
    assert sorted(before) == ["certificates.json", "manifest.json", "receipt.json"]
    assert not has_film(spool, take)


@pytest.mark.parametrize(("full", "room"), [(True, Room.FULL), (False, Room.LOW)])
def test_how_much_room_there_is(spool: Spool, full: bool, room: Room) -> None:
    beyond = shutil.disk_usage(spool.layout.takes).total * 2
    guard = DiskGuard(spool.ledger, spool.layout, keep_ms=0, low_bytes=beyond, full_bytes=beyond * full)

    assert guard.look().room is room


def test_films_go_although_the_ledger_cannot_be_written_and_the_rows_follow(spool: Spool) -> None:
    """As on a disk without room for a row: the room comes first."""
    takes = [receipted(spool, code, at_ms=START_MS) for code in "AB"]
    guard = DiskGuard(spool.ledger, spool.layout, keep_ms=0, low_bytes=0, full_bytes=0)
    spool.ledger.rows("PRAGMA query_only = 1")

    assert guard.tidy(utc_ms=START_MS).dropped == ()
    assert [has_film(spool, take) for take in takes] == [False, False]

    spool.ledger.rows("PRAGMA query_only = 0")
    assert guard.tidy(utc_ms=START_MS).dropped == tuple(takes)
