"""Joining parts into films: byte for byte, and nothing is deleted unproved, whenever the process dies."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django_ox.testing import run_tasks

from packwitness.hub.outbox.models import Event
from packwitness.hub.recordings import joining, names, queries, stored
from packwitness.hub.recordings.models import Take
from packwitness.hub.vault.filesystem import FilesystemVault
from packwitness.hub.vault.store import vault
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming, film

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.django_db
def test_films_are_the_parts_joined_and_the_parts_are_gone(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": film(2) + film(1, width=128)})
    filming.whole()
    run_tasks()
    organisation, take = house.organisation.id, Take.objects.get()
    assert [info.key for info in vault().list(organisation)] == [
        f"{organisation}/films/{take.id}/label.mp4",
        f"{organisation}/films/{take.id}/overhead.mp4",
        f"{organisation}/manifests/{take.id}.json",
    ]
    for camera in filming.cameras:
        with vault().open(stored.film_key(take, camera)) as file:
            assert file.read() == filming.bytes_of(camera)
    assert (take.film_state, take.joined_at is not None) == ("joined", True)
    joining.join_film(take=take.id, at=NOW)
    assert Event.objects.filter(name="film.joined").count() == 1


@pytest.mark.django_db
def test_a_damaged_part_stops_the_join_and_everything_stays(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    store, take = vault(), Take.objects.get()
    assert isinstance(store, FilesystemVault)
    _, parts = stored.arrived(take, "overhead")
    path = store._root / (stored.folder(take, "overhead") + str(parts[2]))
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"\0")
    before = list(store.list(house.organisation.id))
    with pytest.raises(joining.JoinFailed, match="does not hold the bytes"):
        joining.join_film(take=take.id, at=NOW)
    assert list(store.list(house.organisation.id)) == before
    assert Take.objects.get().film_state == "parts"
    assert [one.id for one in queries.unjoined(before=NOW + timedelta(days=10_000))] == [take.id]
    path.write_bytes(good)
    joining.join_film(take=take.id, at=NOW)
    assert Take.objects.get().film_state == "joined"


@pytest.mark.django_db
def test_a_film_that_is_not_the_sealed_one_is_never_taken_for_it(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    store, take = vault(), Take.objects.get()
    key = names.film_key(organisation_id=house.organisation.id, take=take.id, camera="overhead")
    store.put(key, b"not a film", sha256=joining.sha256(b"not a film"))
    with pytest.raises(joining.JoinFailed, match="not the film that was sealed"):
        joining.join_film(take=take.id, at=NOW)
    assert len(stored.arrived(take, "overhead")[1]) == 4


@pytest.mark.django_db
def test_parts_are_kept_when_the_film_is_gone(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    take = Take.objects.get()
    Take.objects.update(film_state="joined")
    with pytest.raises(joining.JoinFailed, match="gone"):
        joining.join_film(take=take.id, at=NOW)
    assert len(stored.arrived(take, "overhead")[1]) == 4


@pytest.mark.django_db
def test_a_running_take_is_not_joined(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    joining.join_film(take=filming.take, at=NOW)
    joining.join_film(take="nosuch-1", at=NOW)
    assert Take.objects.get().film_state == "parts"


def test_killed_at_twenty_random_moments_nothing_is_lost(tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PACKWITNESS_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.hub.recordings.killed_joins", "10", "20261122"],
        env={
            **clean,
            "PACKWITNESS_DATA_DIR": str(tmp_path / "hub"),
            "PACKWITNESS_BASE_URL": "http://testserver",
            "PACKWITNESS_LOG_LEVEL": "error",
            "DJANGO_SETTINGS_MODULE": "packwitness.hub.config.settings",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    counted = json.loads(done.stdout)
    assert counted["lost"] == []
    assert counted["killed"] >= 10, counted
    figures = ("joined", "events", "parts_left", "films")
    assert [counted[figure] for figure in figures] == [10, 10, 0, 20]
