"""Keys and certificates."""

import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from packwitness.evidence.certificates import find_chain
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.statements import Statement
from packwitness.hub.notary import keys, operations, queries
from packwitness.hub.notary.models import Certificate
from packwitness.hub.tenants.models import Organisation
from tests.hub.conftest import NOW


def certify(organisation: Organisation, key: SigningKey, station: str = "station1") -> Statement:
    return operations.certify_station(
        organisation_id=organisation.id,
        organisation_name=organisation.name,
        station_id=station,
        station_name="PC 1",
        public_key=key.public.raw,
        at=NOW,
    )


@pytest.mark.django_db
def test_a_stations_certificate_leads_to_its_organisation(organisation: Organisation) -> None:
    assert queries.organisation_fingerprint(organisation_id=organisation.id) == ""
    key = SigningKey.generate()
    statement = certify(organisation, key)
    known = queries.certificates(organisation_id=organisation.id, station_certificate=statement.to_value())
    assert [one.payload["subject"]["kind"] for one in known] == ["station", "hub", "organisation"]
    chain = find_chain(known, key=key.public.key_id, kind="station", organisation=organisation.id, moment=NOW)
    assert chain.root.public.key_id == queries.organisation_fingerprint(organisation_id=organisation.id)
    hub = queries.hub_key_id()
    assert (
        find_chain(known, key=hub, kind="hub", organisation=organisation.id, moment=NOW).leaf.subject.id
        == "hub"
    )


@pytest.mark.django_db
def test_the_same_key_gets_the_same_certificate(organisation: Organisation) -> None:
    key = SigningKey.generate()
    assert certify(organisation, key).to_value() == certify(organisation, key).to_value()
    certify(organisation, SigningKey.generate())
    assert Certificate.objects.filter(subject_kind="organisation").count() == 1


@pytest.mark.django_db
def test_organisations_have_keys_of_their_own_and_share_the_hubs(house: Any, stranger: Any) -> None:
    for one in (house, stranger):
        certify(one.organisation, SigningKey.generate())
    ids = {queries.organisation_fingerprint(organisation_id=one.organisation.id) for one in (house, stranger)}
    assert len(ids) == 2
    hubs = Certificate.objects.filter(subject_kind="hub").values_list("key_id", flat=True)
    assert set(hubs) == {queries.hub_key_id()}


@pytest.mark.django_db
def test_private_keys_are_files_that_only_the_hub_reads(organisation: Organisation) -> None:
    certify(organisation, SigningKey.generate())
    path = Path(settings.KEYS_DIR) / "organisations" / f"{organisation.id}.pem"
    for file in (path, Path(settings.KEYS_DIR) / "hub.pem"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert b"PRIVATE" not in str(list(Certificate.objects.values())).encode()


@pytest.mark.django_db
def test_a_lost_key_is_never_replaced(organisation: Organisation) -> None:
    certify(organisation, SigningKey.generate())
    path = Path(settings.KEYS_DIR) / "organisations" / f"{organisation.id}.pem"
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(keys.KeyLost, match="back-up"):
        certify(organisation, SigningKey.generate())
    assert not path.exists()
    path.write_bytes(SigningKey.generate().pem())
    with pytest.raises(keys.KeyLost, match="back-up"):
        certify(organisation, SigningKey.generate())
    path.write_bytes(kept)
    certify(organisation, SigningKey.generate())


def test_threads_that_make_a_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    made: list[str] = []
    path = tmp_path / "folder" / "key.pem"

    def make() -> None:
        keys.write_once(path, SigningKey.generate().pem())
        made.append(SigningKey.load(path.read_bytes()).public.key_id)

    threads = [threading.Thread(target=make) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert len(made) == 12
    assert [file.name for file in path.parent.iterdir()] == ["key.pem"]


def test_processes_that_make_a_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from packwitness.hub.notary import keys\n"
        "from packwitness.evidence.keys import SigningKey\n"
        "path = Path(sys.argv[1]); sys.stdin.readline()\n"
        "keys.write_once(path, SigningKey.generate().pem())\n"
        "print(SigningKey.load(path.read_bytes()).public.key_id)\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "key.pem")]
    started = [
        subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = {process.communicate()[0].strip() for process in started}
    assert len(said) == 1
    assert said != {""}
