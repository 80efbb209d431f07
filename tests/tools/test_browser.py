import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools import browser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fonts are looked up with fontconfig")

RUNS = "#!/bin/sh\necho 'Chromium 150.0'\n"
ONLY_ADVISES = "#!/bin/sh\necho 'Please install the snap' >&2\nexit 1\n"


def run(folder: Path, programs: dict[str, str], **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the tool where only these programs are on PATH; apt-get is not, so it installs nothing."""
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return subprocess.run(
        [sys.executable, Path(browser.__file__)],
        env={"PATH": str(folder), "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
    )


FONTS = {"fc-list": "#!/bin/sh\necho 'Noto Sans CJK KR'\n"}
NO_FONTS = {"fc-list": "#!/bin/sh\n"}


def test_a_browser_that_only_advises_is_passed_over(tmp_path: Path) -> None:
    answer = run(tmp_path, {"chromium": ONLY_ADVISES, "google-chrome": RUNS, **FONTS})

    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{tmp_path}/google-chrome\n", "")


def test_what_is_missing_is_named_with_the_command_that_helps(tmp_path: Path) -> None:
    answer = run(tmp_path, {"chromium": ONLY_ADVISES, **NO_FONTS})

    assert answer.returncode == 1
    assert "    sudo apt-get install chromium fonts-noto-cjk\n" in answer.stderr


def test_a_setting_that_names_no_browser_is_told(tmp_path: Path) -> None:
    answer = run(tmp_path, {"chromium": RUNS, **FONTS}, CHROMIUM="/nowhere/chromium")

    assert answer.returncode == 1
    assert answer.stderr.startswith("CHROMIUM names /nowhere/chromium, which does not run.\n")
