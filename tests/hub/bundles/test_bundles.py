"""Evidence bundles and signed exports, judged by the programs a stranger would use."""

import io
import json
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import c2pa
import pytest
from django.conf import settings as django_settings
from django_ox.models import OxTask
from django_ox.testing import run_tasks

from packwitness.hub.audit.models import Entry
from packwitness.hub.bundles import contents, operations
from packwitness.hub.notary import checkpoints
from packwitness.hub.notary import queries as notary
from packwitness.hub.recordings.models import Take
from tests.hub.conftest import House
from tests.hub.notary.timestamping import Authority, authority
from tests.hub.recordings.filmed import Filming, Part, body, film

pytestmark = pytest.mark.django_db


@pytest.fixture
def tsa(tmp_path: Path, settings: Any) -> Iterator[Authority]:
    (tmp_path / "tsa").mkdir()
    with authority(tmp_path / "tsa") as running:
        settings.TSA_URL = running.url
        yield running


def verify(path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the verifier as a stranger does; return its exit code and its verdict."""
    command = [sys.executable, "-m", "packwitness.cli", "verify", str(path), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def fetch(house: House, take: str, path: Path) -> Path:
    answer = house.client().get(f"/takes/{take}/bundle.zip")
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == f'attachment; filename="{take}.zip"'
    path.write_bytes(body(answer))
    return path


@pytest.mark.parametrize("joined", [False, True])
def test_a_stranger_verifies_a_bundle(house: House, tmp_path: Path, tsa: Authority, joined: bool) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": film(2, shade=50)})
    filming.whole()
    if joined:
        OxTask.objects.update(run_after=None)
        run_tasks()
    checkpoints.sign(at=datetime.now(UTC))
    checkpoints.stamp_all(at=datetime.now(UTC))
    path = fetch(house, filming.take, tmp_path / "bundle.zip")
    fingerprint = notary.organisation_fingerprint(organisation_id=house.organisation.id)
    code, verdict = verify(path, "--trust", fingerprint, "--tsa-roots", str(tsa.root))
    assert code == 0, verdict
    assert verdict["integrity"]["findings"] == []
    assert verdict["key"]["organisation"] == "Mugs & Teas"
    assert verdict["films_checked"] == ["overhead", "label"]
    assert (verdict["time"]["trusted"], verdict["time"]["authority"]) == (True, "Stamper of the tests")
    assert verdict["disclosed"] == [{"kind": "tracking_number", "value": filming.code}]
    assert {note["code"] for note in verdict["notes"]} <= {"clock_not_measured", "journal_not_checked"}
    assert verify(path)[0] == 3
    assert verify(path, "--trust", "ed25519:" + "0" * 64)[0] == 1


def test_a_changed_byte_is_found(house: House, tmp_path: Path) -> None:
    filming = Filming(house)
    filming.whole()
    path = fetch(house, filming.take, tmp_path / "bundle.zip")
    data = bytearray(path.read_bytes())
    part = filming.cameras["overhead"][2].data
    data[data.index(part) + len(part) // 2] ^= 1
    path.write_bytes(data)
    fingerprint = notary.organisation_fingerprint(organisation_id=house.organisation.id)
    code, verdict = verify(path, "--trust", fingerprint)
    assert code == 1
    [finding] = verdict["integrity"]["findings"]
    assert (finding["code"], finding["camera"], finding["part"]) == ("part_changed", "overhead", 2)


def test_what_is_in_a_bundle_and_what_is_not(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    out = io.BytesIO()
    operations.write_bundle(scope=house.scope, take=filming.take, out=out, at=datetime.now(UTC))
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        files = {name: archive.read(name) for name in names}
    assert names == [
        "README.txt",
        "what-this-does-not-show.txt",
        "manifest.json",
        "certificates.json",
        "disclosures.json",
        "receipt.json",
        "captions/en.vtt",
        "captions/ko.vtt",
        "films/overhead.mp4",
    ]
    assert files["films/overhead.mp4"] == filming.bytes_of("overhead")
    assert filming.code in files["README.txt"].decode()
    assert "$" not in files["README.txt"].decode()
    assert "이것으로 보일 수 없는 것" in files["what-this-does-not-show.txt"].decode()
    assert "packer 7" not in str(files)
    assert [one["value"] for one in json.loads(files["disclosures.json"])] == [filming.code]
    assert Entry.objects.filter(action="bundle.downloaded", subject=f"take:{filming.take}").count() == 1


def test_captions_stand_beside_a_camera_that_began_later(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": film(2, shade=50)})
    filming.whole()
    take = Take.objects.get()
    take.cameras[1]["offset_ms"] = 300
    names = [name for name, _ in contents._captions(take)]
    assert names == ["captions/en.vtt", "captions/label.en.vtt", "captions/ko.vtt", "captions/label.ko.vtt"]


def test_an_unsealed_take_has_no_bundle(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    assert house.client().get(f"/takes/{filming.take}/bundle.zip").status_code == 404
    assert house.client().get(f"/takes/{filming.take}/export/overhead.mp4").status_code == 404


def test_integrators_fetch_bundles_of_their_own(house: House, stranger: House) -> None:
    filming = Filming(house)
    filming.whole()
    assert body(house.api().get(f"/api/v1/takes/{filming.take}/bundle"))[:2] == b"PK"
    assert stranger.api().get(f"/api/v1/takes/{filming.take}/bundle").status_code == 404


def test_a_large_bundle_is_never_held_whole(house: House) -> None:
    init = b"i" * 800
    parts = tuple(Part(init, bytes([n]) * (4 << 20), n * 90_000, 90_000, True) for n in range(12))
    filming = Filming(house, cameras={"overhead": parts})
    filming.whole()
    answer: Any = house.client().get(f"/takes/{filming.take}/bundle.zip")
    tracemalloc.start()
    try:
        size = sum(map(len, answer.streaming_content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 12 * (4 << 20)
    assert peak < 8 << 20


def export(house: House, take: str) -> bytes:
    answer = house.client().get(f"/takes/{take}/export/overhead.mp4")
    assert (answer.status_code, answer["Content-Type"]) == (200, "video/mp4")
    data = body(answer)
    assert len(data) == int(answer["Content-Length"])
    return data


def read(data: bytes, **settings: Any) -> c2pa.Reader:
    context = c2pa.Context.from_dict({"verify": {"remote_manifest_fetch": False}, **settings})
    return c2pa.Reader("video/mp4", io.BytesIO(data), context=context)


def test_an_export_names_its_take_and_a_flipped_bit_breaks_it(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    data = export(house, filming.take)
    with read(data) as reader:
        assert reader.get_validation_state() == "Valid"
        active = reader.get_active_manifest()
    assertions = {one["label"]: one["data"] for one in active["assertions"]}
    assert assertions["org.packwitness.take"] == {
        "take": filming.take,
        "camera": "overhead",
        "manifest_sha256": filming.manifest().digest,
        "organisation": house.organisation.id,
    }
    assert assertions["c2pa.actions.v2"]["actions"][0]["action"] == "c2pa.created"
    part = filming.cameras["overhead"][1].data
    broken = bytearray(data)
    broken[data.index(part) + len(part) - 5] ^= 1
    with read(bytes(broken)) as reader:
        assert reader.get_validation_state() == "Invalid"
        assert "assertion.bmffHash.mismatch" in reader.json()


def test_an_export_is_trusted_by_whom_the_operator_tells_to(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    data = export(house, filming.take)
    folder = Path(django_settings.KEYS_DIR) / "c2pa"
    trust = {"trust_anchors": (folder / "ca.pem").read_text(), "verify_trust": True}
    with read(data, trust=trust, verify={"verify_trust": True, "remote_manifest_fetch": False}) as reader:
        assert reader.get_validation_state() == "Trusted"
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert export(house, filming.take)[:4] == data[:4]


def test_an_export_is_still_the_sealed_film(house: House, tmp_path: Path) -> None:
    """The verifier leaves the one box aside and finds every byte."""
    filming = Filming(house)
    filming.whole()
    exported = tmp_path / "film.mp4"
    exported.write_bytes(export(house, filming.take))
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(filming.manifest().to_json())
    assert filming.bytes_of("overhead")[-1000:] in exported.read_bytes()
    code, verdict = verify(exported, str(manifest))
    assert (code, verdict["integrity"]["findings"]) == (3, [])
    assert "credentials_left_aside" in [note["code"] for note in verdict["notes"]]
    assert Entry.objects.filter(action="film.exported").count() == 1
