"""`packwitness station cameras` with a camera on loopback, and what it writes down."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest

from packwitness.cli import main
from packwitness.station.config import BenchSettings, HubSettings, read_settings, render
from tests.station.cameras.onvif_responder import PASSWORD, USER, Camera, responding

HUB = HubSettings(
    url="https://hub.example.com",
    organisation="org1",
    organisation_name="Shop",
    station="station1",
    station_name="Packing room",
    key="ed25519:" + "0" * 64,
)
BENCHES = [BenchSettings(id="bench1", name="Bench 1")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "station.toml").write_text(render(HUB, BENCHES))
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return tmp_path


def cameras(data: Path, camera: Camera, *words: str) -> int:
    login = ["--user", USER, "--password-file", str(data / "password")]
    place = f"127.0.0.1:{camera.port}"
    return main(["station", "cameras", place, *login, *words, "--data", str(data)])


def test_writing_a_camera_down_once(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (data / "station.toml").read_text()
    with responding(Camera()) as camera:
        assert cameras(data, camera, "--write") == 0
        said = capsys.readouterr()
        assert cameras(data, camera, "--write") == 0
        again = capsys.readouterr()

    assert "camera-1. Then: packwitness station doctor" in said.out
    assert "in station.toml as camera-1" in again.out
    assert PASSWORD not in said.out + said.err + again.out
    text = (data / "station.toml").read_text()
    assert text.startswith(before.rstrip())
    assert stat.S_IMODE((data / "station.toml").stat().st_mode) == 0o600
    (written,) = read_settings(data / "station.toml").cameras
    assert written.model_dump(exclude_defaults=True) == {
        "id": "camera-1",
        "name": "Maker M1",
        "url": "rtsp://admin:geheim%20%26%20%3C1%3E@127.0.0.1:554/main?channel=1&subtype=0",
    }


def test_settings_that_cannot_take_it_are_left_as_they_are(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of cameras in one line cannot be added to."""
    text = 'cameras = [{id = "a", url = "rtsp://h/1"}]\n' + render(HUB, BENCHES)
    (data / "station.toml").write_text(text)
    with responding(Camera()) as camera:
        assert cameras(data, camera, "--write") == 2

    assert "Nothing was written" in capsys.readouterr().err
    assert (data / "station.toml").read_text() == text


def test_with_several_benches_somebody_has_to_say_which(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benches = [*BENCHES, BenchSettings(id="bench2", name="Bench 2")]
    (data / "station.toml").write_text(render(HUB, benches))
    with responding(Camera()) as camera:
        assert cameras(data, camera, "--write") == 2
        assert "--bench bench1 or bench2" in capsys.readouterr().err
        assert cameras(data, camera, "--write", "--bench", "bench3") == 2
        assert cameras(data, camera, "--write", "--bench", "bench2") == 0

    assert [one.bench for one in read_settings(data / "station.toml").cameras] == ["bench2"]


def test_what_is_wrong_with_a_camera_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    camera = Camera(stream="rtsp://10.9.8.7/main", ahead=timedelta(hours=2))
    with responding(camera):
        assert cameras(data, camera, "--snippet") == 0
    said = capsys.readouterr().out
    assert "clock: 7200 s ahead of this computer's; set it in the camera" in said
    assert "its stream is at 10.9.8.7, which is another host; the password is not sent there" in said
    assert "[[cameras]]" not in said

    assert main(["station", "cameras", "127.0.0.1:9", "--data", str(data)]) == 1
    assert "Is ONVIF switched on in it" in capsys.readouterr().out


def test_no_stranger_is_asked_with_the_password(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused before anything is sent, and before the password is asked for."""
    assert main(["station", "cameras", "--user", USER, "--write", "--data", str(data)]) == 2
    assert "Name the addresses of the cameras to log in to" in capsys.readouterr().err


def test_nobody_is_there(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["127.0.0.1:9", "--user", USER, "--data", str(data)]
    assert main(["station", "cameras", *words]) == 2, "no terminal to type a password at"
    assert "PACKWITNESS_CAMERA_PASSWORD" in capsys.readouterr().err
