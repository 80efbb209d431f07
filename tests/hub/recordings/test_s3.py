"""The whole way of a film over a real S3 store: through the hub and past it."""

import json
import secrets
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django_ox.models import OxTask
from django_ox.testing import run_tasks
from pytest_django import Settings

from packwitness.hub.config import condition
from packwitness.hub.notary import checkpoints
from packwitness.hub.notary import queries as notary
from packwitness.hub.recordings import direct, joining, stored
from packwitness.hub.recordings.models import Take
from packwitness.hub.vault.store import vault
from packwitness.protocol import API_BASE, PartNamed, PartsNamed, PartStanding, PartStandings
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming, Part, body, film, sha
from tests.object_store import ObjectStore

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(s3: ObjectStore, settings: Settings) -> ObjectStore:
    settings.VAULT_URL = s3.url(f"hub/{secrets.token_hex(4)}")
    settings.DIRECT_UPLOAD = True
    return s3


def keys() -> list[str]:
    return [info.key.partition("/")[2] for info in vault().list("")]


def named(filming: Filming, n: int, part: Part, *, camera: str = "overhead", **changed: Any) -> PartNamed:
    facts = {"init": 0, "start": part.start, "duration": part.duration, "key": part.key}
    given = {"take": filming.take, "camera": camera, "number": n, **facts}
    return PartNamed(**{**given, "size": len(part.data), "sha256": sha(part.data), **changed})


def call(house: House, path: str, *parts: PartNamed) -> list[PartStanding]:
    text = PartsNamed(parts=list(parts)).model_dump_json()
    answer = house.station_client().post(f"{API_BASE}/{path}", text, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return PartStandings.model_validate_json(answer.content).parts


def states(given: list[PartStanding]) -> list[str]:
    return [one.code or one.state.value for one in given]


def put(standing: PartStanding, data: bytes) -> int:
    return httpx2.put(standing.url, content=data, headers=standing.headers).status_code


def begun(house: House, **more: Any) -> Filming:
    """A take that is announced and whose init is here."""
    filming = Filming(house, **more)
    assert filming.announce().status_code == 200
    filming.send_parts(lambda camera, n: False)
    return filming


def test_a_film_lives_in_s3_from_its_first_part_to_the_strangers_verdict(
    house: House, store: ObjectStore, tmp_path: Path
) -> None:
    filming = Filming(house, cameras={"overhead": film(3) + film(2, width=128, shade=30), "label": film(2)})
    filming.announce()
    filming.send_parts(lambda camera, n: n != 1)
    live = house.client().get(f"/takes/{filming.take}/live/overhead.m3u8")
    assert live.status_code in (200, 404)
    refused = filming.seal()
    assert (refused.status_code, refused.json()["code"]) == (409, "parts_missing")
    filming.send_parts()
    assert filming.seal().status_code == 200
    whole, client = filming.bytes_of("overhead"), house.client()
    address = f"/takes/{filming.take}/film/overhead.mp4"
    etags = set()
    for joined in (False, True):
        if joined:
            OxTask.objects.update(run_after=None)
            run_tasks()
        assert Take.objects.get().film_state == ("joined" if joined else "parts")
        answer = client.get(address)
        etags.add(answer["ETag"])
        assert body(answer) == whole
        middle = len(whole) // 2
        part = client.get(address, headers={"Range": f"bytes={middle}-{middle + 999}"})
        assert (part.status_code, body(part)) == (206, whole[middle : middle + 1000])
    assert len(etags) == 1
    assert keys() == [
        f"films/{filming.take}/label.mp4",
        f"films/{filming.take}/overhead.mp4",
        f"manifests/{filming.take}.json",
    ]
    checkpoints.sign(at=datetime.now(UTC))
    path = tmp_path / "bundle.zip"
    path.write_bytes(body(client.get(f"/takes/{filming.take}/bundle.zip")))
    trust = notary.organisation_fingerprint(organisation_id=house.organisation.id)
    command = [sys.executable, "-m", "packwitness.cli", "verify", str(path), "--trust", trust, "--json"]
    verdict = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert (verdict["integrity"]["findings"], verdict["films_checked"]) == ([], ["overhead", "label"])


def test_parts_that_went_past_the_hub_make_the_same_film(house: House, store: ObjectStore) -> None:
    filming = begun(house)
    parts = [named(filming, n, part) for n, part in enumerate(filming.cameras["overhead"])]
    assert states(call(house, "stored", *parts)) == ["missing"] * 4
    tickets = call(house, "tickets", *parts)
    assert states(tickets) == ["put"] * 4
    for ticket, part in list(zip(tickets, filming.cameras["overhead"], strict=True))[:3]:
        assert put(ticket, part.data) == 200
    assert states(call(house, "stored", *parts)) == ["stored"] * 3 + ["missing"]
    assert filming.seal().json()["code"] == "parts_missing"
    assert states(call(house, "tickets", *parts)) == ["stored"] * 3 + ["put"], "a station that fell asleep"
    assert filming.put_part("overhead", 3, filming.cameras["overhead"][3]).status_code == 201
    assert states(call(house, "stored", *parts)) == ["stored"] * 4
    assert Take.objects.get().last_part_at is not None
    assert filming.seal().status_code == 200
    for path in ("tickets", "stored"):
        assert states(call(house, path, parts[0])) == ["take_sealed"]
    run_tasks()
    answer = house.client().get(f"/takes/{filming.take}/film/overhead.mp4")
    assert body(answer) == filming.bytes_of("overhead")


def test_what_is_not_the_named_part_is_never_called_stored(house: House, store: ObjectStore) -> None:
    filming = begun(house)
    first, second = filming.cameras["overhead"][:2]
    part, other = named(filming, 0, first), bytes([first.data[0] ^ 1]) + first.data[1:]
    (ticket,) = call(house, "tickets", part)
    assert put(ticket, other) == 400
    assert states(call(house, "stored", part)) == ["missing"]
    assert put(ticket, first.data) == 200
    assert put(ticket, first.data) == 412
    longer = named(filming, 0, first, size=len(first.data) + 1)
    changed = named(filming, 0, first, sha256=sha(other))
    assert states(call(house, "stored", longer, changed)) == ["missing"] * 2
    assert states(call(house, "tickets", longer, named(filming, 0, second))) == ["part_differs"] * 2
    key = stored.folder(Take.objects.get(), "overhead")
    assert [info.size for info in vault().list(key + "0000")] == [len(first.data)]


def test_no_ticket_leads_over_the_wall(house: House, stranger: House, store: ObjectStore) -> None:
    mine, theirs = begun(house), begun(stranger)
    part = named(theirs, 0, theirs.cameras["overhead"][0])
    unknown_camera = named(mine, 0, mine.cameras["overhead"][0], camera="cellar")
    right = named(mine, 0, mine.cameras["overhead"][0])
    tickets = call(house, "tickets", part, unknown_camera, right)
    assert states(tickets) == ["take_unknown", "take_unknown", "put"]
    assert states(call(house, "stored", part, unknown_camera)) == ["take_unknown"] * 2
    (ticket,) = call(house, "tickets", right)
    url = ticket.url.replace(house.organisation.id, stranger.organisation.id)
    moved = url.replace(mine.take, theirs.take)
    assert url != ticket.url
    for wrong in (url, moved):
        assert put(ticket.model_copy(update={"url": wrong}), mine.cameras["overhead"][0].data) == 403
    assert not [info for info in vault().list(stranger.organisation.id) if "/0000" in info.key]


def test_a_part_that_comes_after_the_join_is_deleted(house: House, store: ObjectStore) -> None:
    filming = begun(house)
    part = named(filming, 2, filming.cameras["overhead"][2])
    tickets = [ticket for _ in range(2) for ticket in call(house, "tickets", part)]
    filming.whole()
    run_tasks()
    joined = keys()

    def comes_late() -> None:
        assert put(tickets.pop(), filming.cameras["overhead"][2].data) == 200
        assert keys() != joined

    comes_late()
    assert states(call(house, "stored", part)) == ["take_sealed"]
    assert keys() == joined
    comes_late()
    joining.join_film(take=filming.take, at=NOW)
    assert keys() == joined
    after_all_tickets = datetime.now(UTC) + timedelta(seconds=direct.TICKET_SECONDS)
    again = OxTask.objects.filter(task_path=joining.JOIN_TASK, run_after__gt=after_all_tickets)
    assert [task.kwargs for task in again] == [{"take": filming.take}]


@pytest.mark.parametrize("folder", [False, True])
def test_parts_go_through_the_hub_unless_the_operator_says_otherwise(
    house: House, store: ObjectStore, settings: Settings, tmp_path: Path, folder: bool
) -> None:
    filming = begun(house)
    if folder:
        settings.VAULT_URL = tmp_path.as_uri()
    else:
        settings.DIRECT_UPLOAD = False
    text = PartsNamed(parts=[named(filming, 0, filming.cameras["overhead"][0])]).model_dump_json()
    expected = {"tickets": ("refused", "direct_off"), "stored": ("missing", "")}
    for path in ("tickets", "stored"):
        answer = house.station_client().post(f"{API_BASE}/{path}", text, content_type="application/json")
        if folder:
            (given,) = PartStandings.model_validate_json(answer.content).parts
            assert (given.state, given.code) == expected[path]
        else:
            assert (answer.status_code, answer.json()["code"]) == (409, "direct_off")


def test_a_store_that_is_away_makes_stations_wait_and_forgets_nothing(
    house: House, store: ObjectStore, settings: Settings
) -> None:
    filming = begun(house)
    there = settings.VAULT_URL
    settings.VAULT_URL = ObjectStore("http://127.0.0.1:9").url("hub")
    answer = filming.put_part("overhead", 0, filming.cameras["overhead"][0])
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "store_away", "5")
    settings.VAULT_URL = store.url("hub", bucket="no-such-bucket")
    answer = filming.put_part("overhead", 0, filming.cameras["overhead"][0])
    assert (answer.status_code, answer.json()["retry"]) == (503, True)
    settings.VAULT_URL = there
    filming.send_parts()
    assert filming.seal().status_code == 200


def test_the_check_says_how_the_store_is(store: ObjectStore, settings: Settings) -> None:
    def said(url: str) -> list[tuple[str, str]]:
        settings.VAULT_URL = url
        return [(one.state, one.words) for one in condition._store()]

    there = settings.VAULT_URL
    host = store.endpoint.removeprefix("http://")
    assert said(there) == [
        ("ok", f"Films are kept at {there}."),
        ("ok", f"Stations may send parts straight to {host}."),
    ]
    assert keys() == []
    ((state, words),) = said(store.url("hub", bucket="no-such-bucket"))
    assert (state, "There is no such bucket" in words) == ("error", True)
    (kept, _), (state, words) = said(store.url("hub", public="http://127.0.0.1:9"))
    assert (kept, state, "not reached from here at 127.0.0.1:9" in words) == ("ok", "warning", True)
