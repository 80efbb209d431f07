"""See that the browser tests find a Chromium and fonts that can draw Korean; print the Chromium's path.

Where something is missing it is installed when that is possible without asking anybody: as root on Debian or
Ubuntu. Elsewhere the exit code is 1 and the text says what to do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
SETTING = "CHROMIUM"
BROWSER_PACKAGE = "chromium"
FONT_PACKAGE = "fonts-noto-cjk"


def chromium() -> str | None:
    """The path of a Chromium that answers `--version`: the one the setting names, or one on PATH.

    Being found is not enough: Ubuntu's `chromium-browser` may be a script that only says to install a snap.
    """
    named = os.environ.get(SETTING)
    candidates = (
        [named] if named else [*filter(None, map(shutil.which, NAMES)), *filter(os.path.exists, PLACES)]
    )
    for candidate in candidates:
        try:
            answer = subprocess.run([candidate, "--version"], capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.SubprocessError):
            continue
        if answer.returncode == 0:
            return candidate
    return None


def draws_korean() -> bool:
    """Whether a font for Korean is installed; taken for granted where fontconfig does not rule."""
    if sys.platform != "linux":
        return True
    if not shutil.which("fc-list"):
        return any(Path("/usr/share/fonts").rglob("NotoSansCJK*"))
    fonts = subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, check=True)
    return bool(fonts.stdout.strip())


def install(packages: list[str]) -> None:
    """Install Debian packages; raises CalledProcessError when apt-get fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run(
            ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def missing() -> list[str]:
    """The Debian names of what is not there."""
    return [
        package
        for package, there in ((BROWSER_PACKAGE, chromium() is not None), (FONT_PACKAGE, draws_korean()))
        if not there
    ]


def main() -> int:
    """Install what is missing, or say how; 0 when everything is there."""
    wanted = missing()
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None
    if wanted and may_install:
        print(f"Installing {', '.join(wanted)} for the browser tests …", flush=True)
        try:
            install(wanted)
        except subprocess.CalledProcessError as error:
            print(f"{' '.join(error.cmd)} failed with exit code {error.returncode}.", file=sys.stderr)
        wanted = missing()
    if wanted:
        named = os.environ.get(SETTING)
        if BROWSER_PACKAGE in wanted and named:
            print(f"{SETTING} names {named}, which does not run.", file=sys.stderr)
        print(
            f"The browser tests need {' and '.join(wanted)} (Debian's names). On Debian or Ubuntu:\n"
            f"    sudo apt-get install {' '.join(wanted)}\n"
            f"Elsewhere install Chromium or Chrome and a font for Korean; {SETTING} may name the program.\n"
            "Without them you can still run the other tests:\n"
            "    .venv/bin/python -m pytest -m 'not e2e'",
            file=sys.stderr,
        )
        return 1
    print(chromium())
    return 0


if __name__ == "__main__":
    sys.exit(main())
