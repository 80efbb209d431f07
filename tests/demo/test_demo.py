"""The demo as a person starts it: by its command, in a process of its own."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

DEMO = (sys.executable, "-u", "-m", "packwitness.cli", "demo")


class Running:
    """A demo and what it prints."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [*DEMO, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = ""

    def says(self, pattern: str) -> str:
        """Read on until a line holds the pattern, and return what its first group found."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.said += line
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError(f"the demo ended without saying {pattern}:\n{self.said}")

    def everybody(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> tuple[int, list[psutil.Process]]:
        """Press Ctrl-C; return the exit code and the processes that are left of it."""
        everybody = self.everybody()
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        _, left = psutil.wait_procs(everybody, timeout=5)
        return self.process.returncode, left


@contextmanager
def running(*words: str) -> Iterator[Running]:
    demo = Running(*words)
    try:
        yield demo
    finally:
        if demo.process.poll() is None:
            demo.end()
        if demo.process.stdout:
            demo.process.stdout.close()


def test_the_check_needs_nobody() -> None:
    done = subprocess.run([*DEMO, "--check", "--fresh"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert re.search(
        r"^takes 3  stop-to-playable: median \d+\.\d\d s, worst \d+\.\d\d s$", done.stdout, re.MULTILINE
    ), done.stdout


def test_a_demo_ends_cleanly_and_is_found_again(tmp_path: Path) -> None:
    with running("--data", str(tmp_path)) as first:
        take = first.says(r"take (\S+) of \S+ is sealed")

        # What it runs on belongs to it alone.
        second = subprocess.run([*DEMO, "--data", str(tmp_path)], capture_output=True, text=True)
        assert second.returncode == 1
        assert second.stderr.startswith(f"A demo is already running on {tmp_path}.")
        assert len(first.everybody()) >= 5
        assert first.end() == (0, [])

    with running("--data", str(tmp_path)) as again:
        hub = again.says(r"Hub +(http://\S+)/$")
        again.says(r"(Kiosk)")
        key = json.loads((tmp_path / "demo.json").read_text())["api_key"]
        found = httpx.get(f"{hub}/api/v1/takes", headers={"Authorization": f"Bearer {key}"}, timeout=20)
        assert take in [one["id"] for one in found.json()["takes"] if one["state"] == "sealed"]

        # Even killed it leaves nobody behind.
        everybody = again.everybody()
        again.process.kill()
        _, left = psutil.wait_procs(everybody, timeout=20)
        assert left == []
