"""What comes from outside is not as it should be."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx

from packwitness.demo.house import BENCH, ORGANISATION, SITE
from tests.e2e.audit import audit
from tests.e2e.line import Carries
from tests.e2e.shop import Shop, until


def packwitness(*words: str, data: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "packwitness.hub.config.settings",
        "PACKWITNESS_DATA_DIR": str(data / "hub"),
    }
    return subprocess.run(
        [sys.executable, "-m", "packwitness.cli", *words], env=environment, capture_output=True, text=True
    )


def test_a_camera_that_sends_rubbish_is_named_and_the_other_goes_on(shop: Shop, tmp_path: Path) -> None:
    take = shop.start("607812340030")
    shop.filmed(take, 2)
    shop.lines["label"].carry(Carries.RUBBISH)
    until(
        lambda: {"code": "camera_lost", "values": {"camera": "Label"}} in shop.kiosk()["warnings"],
        what="the kiosk says which camera gives no picture",
    )
    count = len(shop.parts(take, "overhead"))
    until(lambda: len(shop.parts(take, "overhead")) >= count + 2, what="the other camera goes on")
    assert shop.running() == take
    shop.lines["label"].carry(Carries.STREAM)
    shop.cameras_up()
    assert shop.kiosk()["warnings"] == []
    shop.end()
    assert shop.sealed(take)["outcome"] == "completed"
    audit(shop, tmp_path)


def test_an_enrolment_code_opens_once(shop: Shop, tmp_path: Path) -> None:
    where = ("--organisation", ORGANISATION, "--site", SITE, "--station", "PC 2", "--bench", f"{BENCH} b")
    code = packwitness("hub", "enrolment-code", *where, data=shop.house.data).stdout.strip()
    enrol = ("station", "enrol", shop.house.hub_url, code, "--data")
    first = packwitness(*enrol, str(tmp_path / "first"), data=shop.house.data)
    assert (first.returncode, first.stderr) == (0, "")
    again = packwitness(*enrol, str(tmp_path / "second"), data=shop.house.data)
    assert again.returncode == 1
    assert again.stderr.startswith("packwitness station: ")
    assert "code" in again.stderr
    assert "Traceback" not in again.stderr
    assert not (tmp_path / "second" / "station.toml").exists()


def test_a_scan_with_control_characters_starts_nothing(shop: Shop, tmp_path: Path) -> None:
    answer: httpx.Response = shop.scan("60781234\u00070031")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["detail"]
    assert shop.running() is None
    audit(shop, tmp_path)
