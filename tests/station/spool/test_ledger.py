import threading

import pytest

from packwitness.station.spool.ledger import TakeNotOpen
from packwitness.station.spool.rows import Head
from tests.station.spool.station_of_one import BENCH, START_MS, Spool, note


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "SELECT take FROM take WHERE state IN ('recording', 'closed', 'sealed') ORDER BY started_ms",
            "take_unsent",
        ),
        ("SELECT take FROM take WHERE state = 'receipted' ORDER BY receipted_ms, take", "take_kept"),
        ("SELECT * FROM part WHERE take = 'a' AND uploaded = 0 ORDER BY n, camera LIMIT 4", "part_unsent"),
        (
            "SELECT take FROM take WHERE bench = 'a' AND state != 'recording' ORDER BY n DESC LIMIT 6",
            "take_number",
        ),
    ],
)
def test_what_is_asked_often_costs_by_what_is_open(spool: Spool, query: str, index: str) -> None:
    plan = " ".join(row["detail"] for row in spool.ledger.rows(f"EXPLAIN QUERY PLAN {query}"))

    assert f"INDEX {index}" in plan
    assert "SCAN part" not in plan


def test_an_event_waits_for_the_beginning_of_the_film(spool: Spool) -> None:
    take = spool.begin()
    first = note(spool, take, kind="note", utc_ms=START_MS + 10, data={"note": "a"})
    assert [event.body for event in spool.ledger.events(take)] == [None]

    assert spool.ledger.fix_film_from(take=take, fallback_ms=START_MS - 90) == START_MS - 90
    second = note(spool, take, kind="note", utc_ms=START_MS + 20, data={"note": "b"})
    assert spool.ledger.fix_film_from(take=take, fallback_ms=7) == START_MS - 90, "it is settled once"

    assert (first, second) == (0, 1)
    placed = [(event.body or {})["at_ms"] for event in spool.ledger.events(take)]
    assert placed == [100, 110]
    with pytest.raises(TakeNotOpen, match="unknown"):
        note(spool, "bench1-9", kind="note", utc_ms=0, data={})


def test_an_error_inside_a_transaction_leaves_nothing_behind(spool: Spool) -> None:
    def half_way() -> None:
        with spool.ledger.transaction() as db:
            db.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()

    assert spool.ledger.meta("a") is None
    spool.ledger.set_meta("a", "c")
    spool.ledger.set_meta("a", "d")
    assert spool.ledger.meta("a") == "d"


def test_the_journals_head_is_never_one_that_is_being_written(spool: Spool) -> None:
    before, seen = spool.ledger.head(BENCH), list[Head]()
    reader = threading.Thread(target=lambda: seen.append(spool.ledger.head(BENCH)))
    with spool.ledger.transaction() as db:
        db.execute("INSERT INTO journal VALUES (?, 99, 'x', 'boot', '{}')", (BENCH,))
        reader.start()
        reader.join(0.1)
        db.execute("DELETE FROM journal WHERE n = 99")
    reader.join(5)

    assert seen == [before]
