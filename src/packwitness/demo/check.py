"""``packwitness demo --check``: the main job without a person, and whether it was done.

Three takes of the demo's bench have to be sealed. Of each, every camera's film is fetched as a player would,
the buyer's message is read, its link opened, and the evidence bundle is verified by ``packwitness verify``
in a process of its own, trusting the organisation's fingerprint alone.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2 as httpx

from packwitness.demo.house import EMAIL, DemoError, House
from packwitness.demo.mailbox import Mailbox
from packwitness.demo.takes import SealedTake, follow
from packwitness.station.cameras.scene.parcels import PARCELS

TAKES = 3
PATIENCE = 180.0
"""Seconds without a sealed take after which the check gives up; a cycle of the bench lasts about 14."""
MESSAGE_PATIENCE = 20.0


@dataclass(frozen=True)
class Checked:
    """One take that passed; ``playable_s`` is from the stop at the bench to the first bytes of the film."""

    take: SealedTake
    playable_s: float


def run(house: House, mailbox: Mailbox, stop: threading.Event) -> int:
    """Check until enough takes passed. Prints one line of figures and returns 0.

    Raises:
        DemoError: what failed, and where to look.
    """
    done: list[Checked] = []
    headers = {"Authorization": f"Bearer {house.api_key}"}
    with (
        httpx.Client(base_url=house.hub_url, headers=headers, timeout=20) as api,
        httpx.Client(base_url=house.hub_url, timeout=20, follow_redirects=True) as person,
    ):
        _sign_in(person, house)
        fingerprint = _fingerprint(api)
        until = time.monotonic() + PATIENCE
        for take in follow(api, stop, pause=0.05):
            if ended := house.failed():
                raise DemoError(ended)
            if take is None:
                if time.monotonic() > until:
                    raise DemoError(
                        f"No take was sealed for {PATIENCE:.0f} s. See the logs in {house.data / 'logs'}."
                    )
                continue
            if take.outcome != "completed":
                # The end of an earlier run that was cut short; true, but not a parcel of this run.
                continue
            done.append(_check(take, person, mailbox, fingerprint))
            print(
                f"  take {take.id}: playable {done[-1].playable_s:.2f} s after the stop, watched, verified",
                flush=True,
            )
            if len(done) == TAKES:
                break
            until = time.monotonic() + PATIENCE
    if len(done) < TAKES:
        raise DemoError("The check was ended before it was done.")
    times = [one.playable_s for one in done]
    print(
        f"takes {len(done)}  stop-to-playable: "
        f"median {statistics.median(times):.2f} s, worst {max(times):.2f} s",
        flush=True,
    )
    return 0


def _check(take: SealedTake, person: httpx.Client, mailbox: Mailbox, fingerprint: str) -> Checked:
    if not take.cameras:
        raise DemoError(f"Take {take.id} has no camera.")
    for camera in take.cameras:
        _film(person, f"/takes/{take.id}/film/{camera}.mp4")
    playable_s = (datetime.now(UTC) - take.stopped_at).total_seconds()
    _watch(person.base_url, _link(take, mailbox), take)
    _verify(person, take, fingerprint)
    return Checked(take=take, playable_s=playable_s)


def _sign_in(person: httpx.Client, house: House) -> None:
    page = person.get("/accounts/login/")
    page.raise_for_status()
    form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    answer = person.post(
        "/accounts/login/",
        data={
            "login": EMAIL,
            "password": house.password,
            "csrfmiddlewaretoken": form[1] if form else "",
        },
        headers={"Referer": f"{house.hub_url}/accounts/login/"},
    )
    if answer.status_code != 200 or answer.url.path.startswith("/accounts/login"):
        raise DemoError(f"The hub refused the demo's sign-in (status {answer.status_code}).")


def _fingerprint(api: httpx.Client) -> str:
    answer = api.get("/api/v1/organisation")
    answer.raise_for_status()
    return str(answer.json()["fingerprint"])


def _film(visitor: httpx.Client, address: str) -> None:
    answer = visitor.get(address, headers={"Range": "bytes=0-65535"})
    if answer.status_code != 206 or answer.content[4:8] != b"ftyp":
        raise DemoError(f"{address} is no film (status {answer.status_code}).")


def _link(take: SealedTake, mailbox: Mailbox) -> str:
    """Return the path of the link that a take's buyer was sent.

    A parcel that came by in an earlier run was told of then: its buyer is not written to again.
    """
    buyer = next((parcel.buyer_email for parcel in PARCELS if parcel.tracking_number == take.code), None)
    if buyer is None:
        raise DemoError(f"Take {take.id} is filed under {take.code}, which is no parcel of the demo.")
    until = time.monotonic() + MESSAGE_PATIENCE
    while time.monotonic() < until:
        for letter in reversed(mailbox.letters):
            if letter.recipient == buyer and letter.link:
                return urlsplit(letter.link).path
        time.sleep(0.1)
    raise DemoError(
        f"No message with a link reached {buyer} within {MESSAGE_PATIENCE:.0f} s of take {take.id}."
    )


def _watch(hub: httpx.URL, link: str, take: SealedTake) -> None:
    with httpx.Client(base_url=hub, timeout=20, follow_redirects=True) as buyer:
        page = buyer.get(link)
        if page.status_code != 200 or take.code not in page.text:
            raise DemoError(f"The watch page {link} does not show {take.code} (status {page.status_code}).")
        for camera in take.cameras:
            _film(buyer, f"{link}/film/{take.id}/{camera}.mp4")


def _verify(person: httpx.Client, take: SealedTake, fingerprint: str) -> None:
    with tempfile.TemporaryDirectory(prefix="packwitness-check-") as folder:
        bundle = Path(folder) / "bundle.zip"
        with person.stream("GET", f"/takes/{take.id}/bundle.zip") as answer, bundle.open("wb") as file:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                file.write(piece)
        done = subprocess.run(
            [sys.executable, "-m", "packwitness.cli", "verify", str(bundle), "--trust", fingerprint],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"Take {take.id} does not verify:\n{done.stdout}{done.stderr}")
