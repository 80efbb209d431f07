"""``packwitness station`` as its user types it, against a real hub on a socket."""

import json
import os
import sqlite3
import stat
import tomllib
from pathlib import Path

import pytest

from packwitness.cli import main
from packwitness.evidence.keys import SigningKey
from packwitness.station.app.lock import only_one
from packwitness.station.spool.layout import Layout
from tests.station.conftest import CODE
from tests.station.spool.hub_counterpart import TOKEN, HubCounterpart
from tests.station.spool.station_of_one import STATION_KEY, certificates


def enrol(hub: str, data: Path, *, code: str = CODE, options: tuple[str, ...] = ()) -> int:
    return main(["station", "enrol", hub, code, "--data", str(data), *options])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_enrolling_writes_a_whole_station(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "station"

    assert enrol(new_hub.url, data) == 0

    assert "of Shop, for Bench 1" in capsys.readouterr().out
    settings = tomllib.loads((data / "station.toml").read_text())
    assert settings["hub"]["url"] == new_hub.url
    assert settings["benches"] == [{"id": "bench1", "name": "Bench 1"}]
    key = SigningKey.load((data / "keys" / "station.key").read_bytes())
    assert new_hub.stations == {"bench1": key.public}
    assert (data / "keys" / "token").read_text() == TOKEN
    secrets = [data / "keys", *(data / "keys").iterdir()]
    assert {path.name: mode(path) for path in secrets} == {
        "keys": 0o700,
        "station.key": 0o600,
        "token": 0o600,
        "trigger-token": 0o600,
    }
    assert main(["station", "status", "--data", str(data)]) == 0
    assert "Bench 1: no film yet" in capsys.readouterr().out


def test_power_loss_leaves_a_whole_station_or_none(
    new_hub: HubCounterpart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under its final name was durable before it came there; ``station.toml`` comes last."""
    synced: dict[int, int] = {}
    named: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(handle: int) -> None:
        fsync(handle)
        synced[os.fstat(handle).st_ino] = os.fstat(handle).st_size

    def watched_replace(old: Path, new: Path) -> None:
        assert synced[old.stat().st_ino] == old.stat().st_size > 0
        named.append(new.name)
        replace(old, new)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    assert enrol(new_hub.url, tmp_path) == 0

    assert named[0] == "station.key"
    assert named[-1] == "station.toml"
    assert {"certificates.json", "token", "trigger-token", "spool.id"} <= set(named)


def test_an_enrolment_is_never_overwritten(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    enrol(new_hub.url, tmp_path)
    key = (tmp_path / "keys" / "station.key").read_bytes()
    new_hub.codes = {CODE}

    assert enrol(new_hub.url, tmp_path) == 1

    assert "is enrolled already" in capsys.readouterr().err
    assert (tmp_path / "keys" / "station.key").read_bytes() == key
    assert new_hub.codes == {CODE}, "the code was not spent"

    (tmp_path / "station.toml").unlink()
    (tmp_path / "takes" / "bench1-2").mkdir()
    assert enrol(new_hub.url, tmp_path) == 1
    assert "holds films of an earlier station" in capsys.readouterr().err


def test_a_code_that_opens_nothing(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrol(new_hub.url, tmp_path, code="ANOTHER-CODE") == 1
    assert "Make a new one in the hub" in capsys.readouterr().err
    assert enrol(new_hub.url, tmp_path, code="SHORT") == 1
    assert "8 to 64 characters" in capsys.readouterr().err
    assert not (tmp_path / "station.toml").exists()

    assert enrol(new_hub.url, tmp_path) == 0, "a failed try stands in nobody's way"


def test_nobody_at_the_address(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Port 9 is "discard": nothing listens there on loopback.
    assert enrol("http://127.0.0.1:9", tmp_path) == 1
    assert "No hub answers at http://127.0.0.1:9" in capsys.readouterr().err
    assert enrol(f"{new_hub.url}/elsewhere", tmp_path) == 1
    assert "Is this address a Packwitness hub's?" in capsys.readouterr().err


def test_a_token_does_not_travel_in_the_clear_by_accident(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrol("http://hub.example.com", tmp_path) == 1
    assert "in the clear" in capsys.readouterr().err
    assert enrol("hub.example.com", tmp_path) == 1
    assert "is no hub's address" in capsys.readouterr().err
    # A name that never resolves: it got past the refusal, and no further.
    assert enrol("http://hub.invalid", tmp_path, options=("--insecure",)) == 1
    said = capsys.readouterr().err
    assert "Warning" in said
    assert "No hub answers" in said


def test_certificates_of_another_key_make_no_station(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new_hub.certificates = lambda key: certificates(STATION_KEY.public)

    assert enrol(new_hub.url, tmp_path) == 1

    assert "certificates do not hold" in capsys.readouterr().err
    assert not (tmp_path / "station.toml").exists()


def test_what_cannot_be_meant_so_is_exit_code_2(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["station", "run", "--data", str(tmp_path)]
    assert main(run) == 2
    assert "There is no station in" in capsys.readouterr().err
    enrol(new_hub.url, tmp_path)

    assert main(run) == 2
    assert "There is no camera" in capsys.readouterr().err
    assert main([*run, "--camera", "file:/x.mp4", "--logic", "nonsense"]) == 2
    assert "known are: laid-lifted, scan-next, scan-rescan" in capsys.readouterr().err
    assert main([*run, "--camera", "foo:bar"]) == 2
    assert "camera overhead: The camera's URL begins with none of" in capsys.readouterr().err


def test_checking_and_repairing(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "station"
    enrol(new_hub.url, data)
    words = ["station", "check", "--data", str(data)]
    assert main([*words, "--hash"]) == 0
    assert "agree" in capsys.readouterr().out

    (data / "takes" / "nobody-1").mkdir()
    assert main([*words, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["code"], found["place"]) == ("unknown_folder", str(data / "takes" / "nobody-1"))

    with only_one(Layout(data)):
        assert main([*words, "--repair"]) == 1
        assert "Another process runs the station" in capsys.readouterr().err
    assert (data / "takes" / "nobody-1").is_dir()
    assert main([*words, "--repair"]) == 1
    assert "1 moved to set-aside/" in capsys.readouterr().err
    assert main(words) == 0


def test_a_ledger_that_refuses_is_said_with_what_to_do(
    new_hub: HubCounterpart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    enrol(new_hub.url, tmp_path)
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as db:
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    db.close()

    arguments = ["--camera", "file:/x.mp4", "--kiosk-port", "0"]
    assert main(["station", "run", "--data", str(tmp_path), *arguments]) == 1

    assert "disk is full. If the disk is full, make room on it" in capsys.readouterr().err
