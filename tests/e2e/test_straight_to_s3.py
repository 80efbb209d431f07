"""A real station's uploader, a real hub and a real S3 store: parts go past the hub, and the film is whole."""

import asyncio
import secrets
from contextlib import closing
from pathlib import Path

import pytest
from django_ox.testing import run_tasks
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from packwitness.hub.notary import queries as notary
from packwitness.hub.recordings import stored
from packwitness.hub.recordings.models import Take
from packwitness.station.spool.hub import Hub
from packwitness.station.spool.journal import Journal, TakeStart
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.parts import LedgerPartStore
from packwitness.station.spool.recovery import create_spool, open_spool
from packwitness.station.spool.seal import Identity, close, seal
from packwitness.station.spool.uploader import Uploader
from tests.hub.conftest import NOW, House, build_house
from tests.hub.recordings.filmed import Filming, body, film
from tests.object_store import ObjectStore
from tests.station.spool.station_of_one import UNMEASURED, Facts

CAMERA = "overhead"
NOW_MS = int(NOW.timestamp() * 1000)


@pytest.mark.django_db(transaction=True)
def test_what_a_station_puts_into_the_store_the_hub_shows(
    s3: ObjectStore, live_server: LiveServer, settings: Settings, tmp_path: Path
) -> None:
    settings.VAULT_URL = s3.url(f"e2e/{secrets.token_hex(4)}")
    settings.DIRECT_UPLOAD = True
    house = build_house("Mugs & Teas")
    Filming(house)  # certifies the station
    layout = Layout(tmp_path)
    create_spool(layout).close()
    with closing(open_spool(layout)) as ledger:
        take = filmed(house, layout, ledger)
        known, key = identity(house), notary.hub_key_id()
        asked = asyncio.run(upload(house.station_token, known, key, layout, ledger, live_server.url, take))
    assert [path for path in asked if "/parts/" in path] == []
    assert {"tickets", "stored"} <= {path.rpartition("/")[2] for path in asked}
    run_tasks()
    row = Take.objects.get()
    assert (row.id, row.state, row.film_state) == (take, "sealed", "joined")
    whole = film()[0].init + b"".join(part.data for part in film())
    answer = house.client().get(f"/takes/{take}/film/{CAMERA}.mp4")
    assert body(answer) == whole
    assert stored.arrived(row, CAMERA) == ([], [])


def identity(house: House) -> Identity:
    certificates = notary.certificates(
        organisation_id=house.organisation.id, station_certificate=house.station.certificate
    )
    return Identity(
        house.organisation.id,
        house.station.id,
        {house.bench.id: house.bench.name},
        tuple(one.to_value() for one in certificates),
        "0.1.0",
    )


def filmed(house: House, layout: Layout, ledger: Ledger) -> str:
    """A sealed take in the station's spool."""
    journal = Journal(ledger, house.station_key)
    with closing(LedgerPartStore(layout, Ledger(layout.ledger))) as store:
        start = TakeStart(
            bench=house.bench.id,
            kind="packing",
            code="6012-3456-7890",
            code_kind="tracking_number",
            logic="laid-lifted",
            logic_version="ab" * 32,
            cameras=((CAMERA, "Overhead"),),
            started_ms=NOW_MS,
            started_ns=10**12,
            pre_roll_ms=0,
            clock=UNMEASURED,
        )
        take = journal.start_take(start, utc_ms=NOW_MS)
        init = store.put_init(
            take=take, camera=CAMERA, data=film()[0].init, info=Facts(), origin_ns=start.started_ns
        )
        for part in film():
            store.put_part(
                take=take,
                camera=CAMERA,
                init=init.k,
                data=part.data,
                start=part.start,
                duration=part.duration,
                key=part.key,
            )
    close(ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    seal(ledger, journal, layout, identity(house), take=take, utc_ms=NOW_MS)
    return take


async def upload(
    token: str, known: Identity, hub_key: str, layout: Layout, ledger: Ledger, url: str, take: str
) -> list[str]:
    """Send the take up to its receipt; return the paths that the hub was asked for."""
    asked: list[str] = []

    class Watched(Hub):
        async def _call(self, method, path, *rest):  # type: ignore[no-untyped-def]  # as in the base
            asked.append(path)
            return await super()._call(method, path, *rest)

    done = asyncio.Event()
    async with Watched(url, token=token) as hub:
        uploader = Uploader(
            outgoing=Outgoing(ledger),
            layout=layout,
            hub=hub,
            identity=known,
            hub_key=hub_key,
            utc_ms=lambda: NOW_MS,
            changed=lambda each: done.set() if state(ledger, take) != "sealed" else None,
        )
        task = asyncio.create_task(uploader.run())
        try:
            await asyncio.wait_for(done.wait(), 60)
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert (state(ledger, take), uploader.detour) == ("receipted", "")
    return asked


def state(ledger: Ledger, take: str) -> str:
    row = ledger.take(take)
    assert row is not None
    return row.trouble or row.state
