"""The whole station as a process of its own: a film for a camera, a hub on a socket, scans over HTTP."""

import html
import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
import zxingcpp

from packwitness.cli import main
from packwitness.evidence.bundle import open_bundle
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from packwitness.evidence.verify import verify
from packwitness.protocol import OrderLine, StationOrder
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.rows import TakeRow
from tests.station.conftest import CODE
from tests.station.spool.hub_counterpart import HubCounterpart
from tests.station.spool.station_of_one import ORGANISATION_KEY

LABEL = "607812345678"
RATE = 15


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds: an empty bench, a label for three, an empty bench."""
    path = tmp_path_factory.mktemp("film") / "bench.mp4"
    code = zxingcpp.create_barcode(LABEL, zxingcpp.BarcodeFormat.Code128)
    label = np.array(code.to_image(scale=2))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency"}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.codec_context.gop_size = RATE
        for number in range(7 * RATE):
            picture = np.full((360, 640), 120, np.uint8)
            picture[300:340, number * 5 : number * 5 + 30] = 60
            if 1.5 * RATE <= number < 4.5 * RATE:
                picture[60 : 60 + label.shape[0], 100 : 100 + label.shape[1]] = label
            frame = av.VideoFrame.from_ndarray(picture, format="gray8").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@dataclass
class Running:
    process: subprocess.Popen[str]
    data: Path
    url: str

    def scan(self, code: str) -> dict[str, Any]:
        token = (self.data / "keys" / "trigger-token").read_text()
        request = urllib.request.Request(
            f"{self.url}api/benches/bench1/scans",
            data=json.dumps({"code": code}).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def scan_when_ready(self, code: str) -> dict[str, Any]:
        answer: dict[str, Any] = {}

        def taken() -> bool:
            answer.update(self.scan(code))
            return bool(answer["message"] != "no_camera")

        until(taken)
        return answer

    def end(self) -> float:
        """Send SIGTERM and return the seconds until it is gone."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(15) == 0
        return time.monotonic() - began


@contextmanager
def running(data: Path, film: Path, *, logic: str, log: Path) -> Iterator[Running]:
    command = [
        sys.executable, "-m", "packwitness.cli", "station", "run", "--data", str(data), "--logic", logic,
        "--camera", f"file:{film}?loop=1&realtime=1", "--kiosk-port", "0",
    ]  # fmt: skip
    with log.open("a") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Kiosk: http://127.0.0.1:"), log.read_text()
        yield Running(process, data, line.split()[1])
    finally:
        if process.poll() is None:
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            psutil.wait_procs(children, timeout=10)
        process.stdout.close()


def until(what: Callable[[], object], *, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def takes(data: Path, *states: str) -> list[TakeRow]:
    ledger = Ledger(data / "ledger.sqlite3")
    try:
        return ledger.takes_in(*states)
    finally:
        ledger.close()


def manifest_of(data: Path, take: str) -> Manifest:
    """The take's manifest, after the verifier that a court would run found nothing to complain of."""
    folder = data / "takes" / take
    with open_bundle(folder) as bundle:
        verdict = verify(bundle, ORGANISATION_KEY.public.key_id, datetime.now(UTC))
    assert verdict.integrity.findings == ()
    assert (verdict.key.state, verdict.films_checked) == ("trusted", ("overhead",))
    statement = Statement.from_json((folder / "manifest.json").read_bytes())
    return Manifest.from_payload(statement.payload)


@pytest.fixture
def data(new_hub: HubCounterpart, tmp_path: Path) -> Path:
    folder = tmp_path / "station"
    assert main(["station", "enrol", new_hub.url, CODE, "--data", str(folder)]) == 0
    return folder


def test_a_shift(
    new_hub: HubCounterpart, data: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A parcel; a parcel during which the recorder dies; one that is running when the station is told to
    end.
    """
    log = tmp_path / "log"
    line = OrderLine(sku="S1", name="Mug", quantity=2)
    new_hub.orders = [StationOrder(number="A-1", codes=[LABEL], lines=[line])]
    with running(data, film, logic="scan-rescan", log=log) as station:
        good = pack(station, new_hub, data)
        nobody_else_may_run_it(data, film, capsys)
        hurt = pack(station, new_hub, data, meanwhile=lambda: kill_recorder(station))
        cut = station.scan_when_ready(LABEL)["take"]
        until(lambda: new_hub.heartbeats)
        until(lambda: page(station).count("safe") == 2)
        seconds = station.end()

    assert seconds < 5
    check_a_good_take(manifest_of(data, good))
    check_what_the_hub_got(new_hub, good)
    check_a_hurt_take(manifest_of(data, hurt))
    manifest = manifest_of(data, cut)
    assert (manifest.outcome, manifest.events[-1].data) == ("interrupted", {"reason": "station_stopped"})
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    durable = [line["scan_to_durable_ms"] for line in lines if line["event"] == "take started"]
    assert len(durable) == 3
    assert all(0 < milliseconds < 1000 for milliseconds in durable)
    assert (data / "keys" / "token").read_text() not in log.read_text()


def pack(
    station: Running, hub: HubCounterpart, data: Path, *, meanwhile: Callable[[], None] = lambda: None
) -> str:
    """Pack a parcel under "scan, rescan"; return the take's id once its receipt is there."""
    answer = station.scan_when_ready(LABEL)
    assert answer["accepted"], answer
    take = str(answer["take"])
    until(lambda: take in hub.takes and len(hub.takes[take].parts) >= 2)
    assert hub.takes[take].receipt is None, "parts go up while it is packed"
    meanwhile()
    before = len(hub.takes[take].parts)
    until(lambda: len(hub.takes[take].parts) >= before + 2)
    assert station.scan("999912345678")["message"] == "finish_running_first"
    assert station.scan(LABEL)["message"] == "stopped"
    until(lambda: take in [row.take for row in takes(data, "receipted")])
    return take


def page(station: Running) -> list[str]:
    """The states of the finished takes that the kiosk's page shows."""
    with urllib.request.urlopen(f"{station.url}bench/bench1", timeout=10) as response:
        return re.findall(r'"state": ?"(safe|uploading|waiting)"', html.unescape(response.read().decode()))


def kill_recorder(station: Running) -> None:
    children = psutil.Process(station.process.pid).children()
    (process,) = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    process.kill()


def nobody_else_may_run_it(data: Path, film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["station", "run", "--data", str(data), "--camera", f"file:{film}"]) == 1
    assert "Another process runs the station" in capsys.readouterr().err
    assert main(["station", "status", "--data", str(data)]) == 0
    said = capsys.readouterr().out
    assert "Program   running" in said
    assert "1 receipted" in said


def check_a_good_take(manifest: Manifest) -> None:
    assert manifest.outcome == "completed"
    assert manifest.film_from < manifest.started_at < manifest.stopped_at
    assert manifest.clock.reference == "hub"
    # The station has just started, so there was no whole pre-roll yet.
    events = [event for event in manifest.events if event.data.get("note") != "pre_roll_short"]
    kinds = [event.kind for event in events]
    assert kinds == ["take_started", "label_scanned", "note", "warning", "take_stopped"]
    assert events[2].data["note"] == "order_known"
    assert manifest.legibility is not None
    (camera,) = manifest.cameras
    assert (camera.id, camera.width, camera.height, camera.gaps) == ("overhead", 640, 360, [])


def check_what_the_hub_got(hub: HubCounterpart, take: str) -> None:
    sealed = hub.takes[take].sealed
    assert sealed is not None
    assert {one.value for one in sealed.disclosures} == {LABEL, "999912345678", "A-1"}
    assert LABEL not in json.dumps(sealed.manifest), "a tracking number stands in no manifest"
    journal = [entry["payload"]["kind"] for entry in hub.journals["bench1"]]
    assert journal[0] == "boot"
    assert [kind for kind in journal if kind in ("start", "seal")][:3] == ["start", "seal", "start"]


def check_a_hurt_take(manifest: Manifest) -> None:
    assert manifest.outcome == "completed"
    assert manifest.cameras[0].gaps, "the hole stands in the manifest for ever"
    kinds = [event.kind for event in manifest.events]
    assert [kind for kind in kinds if kind.startswith("camera")] == ["camera_lost", "camera_back"]


def test_a_power_cut_while_a_label_lies_in_view(
    new_hub: HubCounterpart, data: Path, film: Path, tmp_path: Path
) -> None:
    """The station dies by kill -9 in mid-film. The next one seals the cut take, sends it, and films on by
    itself.
    """
    log = tmp_path / "log"
    with running(data, film, logic="laid-lifted", log=log) as station:
        until(lambda: any(len(take.parts) >= 2 for take in list(new_hub.takes.values())))
        (cut,) = takes(data, "recording")
        children = psutil.Process(station.process.pid).children(recursive=True)
        station.process.kill()
        station.process.wait()
        _, left = psutil.wait_procs(children, timeout=10)
        assert left == [], "the recorder goes with the station"
    with running(data, film, logic="laid-lifted", log=log) as station:
        until(lambda: [row.outcome for row in takes(data, "receipted")][:2] == ["interrupted", "completed"])
        station.end()

    first, second = (row.take for row in takes(data, "receipted")[:2])
    assert first == cut.take
    assert len(manifest_of(data, first).cameras[0].parts) >= 2
    manifest = manifest_of(data, second)
    assert 2 <= (manifest.stopped_at - manifest.started_at).total_seconds() <= 6
    kinds = [entry["payload"]["kind"] for entry in new_hub.journals["bench1"]]
    assert [kind for kind in kinds if kind != "checkpoint"][:4] == ["boot", "start", "boot", "seal"]
