"""The ``packwitness demo`` command."""

import argparse
import os
import signal
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from types import FrameType

import httpx2 as httpx

from packwitness.demo import check
from packwitness.demo.house import EMAIL, MAIL_PORT, DemoError, House, free_port, only_one
from packwitness.demo.mailbox import Letter, Mailbox
from packwitness.demo.takes import follow


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("PACKWITNESS_DEMO_DATA", "packwitness-data/demo")),
        help="folder of the demo; a second start finds what the first one filmed (default: %(default)s)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help=f"run without a person until {check.TAKES} takes are sealed, watched and verified; exit 0 or 1",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="use a new temporary folder and remove it at the end"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo until Ctrl-C, or the check until it knows. Returns the exit code."""
    stop = threading.Event()

    def asked_to_stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    # Also when its terminal is closed: hub and station must not stay behind.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked_to_stop)
    try:
        if arguments.fresh:
            with tempfile.TemporaryDirectory(prefix="packwitness-demo-") as folder:
                return _run(Path(folder), stop, checking=arguments.check)
        return _run(arguments.data.resolve(), stop, checking=arguments.check)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1


def _run(data: Path, stop: threading.Event, *, checking: bool) -> int:
    def heard(letter: Letter) -> None:
        _say(f"message to {letter.recipient}: “{letter.subject}”\n          {letter.link}")

    with only_one(data):
        mailbox = Mailbox(data / "mail", heard, port=free_port(MAIL_PORT))
        mailbox.open()
        try:
            house = House(data, smtp_url=mailbox.url, say=_say)
            try:
                house.start()
                _welcome(house)
                if checking:
                    return check.run(house, mailbox, stop)
                _follow(house, stop)
                return 0
            finally:
                if not checking:
                    print("\nEnding. The films stay; `packwitness demo` finds them again.", flush=True)
                house.stop()
        finally:
            mailbox.close()


def _welcome(house: House) -> None:
    print(
        f"""
  Hub      {house.hub_url}/
           sign in as {EMAIL}, password {house.password}
  Kiosk    {house.kiosk_url}/
  Data     {house.data}

  The bench is being filmed now: a label is laid in view, goods go in, the label is lifted.
  Each stop gives a sealed film, and each order's first one a message to its buyer. Ctrl-C ends it.
""",
        flush=True,
    )


def _follow(house: House, stop: threading.Event) -> None:
    with httpx.Client(
        base_url=house.hub_url, headers={"Authorization": f"Bearer {house.api_key}"}, timeout=20
    ) as hub:
        for take in follow(hub, stop, pause=1.0):
            if ended := house.failed():
                raise DemoError(ended)
            if take is not None:
                _say(f"take {take.id} of {take.code} is sealed: {house.hub_url}/takes/{take.id}/")


def _say(words: str) -> None:
    print(f"{datetime.now().astimezone():%H:%M:%S}  {words}", flush=True)
