"""``packwitness hub run``: web and worker under one supervisor, with real processes."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

COMMAND = [sys.executable, "-m", "packwitness.cli", "hub"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A hub of its own."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PACKWITNESS_", "DJANGO_"))
    }
    return {**clean, "PACKWITNESS_DATA_DIR": str(tmp_path / "hub")}


@pytest.fixture
def hub(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A running hub; whatever is left of it at the end is killed."""
    process = subprocess.Popen(
        [*COMMAND, "run", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True
    )
    family = [psutil.Process(process.pid)]
    yield process
    if process.poll() is None:
        family += family[0].children(recursive=True)
        process.kill()
    process.wait()
    for member in family[1:]:
        if member.is_running():
            member.kill()
    assert process.stdout is not None
    process.stdout.close()


def address(hub: subprocess.Popen[str]) -> str:
    """Read where it listens."""
    assert hub.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", hub.stdout.readline())
    assert found is not None
    return found.group()


def alive(url: str, seconds: float = 90) -> None:
    """Wait until the hub answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=seconds) as answer:
                assert answer.status == 200
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def children(hub: subprocess.Popen[str], count: int = 2) -> list[psutil.Process]:
    """Wait for its child processes."""
    deadline = time.monotonic() + 60
    while True:
        found = psutil.Process(hub.pid).children()
        if len(found) == count:
            return found
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_child_that_dies_comes_back_and_all_end_together(hub: subprocess.Popen[str]) -> None:
    url = address(hub)
    alive(url)
    before = children(hub)
    web = next(child for child in before if "web" in child.cmdline())

    web.kill()
    web.wait(10)
    alive(url)
    after = children(hub)
    begun = time.monotonic()
    hub.send_signal(signal.SIGTERM)

    assert hub.wait(10) == 0
    assert time.monotonic() - begun < 6
    assert {child.pid for child in after} != {child.pid for child in before}
    assert [child for child in after if child.is_running()] == []


def test_children_do_not_outlive_a_killed_supervisor(hub: subprocess.Popen[str]) -> None:
    alive(address(hub))
    orphans = children(hub)

    hub.kill()
    gone, still = psutil.wait_procs(orphans, timeout=8)
    for orphan in still:
        orphan.kill()

    assert (len(gone), still) == (2, [])


def test_a_port_in_use_is_named(hub: subprocess.Popen[str], environment: dict[str, str]) -> None:
    port = address(hub).rsplit(":", 1)[1]
    second = subprocess.run(
        [*COMMAND, "run", "--port", port], env=environment, capture_output=True, text=True, timeout=60
    )

    assert second.returncode == 1
    assert f"Cannot listen at 127.0.0.1:{port}" in second.stderr
    assert "--port" in second.stderr
