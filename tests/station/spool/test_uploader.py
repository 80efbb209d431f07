"""The uploader against a real HTTP hub that misbehaves."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from packwitness.evidence.keys import SigningKey
from packwitness.evidence.receipts import receipt
from packwitness.evidence.statements import sign
from packwitness.station.spool.hub import Hub
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.seal import close, seal
from packwitness.station.spool.uploader import Uploader
from tests.station.spool.forward_proxy import ForwardProxy
from tests.station.spool.hub_counterpart import TOKEN, Fault, HubCounterpart
from tests.station.spool.station_of_one import (
    BENCH,
    HUB_KEY,
    IDENTITY,
    START_MS,
    STATION_KEY,
    Spool,
    certificates,
)

NOW_MS = START_MS + 60_000
pytestmark = pytest.mark.anyio


@pytest.fixture
def hub() -> Iterator[HubCounterpart]:
    hub = HubCounterpart(HUB_KEY, certificates, {BENCH: STATION_KEY.public})
    with hub.running():
        yield hub


@asynccontextmanager
async def uploading(
    spool: Spool, hub: HubCounterpart, *, token: str = TOKEN, proxy: str = "", max_mbit: float = 0
) -> AsyncIterator[Uploader]:
    async with Hub(hub.url, token=token, proxy=proxy, max_mbit=max_mbit) as client:
        uploader = Uploader(
            outgoing=Outgoing(spool.ledger),
            layout=spool.layout,
            hub=client,
            identity=IDENTITY,
            hub_key=HUB_KEY.public.key_id,
            utc_ms=lambda: NOW_MS,
        )
        task = asyncio.create_task(uploader.run())
        try:
            yield uploader
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(what: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.01)


def state(spool: Spool, take: str) -> str:
    row = spool.ledger.take(take)
    assert row is not None
    return row.trouble or row.state


def finish(spool: Spool, take: str) -> None:
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    seal(spool.ledger, spool.journal, spool.layout, IDENTITY, take=take, utc_ms=NOW_MS)


def filmed(spool: Spool, code: str = "1Z999", *, parts: int = 4, after_s: int = 0) -> str:
    """A sealed take of two cameras."""
    take = spool.begin(code, after_s=after_s)
    spool.film(take, parts=parts, after_s=after_s)
    spool.film(take, parts=parts, after_s=after_s, camera="label")
    finish(spool, take)
    return take


def bytes_of(spool: Spool, take: str) -> dict[tuple[str, int], bytes]:
    return {
        (camera, row.n): spool.layout.part_file(take, camera, row.n).read_bytes()
        for camera in ("overhead", "label")
        for row in spool.ledger.parts(take, camera)
    }


async def test_parts_go_up_while_the_parcel_is_packed_and_the_receipt_follows_the_seal(
    spool: Spool, hub: HubCounterpart
) -> None:
    spool.journal.boot(bench=BENCH, software="0.1.0", boot="ab", utc_ms=START_MS)
    take = spool.begin()
    async with uploading(spool, hub) as uploader:
        spool.film(take, parts=2)
        spool.ledger.fix_film_from(take=take, fallback_ms=START_MS)
        uploader.wake()
        await until(lambda: take in hub.takes and len(hub.takes[take].parts) == 2)
        assert state(spool, take) == "recording"

        spool.film(take, parts=1)
        finish(spool, take)
        uploader.wake()
        await until(lambda: state(spool, take) == "receipted")
        await until(lambda: len(hub.journals.get(BENCH, [])) == 3)
        await until((spool.layout.take(take) / "receipt.json").exists)

    assert hub.takes[take].parts == bytes_of(spool, take)
    assert hub.takes[take].started.code == "1Z999"
    sealed = hub.takes[take].sealed
    assert sealed is not None
    assert [one.value for one in sealed.disclosures] == ["1Z999"]
    assert [entry["payload"]["kind"] for entry in hub.journals[BENCH]] == ["boot", "start", "seal"]
    folder = spool.layout.take(take)
    assert json.loads((folder / "receipt.json").read_text()) == hub.takes[take].receipt


@pytest.mark.parametrize("kind", ["500", "503", "429", "reset", "lost", "half"])
async def test_whatever_breaks_once_is_sent_again(spool: Spool, hub: HubCounterpart, kind: str) -> None:
    take = filmed(spool, parts=2)
    calls = ["PUT /takes/[^/]*$", "inits/0$", "parts/1$", "manifest", "journal"]
    hub.faults = [Fault(call, kind) for call in calls]
    async with uploading(spool, hub):
        await until(lambda: state(spool, take) == "receipted")
        await until(lambda: len(hub.journals.get(BENCH, [])) == 2)

    assert hub.faults == []
    assert hub.takes[take].parts == bytes_of(spool, take)


async def test_a_hub_that_is_away_is_waited_for(spool: Spool, hub: HubCounterpart) -> None:
    away = HubCounterpart(HUB_KEY, certificates, {BENCH: STATION_KEY.public})
    with away.running():
        pass  # its port is free again
    take = filmed(spool)
    async with uploading(spool, away):
        await asyncio.sleep(0.3)
        assert state(spool, take) == "sealed"
        with away.running(int(away.url.rsplit(":", 1)[1])):
            await until(lambda: state(spool, take) == "receipted")


async def test_parts_that_the_hub_lost_are_sent_again(spool: Spool, hub: HubCounterpart) -> None:
    take = filmed(spool)
    hub.faults = [Fault("manifest", "500")]
    async with uploading(spool, hub):
        await until(lambda: not hub.faults)
        del hub.takes[take].parts["label", 2]
        await until(lambda: state(spool, take) == "receipted")

    assert hub.takes[take].parts == bytes_of(spool, take)
    assert hub.calls.count(f"PUT /takes/{take}/cameras/label/parts/2") == 2


async def test_a_take_that_the_hub_forgot_is_sent_again_whole(spool: Spool, hub: HubCounterpart) -> None:
    take = filmed(spool)
    hub.faults = [Fault("manifest", "500")]
    async with uploading(spool, hub):
        await until(lambda: not hub.faults)
        del hub.takes[take]
        await until(lambda: state(spool, take) == "receipted")

    assert hub.takes[take].parts == bytes_of(spool, take)


async def test_what_the_hub_refuses_is_kept_for_a_person_and_the_others_go_on(
    spool: Spool, hub: HubCounterpart
) -> None:
    refused, other = filmed(spool, "A"), filmed(spool, "B", after_s=10)
    hub.faults = [
        Fault(f"{refused}/manifest", "422", {"code": "manifest_invalid", "detail": "chain_mismatch"})
    ]
    async with uploading(spool, hub) as uploader:
        await until(lambda: state(spool, other) == "receipted")
        await until(lambda: state(spool, refused) == "422 manifest_invalid: chain_mismatch")
        assert spool.layout.part_file(refused, "overhead", 0).exists()

        assert Outgoing(spool.ledger).retry() == 1
        uploader.wake()
        await until(lambda: state(spool, refused) == "receipted")


async def test_a_part_that_changed_on_disk_is_never_sent(spool: Spool, hub: HubCounterpart) -> None:
    take = filmed(spool)
    spool.layout.part_file(take, "overhead", 1).write_bytes(b"something else")
    async with uploading(spool, hub):
        await until(lambda: "no longer what was recorded" in state(spool, take))

    assert ("overhead", 1) not in hub.takes[take].parts


@pytest.mark.parametrize("wrong", ["key", "digest", "unsigned"])
async def test_a_receipt_that_does_not_hold_is_no_receipt(
    spool: Spool, hub: HubCounterpart, wrong: str
) -> None:
    take = filmed(spool)
    if wrong == "key":
        hub.key = SigningKey.from_seed(b"x" * 32)
    else:
        other = {"digest": "manifest", "unsigned": "take"}[wrong]
        forged = _receipt_with(other, take=take)
        hub.faults = [Fault("manifest", "200", {"receipt": forged})]
    async with uploading(spool, hub):
        await until(lambda: "receipt does not hold" in state(spool, take))

    row = spool.ledger.take(take)
    assert row is not None
    assert row.state == "sealed"
    assert not (spool.layout.take(take) / "receipt.json").exists()


def _receipt_with(wrong: str, *, take: str) -> dict[str, object]:
    """A receipt by the right key for another manifest, or one whose take was changed after it was signed."""
    payload = receipt(
        take=take if wrong == "manifest" else "bench1-9", organisation="org1", manifest="00" * 32,
        received_at=datetime(2026, 11, 22, tzinfo=UTC), origin="hub.example/log", index=0,
    )  # fmt: skip
    value = sign(payload, HUB_KEY).to_value()
    value["payload"]["take"] = take
    return value


async def test_a_token_that_is_not_known_is_said_and_nothing_is_lost(
    spool: Spool, hub: HubCounterpart
) -> None:
    take = filmed(spool)
    async with uploading(spool, hub, token="of another station") as uploader:
        await until(lambda: uploader.unauthorised)

    assert state(spool, take) == "sealed"


async def test_at_most_four_at_once_and_the_newest_take_first(spool: Spool, hub: HubCounterpart) -> None:
    old = [filmed(spool, f"OLD{n}", parts=6, after_s=10 * n) for n in range(5)]
    new = filmed(spool, "NEW", parts=6, after_s=100)
    async with uploading(spool, hub):
        await until(lambda: state(spool, new) == "receipted")
        left = [take for take in old if state(spool, take) != "receipted"]
        await until(lambda: all(state(spool, take) == "receipted" for take in old))

    assert len(left) >= 3, "the newest waited for the backlog"
    assert 1 < hub.most_under_way <= 5, "four of takes, one of the journal"


async def test_a_journal_that_forked_is_for_a_person(spool: Spool, hub: HubCounterpart) -> None:
    spool.journal.boot(bench=BENCH, software="0.1.0", boot="ab", utc_ms=START_MS)
    hub.faults = [Fault("journal", "409", {"code": "journal_fork", "detail": "entry 1 differs"})]
    outgoing = Outgoing(spool.ledger)
    async with uploading(spool, hub):
        await until(lambda: outgoing.journal_trouble(BENCH) == "409 journal_fork: entry 1 differs")

    assert outgoing.journal_next(BENCH) == 1


async def test_a_take_that_cannot_be_put_into_words_does_not_keep_the_others_waiting(
    spool: Spool, hub: HubCounterpart
) -> None:
    poor = filmed(spool, "A", parts=1)
    with spool.ledger.transaction() as db:
        opened = [(poor, f"{n:064x}", "c2FsdA", "value") for n in range(10_001)]
        db.executemany("INSERT INTO disclosure VALUES (?, ?, ?, ?)", opened)
    fine = filmed(spool, "B", parts=1, after_s=60)

    async with uploading(spool, hub):
        await until(lambda: state(spool, fine) == "receipted")
        await until(lambda: state(spool, poor).startswith("cannot be sent"))
        late = filmed(spool, "C", parts=1, after_s=120)
        await until(lambda: state(spool, late) == "receipted")

    assert spool.layout.part_file(poor, "overhead", 0).exists()


async def test_a_disk_that_takes_no_note_does_not_keep_the_others_waiting(
    spool: Spool, hub: HubCounterpart
) -> None:
    poor = filmed(spool, "A", parts=1)
    spool.layout.part_file(poor, "overhead", 0).write_bytes(b"something else")
    with spool.ledger.transaction() as db:
        db.execute(
            "CREATE TRIGGER full BEFORE UPDATE OF trouble ON take "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    async with uploading(spool, hub):
        await until(lambda: poor in hub.takes and len(hub.takes[poor].parts) == 1)
        fine = filmed(spool, "B", parts=1, after_s=60)
        await until(lambda: state(spool, fine) == "receipted")
        assert state(spool, poor) == "sealed"
        with spool.ledger.transaction() as db:
            db.execute("DROP TRIGGER full")
        await until(lambda: "no longer what was recorded" in state(spool, poor))


def test_a_long_backlog_is_not_read_whole_for_each_part(spool: Spool) -> None:
    takes = [spool.begin(f"607812{n:06}", after_s=n) for n in range(30)]
    for take in takes[1:]:
        spool.ledger.fix_film_from(take=take, fallback_ms=START_MS)
    for take in takes[2:]:
        close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    outgoing = Outgoing(spool.ledger)
    outgoing.trouble(takes[2], "for a person")

    assert [row.take for row in outgoing.newest(BENCH, limit=20)] == [takes[1], *takes[:-20:-1]]
    assert outgoing.newest("another bench", limit=20) == []
    assert [row.take for row in outgoing.oldest(limit=5)] == [takes[1], *takes[3:7]]
    waiting = takes[3:20]
    assert [row.take for row in outgoing.oldest(limit=5, without=waiting)] == [takes[1], *takes[20:24]]
    assert [row.take for row in outgoing.newest(BENCH, limit=1)] == [takes[1]]
    newest = outgoing.newest(BENCH, limit=3, without=[takes[1], takes[-1]])
    assert [row.take for row in newest] == [takes[-2], takes[-3], takes[-4]]


async def test_through_a_proxy(spool: Spool, hub: HubCounterpart) -> None:
    take = filmed(spool)
    proxy = ForwardProxy()
    try:
        async with uploading(spool, hub, proxy=proxy.url):
            await until(lambda: state(spool, take) == "receipted")
    finally:
        proxy.close()
    assert proxy.asked
    assert all(f" {hub.url}/" in line for line in proxy.asked)


async def test_a_shops_line_stays_free(spool: Spool, hub: HubCounterpart) -> None:
    take = filmed(spool, parts=8)
    size = spool.ledger.rows("SELECT sum(size) AS n FROM part")[0]["n"]
    began = time.monotonic()
    async with uploading(spool, hub, max_mbit=size * 8 / 1e6):
        await until(lambda: state(spool, take) == "receipted")
    # All in one second; the last part may begin a part's time earlier.
    assert time.monotonic() - began >= 0.8
