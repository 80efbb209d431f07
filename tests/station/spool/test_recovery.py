import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from packwitness.evidence.manifest import GAP_LIMIT
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger, LedgerError
from packwitness.station.spool.recovery import Recovered, create_spool, open_spool, recover
from packwitness.station.spool.seal import close
from tests.station.spool.audit import audit
from tests.station.spool.station_of_one import BENCH, IDENTITY, START_MS, Spool, close_all, make, reopen

ROOT = Path(__file__).resolve().parents[3]


def start_again(spool: Spool) -> Recovered:
    return recover(
        spool.ledger,
        spool.journal,
        spool.layout,
        IDENTITY,
        benches=[BENCH],
        boot="cd",
        utc_ms=START_MS + 60_000,
    )


def test_a_take_that_was_cut_is_sealed_at_its_last_part(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=4)
    spool.layout.part_file(take, "overhead", 4).write_bytes(b"half a part")

    found = start_again(spool)

    assert found == Recovered((take,), 1)
    row = spool.ledger.take(take)
    assert row is not None
    assert (row.state, row.outcome, row.stopped_ms) == ("sealed", "interrupted", START_MS + 800)
    assert not spool.layout.part_file(take, "overhead", 4).exists()
    audit(spool)


def test_a_take_that_was_closed_but_not_sealed_keeps_its_outcome(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)

    start_again(spool)

    row = spool.ledger.take(take)
    assert row is not None
    assert (row.state, row.outcome) == ("sealed", "completed")
    audit(spool)


def test_a_folder_without_its_manifest_gets_it(spool: Spool) -> None:
    take = spool.begin()
    start_again(spool)
    (spool.layout.take(take) / "manifest.json").unlink()

    assert start_again(spool) == Recovered((), 0)
    audit(spool)


def test_a_take_that_cannot_be_sealed_keeps_no_bench_from_starting(spool: Spool) -> None:
    beyond, ordinary = spool.begin("A"), spool.begin("B", after_s=60)
    spool.film(beyond, parts=1)
    spool.film(ordinary, parts=1, after_s=60)
    with spool.ledger.transaction() as db:
        gaps = [(beyond, "overhead", n, 1, "reconnect") for n in range(GAP_LIMIT + 1)]
        db.executemany("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", gaps)

    start_again(spool)

    rows = [spool.ledger.take(take) for take in (beyond, ordinary)]
    assert [row and row.state for row in rows] == ["closed", "sealed"]
    assert rows[0] is not None
    assert "cameras.0.gaps" in (rows[0].trouble or "")
    assert spool.layout.part_file(beyond, "overhead", 0).exists()
    assert start_again(spool).interrupted == (), "nor the next time"


def test_a_recorder_that_still_writes_gets_no_row_for_a_file_that_was_cleared_away(tmp_path: Path) -> None:
    for attempt in range(10):
        spool = make(tmp_path / str(attempt))
        take = spool.begin()
        spool.film(take, parts=1)

        def write_on(spool: Spool = spool, take: str = take) -> None:
            with suppress(OSError):  # the take is closed
                spool.film(take, parts=1_000)

        recorder = threading.Thread(target=write_on)
        recorder.start()
        time.sleep(attempt / 500)
        start_again(spool)
        recorder.join()

        for row in spool.ledger.parts(take, "overhead"):
            assert spool.layout.part_file(take, "overhead", row.n).exists(), (
                f"part {row.n} has a row, no file"
            )
        close_all(spool)


def test_nothing_is_filmed_onto_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    create_spool(layout).close()
    layout.takes.rename(tmp_path / "unmounted")
    layout.takes.mkdir()
    with pytest.raises(LedgerError, match=r"has no spool\.id.*Mount the disk"):
        open_spool(layout)

    layout.spool_id.write_text("another")
    with pytest.raises(LedgerError, match="belongs to another ledger"):
        open_spool(layout)

    shutil.rmtree(layout.takes)
    (tmp_path / "unmounted").rename(layout.takes)
    open_spool(layout).close()


def test_a_spool_is_not_made_over_another(tmp_path: Path) -> None:
    create_spool(Layout(tmp_path)).close()

    with pytest.raises(LedgerError, match="already"):
        create_spool(Layout(tmp_path))


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    ledger = create_spool(Layout(tmp_path))
    ledger.set_meta("schema_version", "99")
    ledger.close()

    with pytest.raises(LedgerError, match="schema version 99"):
        Ledger(tmp_path / "ledger.sqlite3")


def test_a_file_that_is_no_ledger_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"something else entirely" * 100)

    with pytest.raises(LedgerError, match="not a readable ledger"):
        Ledger(tmp_path / "ledger.sqlite3")
    with pytest.raises(LedgerError, match="packwitness station enrol"):
        Ledger(tmp_path / "missing.sqlite3")


def test_what_was_acknowledged_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    """Twenty processes in a row are killed somewhere in the middle of their work, on one and the same
    spool.
    """
    data = tmp_path / "data"
    close_all(make(data))
    dice = random.Random(20261122)
    said: list[list[str]] = []
    command = [sys.executable, "-m", "tests.station.spool.busy_station", str(data)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as nursery:
        for _ in range(20):
            said += killed_after(nursery, lines=dice.randrange(1, 14), seconds=dice.uniform(0, 0.012))
        assert nursery.stdin is not None
        nursery.stdin.close()

    spool = reopen(data)
    start_again(spool)
    takes = audit(spool)

    assert takes >= 20
    for what, take, *rest in said:
        row = spool.ledger.take(take)
        assert row is not None, f"{take} was begun and is gone"
        match what, rest:
            case "part", (camera, n, sha256):
                assert spool.ledger.parts(take, camera)[int(n)].sha256 == sha256
            case "event", (n,):
                assert spool.ledger.events(take)[int(n)].kind == "label_scanned"
            case "sealed", (digest,):
                assert (row.manifest_digest, row.outcome) == (digest, "completed")
    close_all(spool)


def killed_after(nursery: subprocess.Popen[str], *, lines: int, seconds: float) -> list[list[str]]:
    """Have a station born, kill it so many lines and seconds after it is ready; return all that it said."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write("another\n")
    child, heard = 0, list[list[str]]()
    while True:
        words = nursery.stdout.readline().split()
        match words:
            case ["born", number, "."]:
                child = int(number)
            case ["gone", "."]:
                return heard
            case ["take" | "part" | "event" | "sealed", *rest, "."]:
                heard.append([words[0], *rest])
        if child and len(heard) == lines:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
            child = 0
