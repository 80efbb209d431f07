"""Starts the demo's hub and station as an operator would: by their own commands, in processes of their
own.
"""

import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx2 as httpx

from packwitness.demo.furnish import Furnished, Wanted
from packwitness.station.cameras.scene.parcels import PARCELS, SceneParcel
from packwitness.station.cameras.scene.timing import CYCLE_SECONDS

ORGANISATION = "Sunrise Goods"
SITE = "Demo centre"
STATION = "Demo station"
BENCH = "Bench 1"
EMAIL = "demo@example.com"

HUB_PORT = 8700
KIOSK_PORT = 8750
MAIL_PORT = 8725
PROGRAM = ("-m", "packwitness.cli")
TIED = ("-m", "packwitness.demo.tied")
READY_SECONDS = 60
BOOT_SECONDS = 3.0
"""The drawn bench's first parcel comes so long after the station's start, so that its cameras see it come."""
PARCELS_APART = 3
"""Each start of the demo begins so many parcels after the one before: by and by all are seen first."""


class DemoError(Exception):
    """The demo cannot go on; the text says what happened and what to do."""


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the demo's folder for this process, so that two demos never share one ledger."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"A demo is already running on {data}. End it with Ctrl-C, or give this one "
                "another folder with --data."
            ) from None
        yield


def free_port(wanted: int) -> int:
    """Return ``wanted`` if nothing listens there on loopback, otherwise a free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("No free port is left on 127.0.0.1.")


class House:
    """The demo's folder, its two programs and its sign-in.

    ``data`` holds everything: ``hub/``, ``station/``, ``scene/``, ``mail/``, ``logs/`` and ``demo.json`` (the
    sign-in, 0600).
    """

    def __init__(
        self,
        data: Path,
        *,
        smtp_url: str,
        cameras: Sequence[str] = (),
        logic: str = "laid-lifted",
        hub_port: int = HUB_PORT,
        kiosk_port: int = KIOSK_PORT,
        environment: Mapping[str, str] | None = None,
        under: Mapping[str, Sequence[str]] | None = None,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            data: the folder; made by ``only_one``.
            smtp_url: where the hub sends messages.
            cameras: as ``packwitness station run --camera`` takes them; none: the drawn bench.
            logic: the recording logic.
            hub_port: the port to take if it is free; 0: any.
            kiosk_port: likewise.
            environment: further variables for the programs.
            under: for ``hub`` and ``station``, the words of a command that starts it in its own place, as
                ``env`` does.
            say: is told what is being done, for whoever waits.
        """
        self.data = data
        self.hub_port = free_port(hub_port)
        self.kiosk_port = free_port(kiosk_port)
        self._cameras = list(cameras)
        self._say = say
        self._logic = logic
        self.under = dict(under or {})
        self.hub_url = f"http://127.0.0.1:{self.hub_port}"
        self.kiosk_url = f"http://127.0.0.1:{self.kiosk_port}"
        self._environment = {
            **os.environ,
            # A shell may name the settings of some other project.
            "DJANGO_SETTINGS_MODULE": "packwitness.hub.config.settings",
            "PACKWITNESS_DATA_DIR": str(data / "hub"),
            "PACKWITNESS_BASE_URL": self.hub_url,
            "PACKWITNESS_SMTP_URL": smtp_url,
            "PACKWITNESS_MAIL_FROM": f"{ORGANISATION} <films@example.com>",
            **(environment or {}),
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._drawing: subprocess.Popen[bytes] | None = None
        self._notes = self._read_notes()

    @property
    def password(self) -> str:
        """The demo's sign-in, made on its first start."""
        return cast(str, self._notes["password"])

    @property
    def api_key(self) -> str:
        """A key for the hub's API."""
        return cast(str, self._notes["api_key"])

    def start(self) -> None:
        """Set up what is missing, start hub and station, and return when both answer.

        Raises:
            DemoError: one of them did not start; its log's last lines are in the text.
        """
        (self.data / "logs").mkdir(exist_ok=True)
        self._notes.setdefault("password", secrets.token_urlsafe(9))
        self._notes["cycle"] = (self._notes.get("cycle", -PARCELS_APART) + PARCELS_APART) % len(PARCELS)
        self._write_notes()
        if not self._cameras:
            self._draw_ahead()
        code = "" if self._is_furnished() else self._furnish()
        self._say("Starting the hub …")
        self.start_hub()
        self._put_orders()
        self._say("Starting the station …")
        self._enrol_station(code)
        if self._drawing is not None:
            # Its clips are what the station begins with.
            self._drawing.wait()
        self.start_station()

    def start_hub(self) -> None:
        """Start the hub and wait until it answers."""
        self._spawn("hub", ["hub", "run", "--port", str(self.hub_port)])
        self._wait("hub", f"{self.hub_url}/readyz")

    def start_station(self) -> None:
        """Start the station and wait until its kiosk answers."""
        self._spawn(
            "station",
            [
                *("station", "run", "--data", str(self.data / "station")),
                *("--kiosk-port", str(self.kiosk_port), "--logic", self._logic),
                *(argument for camera in self._views() for argument in ("--camera", camera)),
            ],
        )
        self._wait("station", f"{self.kiosk_url}/")

    def process(self, name: str) -> subprocess.Popen[bytes]:
        """Return the running program ``hub`` or ``station``."""
        return self._running[name]

    def failed(self) -> str | None:
        """Return what to say if a program has ended by itself, else None."""
        for name, process in self._running.items():
            if process.poll() is not None:
                return f"The {name} ended by itself (exit code {process.returncode}).\n{self._log_end(name)}"
        return None

    def stop(self) -> None:
        """End station and hub, the station first so that its last parts still go up."""
        if self._drawing is not None and self._drawing.poll() is None:
            self._drawing.kill()
            self._drawing.wait()
        for name in ("station", "hub"):
            process = self._running.pop(name, None)
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            _let_go(process)

    # --- setting up ---

    def _draw_ahead(self) -> None:
        arguments = [str(self.data / "scene"), str(self._notes["cycle"])]
        self._drawing = subprocess.Popen(
            [sys.executable, "-m", "packwitness.demo.drawing", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _views(self) -> list[str]:
        """Return the cameras as ``packwitness station run`` takes them."""
        if self._cameras:
            return self._cameras
        folder = quote(str(self.data / "scene"))
        epoch = time.monotonic() + BOOT_SECONDS - self._notes["cycle"] * CYCLE_SECONDS
        return [f"{view}=scene:{view}?folder={folder}&epoch={epoch:.3f}" for view in ("overhead", "label")]

    def _is_furnished(self) -> bool:
        return "api_key" in self._notes and (self.data / "station" / "station.toml").exists()

    def _furnish(self) -> str:
        """Set the hub up and return an enrolment code."""
        self._say("Making a shop, a packing centre and their keys …")
        wanted: Wanted = {
            "organisation": ORGANISATION,
            "site": SITE,
            "station": STATION,
            "bench": BENCH,
            "email": EMAIL,
            "password": self.password,
        }
        done: Furnished = json.loads(self._run(["-m", "packwitness.demo.furnish"], given=json.dumps(wanted)))
        self._notes["api_key"] = done["api_key"]
        self._write_notes()
        return done["enrolment_code"]

    def _put_orders(self) -> None:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        with httpx.Client(base_url=self.hub_url, headers=headers, timeout=20) as hub:
            for parcel in PARCELS:
                answer = hub.put(f"/api/v1/orders/{parcel.order_number}", json=order(parcel))
                if answer.status_code >= 300:
                    raise DemoError(f"The hub refused order {parcel.order_number}: {answer.text}")

    def _enrol_station(self, code: str) -> None:
        station = self.data / "station"
        if (station / "station.toml").exists():
            text = (station / "station.toml").read_text()
            if self.hub_url not in text:
                # Another program took the port of the last run: the station has to be told where its hub is
                # now.
                old = f"http://127.0.0.1:{self._notes.get('hub_port', HUB_PORT)}"
                (station / "station.toml").write_text(text.replace(old, self.hub_url))
        else:
            self._run([*PROGRAM, "station", "enrol", self.hub_url, code, "--data", str(station)])
        self._notes["hub_port"] = self.hub_port
        self._write_notes()

    # --- processes ---

    def _run(self, arguments: list[str], *, given: str = "") -> str:
        """Run Python with these arguments to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            input=given,
            capture_output=True,
            text=True,
            env=self._environment,
            check=False,
        )
        if done.returncode:
            raise DemoError(f"The demo cannot be set up:\n{done.stderr or done.stdout}")
        return done.stdout

    def _spawn(self, name: str, arguments: list[str]) -> None:
        if (ended := self._running.get(name)) is not None:
            _let_go(ended)
        log = (self.data / "logs" / f"{name}.log").open("ab")
        with log:
            # A session of its own: Ctrl-C reaches the demo alone, which then ends them in the right order.
            self._running[name] = subprocess.Popen(
                [*self.under.get(name, ()), sys.executable, *TIED, *arguments],
                # Nothing is ever written: its end tells that we are gone.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def _wait(self, name: str, url: str) -> None:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            if ended := self.failed():
                raise DemoError(ended)
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url, timeout=2, follow_redirects=True).status_code == 200:
                    return
            time.sleep(0.1)
        raise DemoError(
            f"The {name} does not answer at {url} after {READY_SECONDS} s.\n{self._log_end(name)}"
        )

    def _log_end(self, name: str) -> str:
        path = self.data / "logs" / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines()[-15:] if path.exists() else []
        return "\n".join([f"Its log, {path}, ends with:", *lines])

    # --- notes ---

    def _read_notes(self) -> dict[str, Any]:
        path = self.data / "demo.json"
        return cast(dict[str, Any], json.loads(path.read_text())) if path.exists() else {}

    def _write_notes(self) -> None:
        fresh = self.data / "demo.json.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._notes, file, indent=1)
        fresh.replace(self.data / "demo.json")


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Close what tied an ended process to us."""
    if process.stdin is not None:
        process.stdin.close()


def order(parcel: SceneParcel) -> Mapping[str, Any]:
    """Return the body with which the demo puts a parcel's order into the hub."""
    return {
        "buyer": {
            "name": parcel.buyer_name,
            "email": parcel.buyer_email,
            "phone": parcel.buyer_phone,
            "language": parcel.language,
        },
        "lines": [
            {"sku": line.product.sku, "name": line.name(parcel.language), "quantity": line.quantity}
            for line in parcel.lines
        ],
        "shipments": [{"courier": parcel.courier, "tracking_number": parcel.tracking_number}],
    }
