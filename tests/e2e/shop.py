"""A shop that is really running: hub and station as processes, cameras by RTSP, a mailbox by SMTP."""

import contextlib
import json
import re
import sqlite3
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import httpx2 as httpx
import psutil

from packwitness.demo.house import EMAIL, House, free_port, only_one
from packwitness.demo.mailbox import Letter, Mailbox
from packwitness.station.spool.layout import Layout
from tests.e2e.line import Carries, Line
from tests.station.cameras.rtsp_server import RtspCameraServer

CAMERAS = ("overhead", "label")
PATIENCE = 40.0
RING_SECONDS = 6.0
"""Pre-roll, a group of pictures, and what a film runs on after its stop."""
END = "PWCMD:END"


def until[T](look: Callable[[], T], *, what: str, seconds: float = PATIENCE, pause: float = 0.05) -> T:
    """Look until the answer is true, and return it; what a restarting server refuses counts as false."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(httpx.TransportError):
            if found := look():
                return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(pause)


class Shop:
    """One house with its cameras and its buyers' mailbox."""

    def __init__(
        self, house: House, mailbox: Mailbox, cameras: RtspCameraServer, lines: dict[str, Line]
    ) -> None:
        self.house = house
        self.mailbox = mailbox
        self.lines = lines
        self._cameras = cameras
        self.codes: dict[str, str] = {}
        """The takes of all starts that a bench accepted, and the code of each."""
        self.unanswered: list[str] = []
        """Codes of scans of which nobody told what became: each may have begun a take."""
        self._sealed: set[str] = set()
        self.layout = Layout(house.data / "station")
        self.bench: str = tomllib.loads(self.layout.settings.read_text())["benches"][0]["id"]
        self.api = httpx.Client(
            base_url=house.hub_url, headers={"Authorization": f"Bearer {house.api_key}"}, timeout=20
        )
        self.person = httpx.Client(base_url=house.hub_url, timeout=20, follow_redirects=True)
        self.buyer = httpx.Client(base_url=house.hub_url, timeout=20, follow_redirects=True)
        self._sign_in()

    @property
    def accepted(self) -> list[str]:
        """The takes of all starts that a bench accepted."""
        return list(self.codes)

    def close(self) -> None:
        for client in (self.api, self.person, self.buyer):
            client.close()

    # --- what people do ---

    def scan(self, code: str) -> httpx.Response:
        """Send a code to the bench as another program would; remembers the take it began."""
        before = self.running()
        try:
            answer = httpx.post(
                f"{self.house.kiosk_url}/api/benches/{self.bench}/scans",
                headers={"Authorization": f"Bearer {self.layout.trigger_token.read_text().strip()}"},
                json={"code": code},
                timeout=20,
            )
        except httpx.TransportError:
            self.unanswered.append(code)
            raise
        if answer.status_code == 202 and (take := answer.json()["take"]) and take != before:
            assert answer.json()["accepted"], answer.text
            assert take not in self.codes, f"take {take} began twice"
            self.codes[take] = code
        return answer

    def start(self, code: str) -> str:
        """Scan a label and return the take that began."""
        answer = self.scan(code)
        assert (answer.status_code, answer.json()["state"]) == (202, "recording"), answer.text
        return str(answer.json()["take"])

    def end(self) -> None:
        """End the running take."""
        assert self.scan(END).status_code == 202

    def order(self, code: str, email: str) -> None:
        """Put an order of one parcel in."""
        body = {
            "buyer": {"name": "Kim Minjun", "email": email, "language": "en"},
            "lines": [{"sku": "M-1", "name": "Mug", "quantity": 2}],
            "shipments": [{"tracking_number": code, "courier": "cj"}],
        }
        answer = self.api.put(f"/api/v1/orders/E2E-{code}", json=body)
        assert answer.status_code in (200, 201), answer.text

    def rest(self) -> None:
        """Bring up what an earlier test left lying, and end what it left running."""
        for name, start in (("hub", self.house.start_hub), ("station", self.house.start_station)):
            if self.house.process(name).poll() is not None:
                start()
        for line in self.lines.values():
            if line.carries is not Carries.STREAM:
                line.carry(Carries.STREAM)
        self.cameras_up()
        if self.running():
            self.end()
        for take in self.codes:
            if take not in self._sealed:
                self.sealed(take)

    def new_cable(self) -> None:
        """Connect all cameras anew: their film begins at its beginning, at all of them at once."""
        for line in self.lines.values():
            line.carry(Carries.NOTHING)
        until(lambda: not any(one["up"] for one in self.kiosk()["cameras"]), what="no camera gives a picture")
        for line in self.lines.values():
            line.carry(Carries.STREAM)
        self.cameras_up()

    def forget_the_parcel_before(self) -> None:
        """Wait until the ring holds nothing of an earlier take, which would stay with the seller."""
        takes = self.api.get("/api/v1/takes", params={"limit": 200}).json()["takes"]
        stopped = [datetime.fromisoformat(take["stopped_at"]).timestamp() for take in takes]
        time.sleep(max(0.0, max(stopped, default=0.0) + RING_SECONDS - time.time()))

    # --- what there is to be seen ---

    def kiosk(self) -> dict[str, Any]:
        """Return the bench as its kiosk's page shows it."""
        page = httpx.get(f"{self.house.kiosk_url}/bench/{self.bench}", timeout=20).text
        found = re.search(r'<script type="application/json" id="boot">(.*?)</script>', page, re.DOTALL)
        assert found, page[:500]
        return cast(dict[str, Any], json.loads(found[1])["view"])

    def running(self) -> str | None:
        """Return the take that the kiosk says is filmed now."""
        now = self.kiosk()["running"]
        return str(now["take"]) if now else None

    def cameras_up(self) -> None:
        """Wait until every camera gives a picture."""
        until(lambda: all(one["up"] for one in self.kiosk()["cameras"]), what="all cameras give a picture")

    def take(self, take: str) -> dict[str, Any] | None:
        """Return a take as the hub's API gives it."""
        search: dict[str, str | int] = {"search": self.codes.get(take, ""), "limit": 200}
        takes = self.api.get("/api/v1/takes", params=search).json()["takes"]
        return next((one for one in takes if one["id"] == take), None)

    def sealed(self, take: str) -> dict[str, Any]:
        """Wait until the hub has sealed a take, and return it."""

        def look() -> dict[str, Any] | None:
            found = self.take(take)
            return found if found and found["state"] == "sealed" else None

        found = cast(dict[str, Any], until(look, what=f"take {take} is sealed at the hub"))
        self._sealed.add(take)
        return found

    def playlist(self, take: str, camera: str) -> httpx.Response:
        """Return what a player is given while a take is filmed."""
        return self.person.get(f"/takes/{take}/live/{camera}.m3u8")

    def film(self, take: str, camera: str) -> bytes:
        """Return a film as the seller gets it."""
        answer = self.person.get(f"/takes/{take}/film/{camera}.mp4")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4"), answer.text[:300]
        return answer.content

    def parts(self, take: str, camera: str) -> list[Path]:
        """Return the parts that the station has of a camera, in their order."""
        return sorted(self.layout.parts(take, camera).glob("*.m4s"))

    def filmed(self, take: str, seconds: int) -> None:
        """Wait until every camera has at least so many parts of about a second."""
        until(
            lambda: all(len(self.parts(take, camera)) >= seconds for camera in self.lines),
            what=f"{seconds} parts of take {take}",
        )

    def letters(self, email: str) -> list[Letter]:
        """Return the messages that an address got."""
        return [letter for letter in self.mailbox.letters if letter.recipient == email]

    def letter(self, email: str) -> Letter:
        """Wait for the message to an address."""
        return until(lambda: self.letters(email), what=f"a message to {email}")[0]

    def fingerprint(self) -> str:
        """Return what a verifier is told to trust."""
        return str(self.api.get("/api/v1/organisation").json()["fingerprint"])

    def hub_rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Read the hub's database from outside."""
        (path,) = (self.house.data / "hub").glob("*.sqlite3")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return list(database.execute(query, values))

    # --- processes ---

    def hub_child(self, name: str) -> psutil.Process:
        """Return the hub's process ``web`` or ``worker``, once it runs."""

        def look() -> psutil.Process | None:
            return _child(psutil.Process(self.house.process("hub").pid), lambda words: name in words)

        return cast(psutil.Process, until(look, what=f"the hub's {name} runs"))

    def recorder(self) -> psutil.Process:
        """Return the station's recorder process, once it runs."""

        def look() -> psutil.Process | None:
            return _child(
                psutil.Process(self.house.process("station").pid),
                lambda words: any("spawn_main" in word for word in words),
            )

        return cast(psutil.Process, until(look, what="the recorder runs"))

    def _sign_in(self) -> None:
        page = self.person.get("/accounts/login/")
        form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert form, page.text[:500]
        answer = self.person.post(
            "/accounts/login/",
            data={"login": EMAIL, "password": self.house.password, "csrfmiddlewaretoken": form[1]},
            headers={"Referer": f"{self.house.hub_url}/accounts/login/"},
        )
        assert not answer.url.path.startswith("/accounts/login"), answer.text[:500]


def _child(parent: psutil.Process, wanted: Callable[[list[str]], bool]) -> psutil.Process | None:
    for child in parent.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE and wanted(child.cmdline()):
                return child
    return None


@contextmanager
def open_shop(
    data: Path,
    film: Path,
    *,
    cameras: Sequence[str] = CAMERAS,
    under: Mapping[str, Sequence[str]] | None = None,
    prepare: Callable[[Path], None] = lambda data: None,
) -> Iterator[Shop]:
    """Set a shop up in ``data``, run it, and leave no process behind.

    ``film`` is what all its ``cameras`` show. ``under``: see ``House``. ``prepare`` is called with the empty
    folder of the station, before it is enrolled.
    """
    server = RtspCameraServer(film.parent)
    server.start()
    lines = {camera: Line(server.port) for camera in cameras}
    urls = [f"{name}=rtsp://127.0.0.1:{line.port}/{film.name}/play_count_0" for name, line in lines.items()]
    (data / "station").mkdir(parents=True, exist_ok=True)
    prepare(data / "station")
    yield from _open_shop(data, server, lines, urls, under)


def _open_shop(
    data: Path,
    cameras: RtspCameraServer,
    lines: dict[str, Line],
    urls: list[str],
    under: Mapping[str, Sequence[str]] | None,
) -> Iterator[Shop]:
    mailbox = Mailbox(data / "mail", lambda letter: None, port=free_port(0))
    mailbox.open()
    try:
        with only_one(data):
            house = House(
                data,
                smtp_url=mailbox.url,
                cameras=urls,
                logic="scan-next",
                hub_port=0,
                kiosk_port=0,
                environment={"PACKWITNESS_TASK_LOCK_SECONDS": "2"},
                under=under,
            )
            try:
                house.start()
                shop = Shop(house, mailbox, cameras, lines)
                try:
                    yield shop
                finally:
                    shop.close()
            finally:
                house.stop()
    finally:
        mailbox.close()
        for line in lines.values():
            line.close()
        cameras.stop()
