"""What ``packwitness station check`` finds, and what it mends."""

import pytest

from packwitness.station.spool.check import Found, Repaired, examine, repair
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.seal import close, seal
from tests.station.spool.station_of_one import BENCH, IDENTITY, START_MS, STATION_KEY, Spool

KEY = STATION_KEY.public.key_id


def sealed(spool: Spool, code: str = "A") -> str:
    take = spool.begin(code)
    spool.film(take, parts=3)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    seal(spool.ledger, spool.journal, spool.layout, IDENTITY, take=take, utc_ms=START_MS)
    return take


def look(spool: Spool, *, hashing: bool = False) -> list[Found]:
    return list(examine(spool.ledger, spool.layout, benches=[BENCH], key=KEY, hashing=hashing))


def test_a_spool_at_work_has_nothing_wrong(spool: Spool) -> None:
    sealed(spool)
    running = spool.begin("B")
    spool.film(running, parts=2)
    # Its row is yet to come.
    spool.layout.part_file(running, "overhead", 2).write_bytes(b"being written")

    assert look(spool, hashing=True) == []


def test_a_part_that_is_gone_or_cut(spool: Spool) -> None:
    take = sealed(spool)
    gone, cut = (spool.layout.part_file(take, "overhead", n) for n in (0, 1))
    gone.unlink()
    size = cut.stat().st_size
    cut.write_bytes(cut.read_bytes()[:-1])

    assert look(spool) == [
        Found("part_missing", take, str(gone)),
        Found("part_damaged", take, str(cut), f"{size - 1} bytes, not {size}"),
    ]


def test_a_flipped_bit_is_found_where_films_are_read(spool: Spool) -> None:
    take = sealed(spool)
    path = spool.layout.part_file(take, "overhead", 1)
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)

    assert look(spool) == []
    assert look(spool, hashing=True) == [Found("part_damaged", take, str(path), "its bytes were changed")]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ("UPDATE part SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x') WHERE n = 1",
         ["chain_broken", "manifest_differs"]),
        ("UPDATE part SET n = 7 WHERE n = 2", ["part_missing", "chain_broken", "leftover"]),
        ("UPDATE take SET manifest_digest = 'ab'", ["manifest_differs"]),
        ("DELETE FROM journal WHERE kind = 'start'", ["journal_broken"]),
    ],
)  # fmt: skip
def test_rows_that_were_changed(spool: Spool, change: str, codes: list[str]) -> None:
    sealed(spool)
    with spool.ledger.transaction() as db:
        db.execute(change)

    assert [one.code for one in look(spool)] == codes


def test_the_folder_of_another_station(spool: Spool) -> None:
    spool.layout.spool_id.write_text("another")

    assert [one.code for one in look(spool)] == ["wrong_folder"]


def test_repair_throws_nothing_away_that_may_be_film(spool: Spool) -> None:
    take = sealed(spool)
    leftover = spool.layout.part_file(take, "overhead", 9)
    leftover.write_bytes(b"of the last crash")
    unknown = spool.layout.takes / "nobody-7" / "parts"
    unknown.mkdir(parents=True)
    (unknown / "film").write_bytes(b"perhaps dear to somebody")
    spool.layout.part_file(take, "overhead", 0).write_bytes(b"x")

    done = repair(spool.ledger, spool.layout, look(spool))

    aside = f"set-aside/{leftover.relative_to(spool.layout.takes)}"
    assert done == Repaired(0, (aside, "set-aside/nobody-7"), (take,))
    assert (spool.layout.root / aside).read_bytes() == b"of the last crash"
    assert (spool.layout.root / "set-aside" / "nobody-7" / "parts" / "film").is_file()
    row = spool.ledger.take(take)
    assert row is not None
    assert "not what was recorded" in (row.trouble or "")
    assert [one.code for one in look(spool)] == ["part_damaged"], "only a person can mend that"


def test_leftovers_of_what_the_hub_has_are_deleted(spool: Spool) -> None:
    take = sealed(spool)
    manifest = Outgoing(spool.ledger).manifest(take)
    Outgoing(spool.ledger).receipted(take, receipt=manifest, utc_ms=START_MS)
    leftover = spool.layout.part_file(take, "overhead", 9)
    leftover.write_bytes(b"of the last crash")

    assert repair(spool.ledger, spool.layout, look(spool)) == Repaired(1, (), ())
    assert not leftover.exists()


def test_what_is_about_to_go_is_no_finding(spool: Spool) -> None:
    take = sealed(spool)
    with spool.ledger.transaction() as db:
        db.execute("UPDATE take SET state = 'dropped' WHERE take = ?", (take,))
        db.execute("DELETE FROM part")
        db.execute("INSERT INTO garbage VALUES (?)", (take,))

    assert look(spool) == []


def test_a_finding_says_where_and_what_to_do(spool: Spool) -> None:
    folder = spool.layout.takes / "nobody-7"
    folder.mkdir()

    (found,) = look(spool)

    assert found.words.startswith(f"{folder}: a folder that no take in the ledger owns; --repair moves it")
