"""Processes are killed in the middle of their work; no parcel is lost, and every film says what it lacks."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil

from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from tests.e2e.audit import audit
from tests.e2e.numbered_film import holes, pictures
from tests.e2e.shop import CAMERAS, Shop, until

JOIN = "packwitness.hub.recordings.tasks.join_film"


def manifest(shop: Shop, take: str) -> Manifest:
    data = (shop.layout.take(take) / "manifest.json").read_bytes()
    return Manifest.from_payload(dict(Statement.from_json(data).payload))


def whole(shop: Shop, take: str) -> None:
    """Assert that the hub has every part that the station wrote, and that no picture is missing."""
    for camera in manifest(shop, take).cameras:
        assert len(camera.parts) == len(shop.parts(take, camera.id))
        assert not camera.gaps
        film = pictures(shop.film(take, camera.id))
        assert holes(film) == []


def test_the_station_is_killed_in_the_middle_of_a_take(shop: Shop, tmp_path: Path) -> None:
    take = shop.start("607812340010")
    shop.filmed(take, 3)
    station = psutil.Process(shop.house.process("station").pid)
    children = station.children()
    station.kill()
    shop.house.process("station").wait(10)
    kept = {camera: len(shop.parts(take, camera)) for camera in CAMERAS}
    _, left = psutil.wait_procs(children, timeout=10)
    assert left == [], "the recorder ends with its station"
    shop.house.start_station()

    found = shop.sealed(take)
    assert found["outcome"] == "interrupted"
    for camera in manifest(shop, take).cameras:
        # What was durable but not yet in the ledger is no part of the take: at most the one that was written.
        assert kept[camera.id] - 1 <= len(camera.parts) <= kept[camera.id] + 1
        assert len(camera.parts) >= 3
    whole(shop, take)
    assert take in [one["take"] for one in shop.kiosk()["last_takes"]]
    assert take in shop.person.get("/").text
    shop.cameras_up()
    audit(shop, tmp_path)


def test_the_web_process_is_killed_while_parts_come_in(shop: Shop, tmp_path: Path) -> None:
    take = shop.start("607812340011")
    shop.filmed(take, 2)
    for _ in range(2):
        web = shop.hub_child("web")
        web.kill()
        until(lambda gone=web: not gone.is_running() or gone.status() == "zombie", what="it is dead")  # type: ignore[misc] # bound now
        until(lambda: shop.api.get("/readyz").status_code == 200, what="the hub answers again")
    shop.filmed(take, 5)
    shop.end()

    assert shop.sealed(take)["outcome"] == "completed"
    whole(shop, take)
    audit(shop, tmp_path)


def task(shop: Shop, take: str) -> dict[str, Any]:
    rows = shop.hub_rows(
        "SELECT status, attempts FROM django_ox_oxtask WHERE task_path = ? AND kwargs LIKE ?",
        JOIN,
        f"%{take}%",
    )
    return {"status": rows[0][0], "attempts": rows[0][1]} if rows else {}


def catch_in_the_middle(shop: Shop, take: str) -> psutil.Process:
    """Let the worker run for milliseconds at a time until it has begun to join a film; return it, stopped."""
    worker = shop.hub_child("worker")
    end = time.monotonic() + 30
    while time.monotonic() < end:
        worker.suspend()
        if task(shop, take).get("status") == "RUNNING":
            return worker
        worker.resume()
        time.sleep(0.003)
    raise AssertionError("the worker was never seen at work")


def test_the_worker_is_killed_in_the_middle_of_a_task(shop: Shop, tmp_path: Path) -> None:
    code, email = "607812340012", "worker@example.com"
    shop.order(code, email)
    take = shop.start(code)
    shop.filmed(take, 2)
    shop.end()
    caught = catch_in_the_middle(shop, take)
    caught.kill()

    shop.sealed(take)
    until(lambda: task(shop, take).get("status") == "SUCCESSFUL", what="the film is joined")
    assert task(shop, take)["attempts"] == 2
    whole(shop, take)
    shop.letter(email)
    time.sleep(1)  # a second message would come in this second
    assert len(shop.letters(email)) == 1
    audit(shop, tmp_path)


def test_the_recorder_is_killed_in_the_middle_of_a_take(shop: Shop, tmp_path: Path) -> None:
    take = shop.start("607812340013")
    shop.filmed(take, 3)
    recorder = shop.recorder()
    os.kill(recorder.pid, signal.SIGKILL)
    killed = time.monotonic()
    with contextlib.suppress(psutil.NoSuchProcess):
        recorder.wait(5)
    before = {camera: len(shop.parts(take, camera)) for camera in CAMERAS}
    assert shop.recorder().pid != recorder.pid
    assert time.monotonic() - killed < 5
    assert shop.running() == take
    until(
        lambda: all(len(shop.parts(take, camera)) >= count + 2 for camera, count in before.items()),
        what="the same take goes on",
    )
    shop.end()

    assert shop.sealed(take)["outcome"] == "completed"
    for camera in manifest(shop, take).cameras:
        assert [gap.reason for gap in camera.gaps] == ["recorder"]
        assert camera.gaps[0].duration_ms > 0
        assert pictures(shop.film(take, camera.id))
    audit(shop, tmp_path)
