"""A worker killed in the middle of a task: another one takes it up. With real processes."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EMIT = """
import django; django.setup()
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from packwitness.hub.outbox import operations
call_command("migrate", verbosity=0)
with transaction.atomic():
    operations.emit(organisation_id="o", name="take.sealed", subject="take:b-1", body={}, at=timezone.now())
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A hub of its own on SQLite, whose one hearer is slow and whose locks are short."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PACKWITNESS_")}
    return {
        **clean,
        "PACKWITNESS_DATA_DIR": str(tmp_path / "hub"),
        "PACKWITNESS_TASK_LOCK_SECONDS": "2",
        "DJANGO_SETTINGS_MODULE": "tests.hub.outbox.slow_settings",
        "PYTHONPATH": str(ROOT),
        "HEARD_FOLDER": str(tmp_path),
    }


@pytest.fixture
def start_worker(environment: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start workers; those still there at the end are killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(
            subprocess.Popen([sys.executable, "-m", "packwitness.cli", "hub", "worker"], env=environment)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def wait_for(path: Path, seconds: float = 90) -> float:
    """Wait until a file is there; return how long that took, in seconds."""
    begun = time.monotonic()
    while not path.exists():
        assert time.monotonic() - begun < seconds, f"{path.name} never came"
        time.sleep(0.05)
    return time.monotonic() - begun


def test_a_killed_workers_task_is_handed_on(
    environment: dict[str, str], start_worker: Callable[[], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", EMIT], env=environment, check=True)
    first = start_worker()
    wait_for(tmp_path / f"begun-{first.pid}")

    first.kill()
    first.wait()
    second = start_worker()
    handed_on = wait_for(tmp_path / f"begun-{second.pid}")
    (tmp_path / "go").touch()
    wait_for(tmp_path / f"done-{second.pid}")
    second.terminate()

    assert second.wait(10) == 0
    assert handed_on < 60
    assert (tmp_path / f"done-{second.pid}").read_text() == "take:b-1"
    assert not (tmp_path / f"done-{first.pid}").exists()
    with closing(sqlite3.connect(tmp_path / "hub" / "hub.sqlite3")) as database:
        rows = database.execute("SELECT attempts, delivered_at IS NULL FROM outbox_delivery").fetchall()
    assert rows == [(2, 0)]
