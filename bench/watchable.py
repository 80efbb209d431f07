"""From the stop of a take to a film that plays: ours, and what a user would pick instead.

Ours: a real hub and a real station on loopback. The parts have gone up while the parcel was packed; at the
stop the last one goes up, the manifest is signed, checked and receipted, and the film is there.
Instead: ffmpeg records an MP4; at the stop it is uploaded by HTTP PUT, and the server remuxes it for the web
(`-movflags +faststart`), since a browser cannot begin to play it otherwise. Its server has no sign-in, no
database and no proof to make, and its file is fsynced once.

Both record the same file, played in real time, for the same seconds; then one is stopped and measured, then
the other, by turns the one and the other first, so that neither has the machine to itself more often. A film
counts as playable when a range of its first 64 KiB arrives; then it is fetched whole and its size compared
with the manifest's.

`python -m bench.watchable --takes 10 --seconds 20 --json FILE`
"""

import argparse
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import imageio_ffmpeg

from bench.record import SHAPES, make_film
from packwitness.demo.house import EMAIL, House, only_one
from packwitness.station.spool.layout import Layout

CAMERA = "overhead"
FIRST = {"Range": "bytes=0-65535"}
POLL_SECONDS = 0.025
"""How long a viewer waits before asking again; asking all the time would only slow the hub down."""
PATIENCE = 60.0
END = "PWCMD:END"


@dataclass(frozen=True)
class Stop:
    """One stop: ms until the first range of the film arrived, ms until all of it had, and the film's size."""

    playable_ms: float
    whole_ms: float
    size: int


# --- ours ---


class Bench:
    """A shop with one bench and one camera, and the seller who watches."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.layout = Layout(house.data / "station")
        settings = self.layout.settings.read_text()
        found = re.search(r'id = "([^"]+)"', settings[settings.index("[[benches]]") :])
        assert found, settings
        self.bench = found[1]
        self.seller = httpx.Client(base_url=house.hub_url, timeout=20, follow_redirects=True)
        self.trigger = httpx.Client(
            base_url=house.kiosk_url,
            timeout=20,
            headers={"Authorization": f"Bearer {self.layout.trigger_token.read_text().strip()}"},
        )
        self._sign_in()
        self.take = ""

    def close(self) -> None:
        self.seller.close()
        self.trigger.close()

    def start(self, number: int) -> None:
        """Scan a label, as soon as the bench films."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answer = self._scan(f"9{number:011d}")
            if answer["accepted"] and answer["state"] == "recording":
                self.take = answer["take"]
                return
            time.sleep(0.2)
        raise SystemExit(f"The bench did not begin to film: {answer}")

    def stop(self) -> Stop:
        """Scan the end and watch the film."""
        begun = time.perf_counter()
        self._scan(END)
        found = watch(self.seller, f"/takes/{self.take}/film/{CAMERA}.mp4", begun)
        manifest = json.loads((self.layout.take(self.take) / "manifest.json").read_text())["payload"]
        (camera,) = manifest["cameras"]
        sealed = sum(one["size"] for one in (*camera["inits"], *camera["parts"]))
        if found.size != sealed:
            raise SystemExit(f"The film of {self.take} has {found.size} bytes, its manifest names {sealed}.")
        return found

    def _scan(self, code: str) -> Any:
        answer = self.trigger.post(f"/api/benches/{self.bench}/scans", json={"code": code})
        if answer.status_code != 202:
            raise SystemExit(f"The bench refused {code}: {answer.text}")
        return answer.json()

    def _sign_in(self) -> None:
        page = self.seller.get("/accounts/login/")
        form = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert form, page.text[:500]
        fields = {"login": EMAIL, "password": self.house.password, "csrfmiddlewaretoken": form[1]}
        headers = {"Referer": f"{self.house.hub_url}/accounts/login/"}
        answer = self.seller.post("/accounts/login/", data=fields, headers=headers)
        assert not answer.url.path.startswith("/accounts/login"), answer.text[:500]


def watch(client: httpx.Client, address: str, begun: float) -> Stop:
    """Ask for a film until its first bytes come, then for all of it."""
    until = time.monotonic() + PATIENCE
    while True:
        answer = client.get(address, headers=FIRST)
        if answer.status_code in (200, 206) and answer.content[4:8] == b"ftyp":
            playable = time.perf_counter()
            break
        if time.monotonic() > until:
            raise SystemExit(f"{address} never played (status {answer.status_code}).")
        time.sleep(POLL_SECONDS)
    whole = client.get(address)
    ended = time.perf_counter()
    return Stop(1000 * (playable - begun), 1000 * (ended - begun), len(whole.content))


@contextmanager
def open_bench(data: Path, film: Path) -> Iterator[Bench]:
    """Run hub and station on a camera that plays ``film`` in real time, again and again."""
    with only_one(data):
        camera = f"{CAMERA}=file:{quote(str(film))}?loop=1&realtime=1"
        house = House(data, smtp_url="", cameras=[camera], logic="scan-next", hub_port=0, kiosk_port=0)
        try:
            house.start()
            bench = Bench(house)
            try:
                yield bench
            finally:
                bench.close()
        finally:
            house.stop()


# --- the other side ---


class UploadServer:
    """Takes an MP4 by PUT, remuxes it for the web, serves it with ranges."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        server = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                server.take_in(folder / Path(self.path).name, self.rfile, int(self.headers["Content-Length"]))
                self.send_response(201)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                path = folder / Path(self.path).name
                data = path.read_bytes() if path.exists() else b""
                wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
                part = data[int(wanted[1]) : int(wanted[2]) + 1] if wanted else data
                self.send_response(404 if not data else 206 if wanted else 200)
                self.send_header("Content-Length", str(len(part)))
                self.end_headers()
                self.wfile.write(part)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @staticmethod
    def take_in(target: Path, source: Any, size: int) -> None:
        """Store, make durable, remux, and only then show it under its name."""
        raw, ready = target.with_suffix(".upload"), target.with_suffix(".ready.mp4")
        with raw.open("wb") as file:
            while size:
                block = source.read(min(size, 1 << 20))
                file.write(block)
                size -= len(block)
            file.flush()
            os.fsync(file.fileno())
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", "-f", "mp4"]
        command += ["-i", str(raw), "-c", "copy", "-movflags", "+faststart", str(ready)]
        subprocess.run(command, check=True)
        ready.rename(target)
        raw.unlink()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Ffmpeg:
    """Records the same file with ffmpeg, and uploads it at the stop."""

    def __init__(self, film: Path, folder: Path, url: str) -> None:
        self._film, self._folder = film, folder
        self._client = httpx.Client(base_url=url, timeout=60)
        self._process: subprocess.Popen[bytes] | None = None
        self._path = folder

    def start(self, number: int) -> None:
        """Begin to record."""
        self._path = self._folder / f"{number}.mp4"
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-nostdin",
            "-loglevel",
            "error",
            "-re",
            "-stream_loop",
            "-1",
        ]
        command += ["-i", str(self._film), "-c", "copy", str(self._path)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def stop(self) -> Stop:
        """End the recording, send it, watch it."""
        assert self._process is not None
        begun = time.perf_counter()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(PATIENCE)
        self._process = None
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            headers = {"Content-Length": str(size)}
            self._client.put(f"/{self._path.name}", content=file, headers=headers).raise_for_status()
        return watch(self._client, f"/{self._path.name}", begun)

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._client.close()


# --- measuring ---


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def measure(film: Path, work: Path, takes: int, seconds: float) -> tuple[list[Stop], list[Stop]]:
    """Record and stop both so many times."""
    ours: list[Stop] = []
    theirs: list[Stop] = []
    recordings = work / "ffmpeg"
    recordings.mkdir()
    server = UploadServer(work / "uploads")
    rival = Ffmpeg(film, recordings, server.url)
    try:
        with open_bench(work / "shop", film) as bench:
            for number in range(takes + 1):
                bench.start(number)
                rival.start(number)
                time.sleep(seconds)
                order: list[tuple[Bench | Ffmpeg, list[Stop]]] = [(bench, ours), (rival, theirs)]
                for one, stops in order if number % 2 else reversed(order):
                    found = one.stop()
                    if number:  # the first of each warms caches and connections
                        stops.append(found)
    finally:
        rival.close()
        server.close()
    return ours, theirs


def main(arguments: list[str]) -> int:
    """Run what is asked for, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.watchable", description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20, help="length of each take")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="packwitness-bench-") as folder:
        film = Path(folder) / "film.mp4"
        make_film(film, "h264", SHAPES["1080p30"])
        ours, theirs = measure(film, Path(folder), chosen.takes, chosen.seconds)
    columns = "{:<34} {:>9} {:>9} {:>9} {:>10} {:>9}"
    print(columns.format("stop to playable, ms", "p50", "p99", "worst", "whole p50", "film MB"))
    figures: dict[str, dict[str, float]] = {}
    for name, stops in (("packwitness", ours), ("ffmpeg, upload, faststart", theirs)):
        times = [one.playable_ms for one in stops]
        figures[name] = {
            "p50": statistics.median(times),
            "p99": percentile(times, 0.99),
            "worst": max(times),
            "whole_p50": statistics.median(one.whole_ms for one in stops),
            "film_mb": statistics.mean(one.size for one in stops) / 1e6,
        }
        print(columns.format(name, *(f"{value:.1f}" for value in figures[name].values())))
    ratio = figures["packwitness"]["p50"] / figures["ffmpeg, upload, faststart"]["p50"]
    print(f"ratio of the medians: {ratio:.2f} ({chosen.takes} takes of {chosen.seconds:.0f} s)")
    if chosen.json:
        single = {"ours": [asdict(one) for one in ours], "theirs": [asdict(one) for one in theirs]}
        chosen.json.write_text(json.dumps({"figures": figures, "ratio": ratio, **single}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
