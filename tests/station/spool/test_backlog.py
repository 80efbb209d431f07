"""What waits in the spool and what comes meanwhile: who is served when, and what a long wait costs."""

import asyncio
import json
import socket
import tracemalloc
from collections import Counter
from collections.abc import Iterator

import pytest

from packwitness.station.spool.hub import Hub
from packwitness.station.spool.outgoing import Outgoing, SendInit, SendPart, job_key
from packwitness.station.spool.turns import Shares, Turns
from packwitness.station.spool.uploader import Uploader
from tests.station.spool.hub_counterpart import HubCounterpart
from tests.station.spool.station_of_one import (
    BENCH,
    HUB_KEY,
    IDENTITY,
    START_MS,
    STATION_KEY,
    Spool,
    certificates,
)
from tests.station.spool.test_uploader import NOW_MS, finish, state, until, uploading

pytestmark = pytest.mark.anyio


@pytest.fixture
def hub() -> Iterator[HubCounterpart]:
    hub = HubCounterpart(HUB_KEY, certificates, {BENCH: STATION_KEY.public})
    with hub.running():
        yield hub


def sealed(spool: Spool, code: str, *, parts: int, after_s: int) -> str:
    take = spool.begin(code, after_s=after_s)
    spool.film(take, parts=parts, after_s=after_s)
    finish(spool, take)
    return take


def cloned(spool: Spool, count: int, called: str = "clone") -> None:
    """Make the ledger hold ``count`` more sealed takes like the last one, each a second older. Nothing of
    them is on disk: only the ledger is looked at until a hub answers.
    """
    name, number = f"'{called}-' || copy", "n + copy * 1000"
    changed = {
        "journal": {"n": number},
        "take": {"take": name, "n": number, "started_ms": "started_ms - copy * 1000"},
        "camera": {"take": name},
        "init": {"take": name},
        "part": {"take": name},
    }
    with spool.ledger.transaction() as db:
        take, n = db.execute("SELECT take, n FROM take ORDER BY n DESC LIMIT 1").fetchone()
        db.execute("CREATE TEMP TABLE IF NOT EXISTS up (copy)")
        db.execute("DELETE FROM up")
        db.executemany("INSERT INTO up VALUES (?)", [(copy,) for copy in range(1, count + 1)])
        for table, new in changed.items():
            columns = [row["name"] for row in db.execute(f"PRAGMA table_info({table})")]
            values = ", ".join(new.get(column, f"{table}.{column}") for column in columns)
            where = "n = ?" if table == "journal" else f"{table}.take = ?"
            query = f"INSERT INTO {table} SELECT {values} FROM {table}, up WHERE {where}"  # noqa: S608 - constants
            db.execute(query, (n if table == "journal" else take,))


async def test_a_new_take_does_not_wait_for_a_backlog_which_drains(spool: Spool, hub: HubCounterpart) -> None:
    takes, parts = 20, 51
    backlog = [sealed(spool, f"OLD{n}", parts=parts, after_s=40 * n) for n in range(takes)]
    async with uploading(spool, hub) as uploader:
        await until(lambda: sum("/parts/" in call for call in hub.calls) > takes * parts / 8, seconds=30)
        before = len(hub.calls)
        new = sealed(spool, "NEW", parts=6, after_s=10_000)
        uploader.wake()
        await until(lambda: state(spool, new) == "receipted", seconds=30)
        waited_for = [call for call in hub.calls[before:] if "/parts/" in call and f"/{new}/" not in call]
        left = sum(state(spool, take) != "receipted" for take in backlog)
        await until(lambda: all(state(spool, take) == "receipted" for take in backlog), seconds=90)

    assert left > takes / 2
    # What was under way when it began, what went up while it was filmed here, and the fourth place.
    assert len(waited_for) <= 40
    assert [len(hub.takes[take].parts) for take in backlog] == [parts] * takes


async def test_a_take_that_breaks_every_line_does_not_stop_the_others(
    spool: Spool, hub: HubCounterpart
) -> None:
    before = [sealed(spool, f"A{n}", parts=3, after_s=10 * n) for n in range(5)]
    hub.poison = sealed(spool, "POISON", parts=3, after_s=60)
    after = [sealed(spool, f"B{n}", parts=3, after_s=100 + 10 * n) for n in range(5)]
    async with uploading(spool, hub):
        await until(lambda: all(state(spool, take) == "receipted" for take in before + after))
        assert state(spool, hub.poison) == "sealed"
        asked = sum(hub.poison in call for call in hub.calls)
        assert 1 <= asked <= 12, "it is asked again, ever more seldom"
        healed, hub.poison = hub.poison, ""
        await until(lambda: state(spool, healed) == "receipted")


def served(spool: Spool, benches: list[str], *, rounds: int) -> Counter[str]:
    """Send ``rounds`` jobs, one at a time as places come free; return the bytes of each bench's parts."""
    outgoing = Outgoing(spool.ledger)
    turns = Turns(outgoing, benches)
    sent: Counter[str] = Counter()
    under_way = turns.choose([], places=4, without=[])
    for _ in range(rounds):
        job = under_way.pop(0)
        if isinstance(job, SendPart):
            outgoing.parts_sent([job.row])
            sent[job.take.bench] += job.row.size
        elif isinstance(job, SendInit):
            outgoing.init_sent(job.row)
        else:
            outgoing.announced(job.take.take)
        under_way += turns.choose({job_key(one) for one in under_way}, places=4, without=[])
    return sent


def test_benches_share_the_line_by_bytes(spool: Spool) -> None:
    """One with four cameras of large parts, one with a camera of small ones, both filming."""
    for bench, cameras, size in (("large", ("overhead", "label"), 4000), ("small", ("overhead",), 1000)):
        take = spool.begin(bench, bench=bench)
        for camera in cameras:
            spool.film(take, parts=60 if size == 1000 else 30, camera=camera, size=size)
        spool.ledger.fix_film_from(take=take, fallback_ms=START_MS)
    sent = served(spool, ["large", "small"], rounds=50)

    # The fourth place serves whoever began first, here the large one.
    assert sent["small"] >= sent["large"] / 3
    assert sent["small"] + sent["large"] > 50_000


def test_who_was_idle_is_owed_nothing() -> None:
    shares = Shares()
    for _ in range(10):
        shares.charge("a", 1000)
    assert shares.order(["a", "b"]) == ["b", "a"]
    shares.charge("b", 1000)
    shares.charge("b", 1000)
    assert shares.order(["a", "b"]) == ["a", "b"]
    assert shares.order(["x", "y"]) == ["x", "y"]


def test_what_is_chosen_next_costs_the_same_however_much_waits(spool: Spool) -> None:
    sealed(spool, "A", parts=1, after_s=0)
    asked: list[str] = []
    spool.ledger._db.set_trace_callback(asked.append)
    Turns(Outgoing(spool.ledger), [BENCH]).choose([], places=4, without=["clone-7"])
    spool.ledger._db.set_trace_callback(None)
    cloned(spool, 500)
    plans = {
        query: [row["detail"] for row in spool.ledger.rows("EXPLAIN QUERY PLAN " + query)] for query in asked
    }

    assert len(plans) >= 3
    for query, plan in plans.items():
        assert not [step for step in plan if "TEMP B-TREE" in step], query
        assert [
            step
            for step in plan
            if step.startswith("SCAN") and "json_each" not in step and "USING INDEX" not in step
        ] == [], query


async def test_a_hub_that_is_away_for_days_costs_disk_alone(spool: Spool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    sealed(spool, "A", parts=2, after_s=1_000_000)
    cloned(spool, 300)  # more than a batch of the journal
    few = await peak(spool, nowhere)
    cloned(spool, 3000, "another")
    many = await peak(spool, nowhere)

    assert many - few < 300_000, "bytes; the backlog's rows alone are more"
    assert {row.state for row in spool.ledger.unfinished()} == {"sealed"}
    size = len(json.dumps([row["subject"] for row in spool.ledger.rows("SELECT subject FROM take")]))
    assert size > 300_000


async def peak(spool: Spool, nowhere: str) -> int:
    """Let three days pass over a station whose hub is away; return the most bytes that it held."""
    now = 0.0
    async with Hub(nowhere, token="t") as client:
        uploader = Uploader(
            outgoing=Outgoing(spool.ledger),
            layout=spool.layout,
            hub=client,
            identity=IDENTITY,
            hub_key=HUB_KEY.public.key_id,
            utc_ms=lambda: NOW_MS,
            clock=lambda: now,
        )
        task = asyncio.create_task(uploader.run())
        await asyncio.sleep(0.1)
        tracemalloc.start()
        try:
            for _ in range(72):
                now += 3600
                uploader.wake()
                await until(lambda: not uploader._hub_wait.ready(now))  # noqa: B023 - it is asked at once
            assert len(uploader._take_waits) <= 16
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            task.cancel()
            await asyncio.wait([task])
