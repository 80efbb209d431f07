"""Parts that go past the hub into a real S3 store, and back through the hub where that does not work."""

import asyncio
import hashlib
import secrets
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from packwitness.protocol import PART_LIMIT, CameraStarted, PartStanding, PartState, TakeStarted
from packwitness.station.spool.backoff import Backoff
from packwitness.station.spool.hub import Hub, HubAway, StoreAway
from packwitness.station.spool.outgoing import Outgoing
from tests.object_store import ObjectStore
from tests.station.spool.forward_proxy import ForwardProxy
from tests.station.spool.hub_counterpart import TOKEN, Fault, HubCounterpart, Store, Take
from tests.station.spool.station_of_one import BENCH, HUB_KEY, STATION_KEY, Spool, certificates
from tests.station.spool.test_uploader import bytes_of, filmed, state, until, uploading

pytestmark = pytest.mark.anyio
EMPTY = TakeStarted(
    bench=BENCH, code="1", started_at=datetime.now(UTC), film_from=datetime.now(UTC),
    cameras=[CameraStarted(id="overhead", name="Overhead")], start={},
)  # fmt: skip


@pytest.fixture
def hub(s3: ObjectStore) -> Iterator[HubCounterpart]:
    hub = HubCounterpart(HUB_KEY, certificates, {BENCH: STATION_KEY.public})
    hub.store = Store(s3.endpoint, f"direct/{secrets.token_hex(4)}")
    with hub.running():
        yield hub


def under_way(spool: Spool, hub: HubCounterpart, *, parts: int, known: bool = True) -> str:
    """A take of which only the parts (twice ``parts``) and the manifest are still to go up. ``known``: to
    the hub, too.
    """
    take = filmed(spool, parts=parts)
    outgoing = Outgoing(spool.ledger)
    outgoing.announced(take)
    if known:
        hub.takes[take] = Take(EMPTY)
    for camera in ("overhead", "label"):
        for init in spool.ledger.inits(take, camera):
            outgoing.init_sent(init)
            if known:
                hub.takes[take].inits[camera, init.k] = b""
    return take


def through_the_hub(hub: HubCounterpart) -> int:
    return sum("/parts/" in call for call in hub.calls)


def calls(hub: HubCounterpart, name: str) -> int:
    return hub.calls.count(f"POST /{name}")


async def test_a_hub_that_says_where_gets_no_bytes(spool: Spool, hub: HubCounterpart) -> None:
    takes = [filmed(spool, f"T{n}", parts=8, after_s=20 * n) for n in range(3)]
    async with uploading(spool, hub) as uploader:
        await until(lambda: all(state(spool, take) == "receipted" for take in takes))
        assert uploader.detour == ""

    assert [hub.takes[take].parts for take in takes] == [bytes_of(spool, take) for take in takes]
    assert through_the_hub(hub) == 0
    assert calls(hub, "tickets") < 3 * 16 / 3, "tickets come in batches"
    assert calls(hub, "stored") == calls(hub, "tickets")


@pytest.mark.parametrize(("broken", "kind"), [("tickets", "500"), ("stored", "lost")])
async def test_whatever_breaks_once_is_asked_again(
    spool: Spool, hub: HubCounterpart, broken: str, kind: str
) -> None:
    take = filmed(spool, parts=2)
    hub.faults = [Fault(f"/{broken}$", kind)]
    async with uploading(spool, hub):
        await until(lambda: state(spool, take) == "receipted")

    assert hub.faults == []
    assert hub.takes[take].parts == bytes_of(spool, take)
    assert through_the_hub(hub) == 0


async def test_a_batch_that_fails_is_one_failure(spool: Spool, hub: HubCounterpart) -> None:
    take = under_way(spool, hub, parts=4)
    hub.faults = [Fault("/tickets$", "503")]
    async with uploading(spool, hub):
        await until(lambda: state(spool, take) == "receipted", seconds=5)


async def test_a_batch_of_a_take_that_the_hub_forgot_is_one_failure(
    spool: Spool, hub: HubCounterpart
) -> None:
    take = under_way(spool, hub, parts=4, known=False)
    async with uploading(spool, hub):
        await until(lambda: state(spool, take) == "receipted", seconds=5)


async def test_a_take_that_breaks_its_batch_does_not_stop_the_others(
    spool: Spool, hub: HubCounterpart
) -> None:
    poison = filmed(spool, "POISON", parts=3)
    others = [filmed(spool, f"T{n}", parts=3, after_s=20 + 20 * n) for n in range(3)]
    async with uploading(spool, hub):
        await until(lambda: poison in hub.takes and len(hub.takes[poison].inits) == 2)
        hub.poison = poison
        await until(lambda: all(state(spool, take) == "receipted" for take in others), seconds=30)
        assert state(spool, poison) == "sealed"

    assert through_the_hub(hub) == 0


async def test_a_take_that_failed_shares_no_batch(spool: Spool, hub: HubCounterpart) -> None:
    takes = [filmed(spool, f"T{n}", parts=2, after_s=20 * n) for n in range(2)]
    outgoing = Outgoing(spool.ledger)
    for take in takes:
        outgoing.announced(take)
        for camera in ("overhead", "label"):
            for init in spool.ledger.inits(take, camera):
                outgoing.init_sent(init)
    async with uploading(spool, hub, token="of another station") as uploader:
        batches = uploader._choose(set(), {takes[0]: Backoff()})

    found = sorted(sorted(job.take.take for job in batch) for batch in batches)
    assert found == [[takes[0]]] * 4 + [[takes[1]] * 4]


async def test_a_store_out_of_reach_is_gone_around_and_said(
    spool: Spool, hub: HubCounterpart, s3: ObjectStore
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    hub.store = Store(s3.endpoint, "direct", seen_at=nowhere)
    takes = [filmed(spool, f"T{n}", parts=6, after_s=20 * n) for n in range(2)]
    async with uploading(spool, hub) as uploader:
        await until(lambda: all(state(spool, take) == "receipted" for take in takes))
        assert "ConnectError" in uploader.detour

    assert through_the_hub(hub) == 2 * 12
    assert calls(hub, "tickets") <= 3, "only what was under way together"


async def test_a_store_that_refuses_late_tickets_is_gone_around(
    spool: Spool, hub: HubCounterpart, s3: ObjectStore
) -> None:
    hub.store = Store(s3.endpoint, "direct/late", seconds=-5)
    take = filmed(spool)
    async with uploading(spool, hub) as uploader:
        await until(lambda: state(spool, take) == "receipted")
        assert "403" in uploader.detour


async def test_a_store_in_which_the_hub_finds_nothing_is_gone_around(
    spool: Spool, hub: HubCounterpart, s3: ObjectStore
) -> None:
    class Elsewhere(Store):
        def found(self, part: object) -> bytes | None:
            return None

    hub.store = Elsewhere(s3.endpoint, f"direct/{secrets.token_hex(4)}")
    take = filmed(spool)
    async with uploading(spool, hub) as uploader:
        await until(lambda: state(spool, take) == "receipted")
        assert "does not find" in uploader.detour

    assert hub.takes[take].parts == bytes_of(spool, take)


async def test_a_hub_that_takes_parts_itself_is_not_asked_for_each(spool: Spool, hub: HubCounterpart) -> None:
    hub.store = None
    take = filmed(spool, parts=8)
    async with uploading(spool, hub) as uploader:
        await until(lambda: state(spool, take) == "receipted")
        assert uploader.detour == ""

    assert through_the_hub(hub) == 16
    assert calls(hub, "tickets") <= 3, "only what was under way together"


@pytest.mark.parametrize(("status", "code"), [("409", "direct_off"), ("404", "unexplained")])
async def test_a_way_that_is_switched_off_under_a_batch_is_gone_around(
    spool: Spool, hub: HubCounterpart, status: str, code: str
) -> None:
    take = under_way(spool, hub, parts=4)
    hub.faults = [Fault("/stored$", status, {"code": code})]
    async with uploading(spool, hub) as uploader:
        await until(lambda: state(spool, take) != "sealed")
        assert state(spool, take) == "receipted"
        assert uploader.detour == ""

    assert hub.takes[take].parts == bytes_of(spool, take)
    assert through_the_hub(hub) == 8
    assert calls(hub, "tickets") == calls(hub, "stored") == 1


async def test_the_store_is_reached_by_the_proxy_and_gets_no_token(
    spool: Spool, hub: HubCounterpart, s3: ObjectStore
) -> None:
    take = filmed(spool)
    proxy = ForwardProxy()
    try:
        async with uploading(spool, hub, proxy=proxy.url):
            await until(lambda: state(spool, take) == "receipted")
    finally:
        proxy.close()
    to_store = [head for head in proxy.heads if head.startswith(f"PUT {s3.endpoint}/".encode())]
    to_hub = [head for head in proxy.heads if f" {hub.url}/".encode() in head.split(b"\r\n")[0]]
    assert to_store
    assert to_hub
    assert not any(TOKEN.encode() in head for head in to_store)
    assert all(TOKEN.encode() in head for head in to_hub)
    assert through_the_hub(hub) == 0


async def test_a_shops_line_stays_free_on_this_way_too(spool: Spool, hub: HubCounterpart) -> None:
    take = filmed(spool, parts=8)
    size = spool.ledger.rows("SELECT sum(size) AS n FROM part")[0]["n"]
    began = time.monotonic()
    async with uploading(spool, hub, max_mbit=size * 8 / 1e6):
        await until(lambda: state(spool, take) == "receipted")
    assert time.monotonic() - began >= 0.8
    assert through_the_hub(hub) == 0


async def test_a_part_that_changed_on_disk_is_never_put(spool: Spool, hub: HubCounterpart) -> None:
    take = filmed(spool)
    spool.layout.part_file(take, "overhead", 1).write_bytes(b"something else")
    async with uploading(spool, hub):
        await until(lambda: "no longer what was recorded" in state(spool, take))

    assert ("overhead", 1) not in hub.takes[take].parts


async def test_a_part_that_is_too_large_spoils_no_batch(spool: Spool, hub: HubCounterpart) -> None:
    large = under_way(spool, hub, parts=1)
    fine = [filmed(spool, f"T{n}", parts=2, after_s=20 + 20 * n) for n in range(2)]
    data = bytes(PART_LIMIT + 1)
    spool.layout.part_file(large, "overhead", 0).write_bytes(data)
    with spool.ledger.transaction() as db:
        db.execute(
            "UPDATE part SET size = ?, sha256 = ? WHERE take = ? AND camera = 'overhead'",
            (len(data), hashlib.sha256(data).hexdigest(), large),
        )
    async with uploading(spool, hub):
        await until(lambda: all(state(spool, take) == "receipted" for take in fine))
        await until(lambda: state(spool, large).startswith("413 part_too_large"))

    assert through_the_hub(hub) == 1


async def test_what_a_store_answers_says_whose_fault_it_was(hub: HubCounterpart) -> None:
    """A line that changes bytes is tried again; everything else is gone around."""

    def at(url: str, **headers: str) -> PartStanding:
        return PartStanding(state=PartState.PUT, url=url, headers=headers)

    assert hub.store is not None
    async with Hub(hub.url, token=TOKEN) as client:
        for wrong in ("ftp://x/y", "http://[", "http://127.0.0.1:9/x", hub.url + "/nothing"):
            with pytest.raises(StoreAway):
                await client.put_at(at(wrong), b"1")
    async with Hub("https://hub.example", token=TOKEN) as client:
        with pytest.raises(StoreAway, match="https"):
            await client.put_at(at("http://127.0.0.1:9/x"), b"1")


@pytest.mark.parametrize("body", ["<Error><Code>ExpiredToken</Code></Error>", "BadDigest is not what it was"])
async def test_a_store_that_finds_a_ticket_wrong_is_gone_around(body: str) -> None:
    """A 400 is no word on the bytes unless it says so."""

    async def wrong(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n1")
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(wrong, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    async with server, Hub("http://127.0.0.1:9", token=TOKEN) as client:
        with pytest.raises(StoreAway, match="400"):
            await client.put_at(PartStanding(state=PartState.PUT, url=url), b"1")


async def test_bytes_that_change_on_the_way_are_sent_again(hub: HubCounterpart, spool: Spool) -> None:
    take = filmed(spool, parts=1)
    (row,) = spool.ledger.parts(take, "overhead")
    async with Hub(hub.url, token=TOKEN) as client:
        hub.takes[take] = Take(EMPTY)
        hub.takes[take].inits["overhead", 0] = b""
        (ticket,) = await client.tickets([row])
        data = spool.layout.part_file(take, "overhead", 0).read_bytes()
        with pytest.raises(HubAway, match="400") as caught:
            await client.put_at(ticket, b"x" + data[1:])
        assert caught.value.answered
        assert [one.state for one in await client.stored([row])] == ["missing"]
        await client.put_at(ticket, data)
        await client.put_at(ticket, data)
        assert [one.state for one in await client.stored([row])] == ["stored"]
