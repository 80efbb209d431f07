"""Take the pictures that the documentation shows: run the demo, wait for a film, photograph its pages.

    python -m tools.screenshots [--into docs/images] [NAME …]

Everything is found in what `packwitness demo` prints, as a person would find it.
"""

import argparse
import contextlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from playwright.sync_api import Browser, Page, sync_playwright

from tools.browser import chromium

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300.0
"""Seconds until the demo has filmed a parcel and written to its buyer."""

DESK = (1280, 800)
PHONE = (390, 844)

PATTERNS = {
    "hub": re.compile(r"^\s+Hub\s+(http\S+)"),
    "email": re.compile(r"sign in as (\S+), password"),
    "password": re.compile(r"sign in as \S+, password (\S+)"),
    "kiosk": re.compile(r"^\s+Kiosk\s+(http\S+)"),
    "take": re.compile(r"take \S+ of \S+ is sealed: (http\S+)"),
    "link": re.compile(r"^\s+(http\S+/w/\S+)"),
}
"""What is looked for in the demo's output."""


@dataclass(frozen=True)
class Picture:
    """One file: the page (a key of PATTERNS), the size of the screen, and whether it is dark there."""

    name: str
    page: str
    size: tuple[int, int]
    dark: bool = False


PICTURES = (
    Picture("kiosk", "kiosk", DESK),
    Picture("hub", "hub", DESK),
    Picture("hub-dark", "hub", DESK, dark=True),
    Picture("hub-phone", "hub", PHONE),
    Picture("take", "take", DESK),
    Picture("watch", "link", PHONE),
    Picture("watch-dark", "link", PHONE, dark=True),
)


class DemoSilentError(Exception):
    """The demo ended or did not say what was expected; the text is what it said."""


class Listener(threading.Thread):
    """Reads all that the demo says, until it ends; `told` is set when nothing more is expected of it."""

    def __init__(self, output: IO[str], expected: set[str]) -> None:
        super().__init__(daemon=True)
        self.output = output
        self.expected = expected
        self.said: list[str] = []
        self.found: dict[str, str] = {}
        self.told = threading.Event()

    def run(self) -> None:
        for line in self.output:
            self.said.append(line)
            for name, pattern in PATTERNS.items():
                if match := pattern.search(line):
                    self.found.setdefault(name, match[1])
            if self.found.keys() >= self.expected:
                self.told.set()
        self.told.set()


@contextlib.contextmanager
def demo(expected: set[str]) -> Iterator[dict[str, str]]:
    """Run the demo until it has said what is expected (keys of PATTERNS); end it on leaving."""
    command = [sys.executable, "-u", "-m", "packwitness.cli", "demo", "--fresh"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None, "stdout is piped"  # noqa: S101 - tells the type checker
        listener = Listener(process.stdout, expected)
        listener.start()
        try:
            listener.told.wait(PATIENCE)
            missing = ", ".join(sorted(expected - listener.found.keys()))
            if missing:
                raise DemoSilentError(f"The demo did not tell: {missing}. It said:\n{''.join(listener.said)}")
            yield listener.found
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
            listener.join()


def sign_in(page: Page, found: dict[str, str]) -> None:
    page.goto(f"{found['hub']}accounts/login/")
    page.locator("input[name=login]").fill(found["email"])
    page.locator("input[name=password]").fill(found["password"])
    page.locator("form:has(input[name=password]) button[type=submit]").first.click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def photograph(browser: Browser, picture: Picture, found: dict[str, str], into: Path) -> None:
    """Open a page as its reader would, let its film show a frame, and keep the picture."""
    width, height = picture.size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if picture.dark else "light",
        locale="en-GB",
    )
    try:
        page = context.new_page()
        if picture.page in ("hub", "take"):
            sign_in(page, found)
        page.goto(found[picture.page], wait_until="load")
        if page.locator("video").count():
            page.locator("video").first.evaluate("video => { video.muted = true; return video.play(); }")
        page.wait_for_timeout(2000)
        target = into / f"{picture.name}.png"
        page.screenshot(path=target)
        print(target)
    finally:
        context.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--into", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these pictures")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - {picture.name for picture in PICTURES}
    if unknown:
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    pictures = [picture for picture in PICTURES if not chosen.names or picture.name in chosen.names]
    chosen.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"], env={"HOME": profile}
        )
        try:
            with demo({"hub", "email", "password", *(picture.page for picture in pictures)}) as found:
                for picture in pictures:
                    photograph(browser, picture, found, chosen.into)
        except DemoSilentError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
