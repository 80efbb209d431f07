"""`packwitness station doctor` with real cameras over RTSP, a real hub on a socket and a real folder."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import zxingcpp

from packwitness.cli import main
from packwitness.station.app.lock import only_one
from packwitness.station.spool.layout import Layout
from tests.station.cameras.films import make_film
from tests.station.cameras.rtsp_server import answering, serve_films
from tests.station.cameras.test_rtsp_ways import certificate
from tests.station.conftest import CODE
from tests.station.spool.hub_counterpart import TOKEN, HubCounterpart


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    label_film(folder / "label.mp4")
    # Ten pictures at the usual distance, then as many missing: half of what the camera promises.
    times = [(number // 10 * 20 + number % 10) * 3_000 for number in range(80)]
    make_film(folder / "slow.mp4", gop=10, times=times)
    make_film(folder / "rare.mp4", seconds=40, gop=1_200, size=(64, 64))
    return folder


def label_film(path: Path, *, rate: int = 15) -> None:
    code = zxingcpp.create_barcode("607812345678", zxingcpp.BarcodeFormat.Code128)
    label = np.array(code.to_image(scale=2))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "bf": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.codec_context.gop_size = rate
        for number in range(4 * rate):
            picture = np.full((360, 640), 120, np.uint8)
            picture[60 : 60 + label.shape[0], 100 : 100 + label.shape[1]] = label
            picture[300:340, number * 8 : number * 8 + 30] = 60
            frame = av.VideoFrame.from_ndarray(picture, format="gray8").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def station(hub: HubCounterpart, data: Path, cameras: str) -> Path:
    """A station at the hub, with cameras as `station.toml` has them."""
    assert main(["station", "enrol", hub.url, CODE, "--data", str(data)]) == 0
    with (data / "station.toml").open("a") as file:
        file.write(f"\n{cameras}\n")
    (data / "station.toml").chmod(0o600)
    return data


def camera(name: str, url: str, *more: str) -> str:
    return "\n".join(["[[cameras]]", f'id = "{name}"', f'url = "{url}"', *more, ""])


def examined(data: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what was found by check and subject."""
    capsys.readouterr()
    code = main(["station", "doctor", "--json", "--data", str(data)])
    found = json.loads(capsys.readouterr().out)
    assert all(one["says"] and (one["advice"] or one["level"] == "ok") for one in found)
    return code, {f"{one['check']} {one['subject']}".strip(): one for one in found}


def test_a_whole_station_beside_the_one_that_runs(
    new_hub: HubCounterpart, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_films(films) as server:
        url = server.url(films / "label.mp4")
        data = station(new_hub, tmp_path / "s", camera("label", url, f'look = "{url}"', "audio = true"))
        before = sorted(path.name for path in (data / "takes").iterdir())
        with only_one(Layout(data)):
            code, found = examined(data, capsys)

    said = json.dumps(found)
    assert TOKEN not in said
    assert code == 0, said
    levels = {name: one["level"] for name, one in found.items()}
    # What this machine is decides these, not the station.
    for mine in ("file system", "clock", "processor", "disk", "room"):
        assert levels.pop(mine) in ("ok", "warn"), said
    assert levels == {
        "configuration": "ok",
        "camera label": "ok",
        "keyframes label": "ok",
        "time stamps label": "ok",
        "sound label": "warn",
        "camera label (smaller)": "ok",
        "keyframes label (smaller)": "ok",
        "time stamps label (smaller)": "ok",
        "labels label (smaller)": "ok",
        "ledger": "ok",
        "clock against hub": "ok",
        "hub": "ok",
        "scanner": "ok",
    }, said
    facts = found["camera label"]["facts"]
    assert (facts["width"], facts["height"], facts["promised_rate"]) == (640, 360, 15)
    assert facts["rate"] == pytest.approx(15, abs=1.5)
    assert found["keyframes label"]["facts"] == {"seconds": 1.0}
    reads = found["labels label (smaller)"]["facts"]
    assert reads["reads"] == reads["looks"] > 5
    assert abs(found["clock against hub"]["facts"]["offset_ms"]) < 1_500
    assert sorted(path.name for path in (data / "takes").iterdir()) == before, "nothing is left behind"
    assert new_hub.heartbeats == [], "the hub is not told that the benches are well"


def test_cameras_that_do_not_serve(
    new_hub: HubCounterpart,
    films: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A test need not wait for as long as a person would.
    monkeypatch.setattr("packwitness.station.app.doctor.camera.KEYFRAME_SECONDS", 3.5)

    def locked(request: str) -> str:
        return 'RTSP/1.0 401 Unauthorized\r\nCSEQ\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\n\r\n'

    with serve_films(films) as server, answering(locked) as port:
        cameras = [
            camera("slow", server.url(films / "slow.mp4"), "look = true"),
            camera("rare", server.url(films / "rare.mp4"), 'look = "rtsp://127.0.0.1:9/none"'),
            camera("locked", f"rtsp://admin:geheimnis@127.0.0.1:{port}/1"),
        ]
        data = station(new_hub, tmp_path / "s", "\n".join(cameras))
        (data / "station.toml").chmod(0o644)
        code, found = examined(data, capsys)

    assert "geheimnis" not in json.dumps(found)
    assert code == 1
    assert found["camera slow"]["level"] == "warn"
    assert "fewer pictures than it promises" in found["camera slow"]["says"]
    assert found["labels slow"]["level"] == "warn"
    assert "320 pixels are few" in found["labels slow"]["says"]
    assert found["keyframes rare"]["level"] == "warn"
    assert "no second keyframe" in found["keyframes rare"]["says"]
    assert found["camera rare (smaller)"]["level"] == "warn"
    assert found["camera rare (smaller)"]["advice"].startswith("The film is looked at instead.")
    assert found["camera locked"]["level"] == "fail"
    assert found["camera locked"]["facts"] == {"error": "unauthorised"}
    if (data / "station.toml").parent.stat().st_mode & 0o001:
        assert "holds a secret" in found["configuration"]["says"]


def quick(new_hub: HubCounterpart, films: Path, tmp_path: Path) -> Path:
    """A station whose one camera ends the probing at once."""
    return station(new_hub, tmp_path / "s", camera("a", "rtsp://127.0.0.1:9/none"))


def test_a_hub_that_is_away_or_does_not_know_us(
    new_hub: HubCounterpart, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = quick(new_hub, films, tmp_path)
    (data / "keys" / "token").write_text("another")
    _, found = examined(data, capsys)
    assert (found["hub"]["level"], found["hub"]["facts"]) == ("fail", {"error": "unauthorised"})
    assert "another" not in json.dumps(found)
    capsys.readouterr()
    assert main(["station", "doctor", "--data", str(data)]) == 1
    assert "\nfail  hub: http://127.0.0.1" in capsys.readouterr().out

    text = (data / "station.toml").read_text().replace(new_hub.url, "http://127.0.0.1:9")
    (data / "station.toml").write_text(text)
    _, found = examined(data, capsys)
    assert (found["hub"]["level"], found["hub"]["facts"]) == ("warn", {"error": "away"})
    assert "clock against hub" not in found


@contextmanager
def hub_with_clock(ahead_s: int, secret: ssl.SSLContext | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int(time.time()) + ahead_s)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if secret is not None:
        server.socket = secret.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{'https' if secret else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_a_clock_that_differs_from_the_hubs(
    new_hub: HubCounterpart, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = quick(new_hub, films, tmp_path)
    text = (data / "station.toml").read_text()
    for ahead, level in ((90, "fail"), (-90, "fail"), (1, "ok")):
        with hub_with_clock(ahead) as url:
            (data / "station.toml").write_text(text.replace(new_hub.url, url))
            _, found = examined(data, capsys)
        clock = found["clock against hub"]
        assert clock["level"] == level
        assert clock["facts"]["offset_ms"] == pytest.approx(-ahead * 1000, abs=1_500)


def test_a_hubs_certificate_that_nobody_vouches_for(
    new_hub: HubCounterpart, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = quick(new_hub, films, tmp_path)
    text = (data / "station.toml").read_text()
    context, _, _ = certificate(tmp_path)
    with hub_with_clock(0, context) as url:
        (data / "station.toml").write_text(text.replace(new_hub.url, url))
        _, found = examined(data, capsys)

    assert (found["hub"]["level"], found["hub"]["facts"]) == ("fail", {"error": "certificate"})


def test_a_folder_of_films_that_is_not_there_and_settings_that_do_not_fit(
    new_hub: HubCounterpart, films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = quick(new_hub, films, tmp_path)
    (data / "takes" / "nobody-1").mkdir()
    _, found = examined(data, capsys)
    assert found["ledger"]["level"] == "warn"
    (data / "takes").rename(data / "elsewhere")
    code, found = examined(data, capsys)
    assert (code, found["disk"]["level"], found["ledger"]["level"]) == (1, "fail", "fail")

    (data / "station.toml").write_text("nonsense = 1")
    code, found = examined(data, capsys)
    assert (code, list(found)) == (1, ["configuration"])
    assert found["configuration"]["level"] == "fail"
