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


def test_a_crash_between_row_and_folder_leaves_nothing_behind(spool: Spool) -> None:
    take = receipted(spool, "A", at_ms=START_MS)
    guard = DiskGuard(spool.ledger, spool.layout, keep_ms=0, low_bytes=0, full_bytes=0)
    # As far as the crash let it come: the rows are gone, the folder is not.
    guard._let_go(take)
    assert has_film(spool, take)

    found = guard.tidy(utc_ms=START_MS)

    assert (found.dropped, has_film(spool, take)) == ((), False)
    assert spool.ledger.rows("SELECT take FROM garbage") == []


def test_a_folder_that_cannot_be_deleted_is_not_forgotten(spool: Spool) -> None:
    take = receipted(spool, "A", at_ms=START_MS)
    parts = spool.layout.take(take) / "parts"
    aside = parts.rename(parts.with_name("aside"))
    parts.symlink_to(aside)  # rmtree refuses a link

    guard = DiskGuard(spool.ledger, spool.layout, keep_ms=0, low_bytes=0, full_bytes=0)
    guard.tidy(utc_ms=START_MS)
    assert [row["take"] for row in spool.ledger.rows("SELECT take FROM garbage")] == [take]

    parts.unlink()
    aside.rename(parts)
    guard.tidy(utc_ms=START_MS)
    assert (has_film(spool, take), spool.ledger.rows("SELECT take FROM garbage")) == (False, [])


def test_films_keep_within_their_budget(spool: Spool) -> None:
    proved = [receipted(spool, code, at_ms=START_MS) for code in "AB"]
    unproved = spool.begin("C")
    spool.film(unproved, parts=1)
    sizes = {row["take"]: row["bytes"] for row in spool.ledger.rows("SELECT take, bytes FROM take")}
    rows = spool.ledger.rows("SELECT take, sum(size) AS bytes FROM part GROUP BY take")
    assert {row["take"]: row["bytes"] for row in rows} == sizes
    budget = sum(sizes.values()) + 1

    def guard(full: int) -> DiskGuard:
        return DiskGuard(
            spool.ledger,
            spool.layout,
            keep_ms=24 * HOUR,
            low_bytes=full,
            full_bytes=full,
            budget_bytes=budget,
        )

    assert (guard(0).look().room, guard(0).look().free_bytes) == (Room.FINE, 1)
    found = guard(2).tidy(utc_ms=START_MS)
    assert (found.dropped, found.room) == ((proved[0],), Room.FINE), "the oldest goes, no more than is needed"
    found = guard(budget).tidy(utc_ms=START_MS)
    assert (found.dropped, found.room) == ((proved[1],), Room.FULL)
    assert has_film(spool, unproved)


def test_how_long_the_room_lasts(spool: Spool) -> None:
    receipted(spool, "A", at_ms=START_MS)
    take = spool.begin("B")
    spool.film(take, parts=1)
    (kept,) = (row["n"] for row in spool.ledger.rows("SELECT sum(bytes) AS n FROM take"))
    (proved,) = (
        row["bytes"] for row in spool.ledger.rows("SELECT bytes FROM take WHERE state = 'receipted'")
    )
    guard = DiskGuard(
        spool.ledger, spool.layout, keep_ms=24 * HOUR, low_bytes=0, full_bytes=0, budget_bytes=3 * kept
    )

    assert guard.tidy(utc_ms=START_MS + 60_000).hours_left is None, "a minute tells nothing of a day"
    # Filmed in two hours: `kept`. Free: twice that, and what the hub has already.
    assert guard.tidy(utc_ms=START_MS + 2 * HOUR).hours_left == pytest.approx(2 * (2 * kept + proved) / kept)


def test_a_disk_that_is_not_there_any_more(spool: Spool) -> None:
    take = receipted(spool, "A", at_ms=START_MS)
    guard = DiskGuard(spool.ledger, spool.layout, keep_ms=0, low_bytes=0, full_bytes=0)
    away = spool.layout.takes.rename(spool.layout.takes.with_name("elsewhere"))
    spool.layout.takes.mkdir()

    found = guard.tidy(utc_ms=START_MS)

    assert (found.room, found.gone, found.dropped) == (Room.FULL, True, ())
    assert (away / take / "parts").is_dir()
    spool.layout.takes.rmdir()
    away.rename(spool.layout.takes)
    assert guard.tidy(utc_ms=START_MS).dropped == (take,)
