"""The formats, byte for byte, as vectors that were computed without the package."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from packwitness.evidence import log
from packwitness.evidence.bundle import open_bundle
from packwitness.evidence.canonical import canonical, decode_bytes, encode_bytes, parse
from packwitness.evidence.certificates import Certificate, Organisation, Subject, certificate
from packwitness.evidence.chain import EventChain, PartChain
from packwitness.evidence.checkpoints import (
    Checkpoint,
    checkpoint_signed_by,
    read_checkpoint,
    sign_checkpoint,
)
from packwitness.evidence.commitments import Disclosure, commit
from packwitness.evidence.errors import Malformed
from packwitness.evidence.journal import Entry
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.receipts import Receipt
from packwitness.evidence.statements import Statement, sign
from packwitness.evidence.verify import verify
from tests.evidence.make_vectors import FOLDER, VECTORS
from tests.evidence.takes import LATER, key, make_take, write_folder


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", VECTORS)
def test_stored_vectors_are_those_the_script_makes(name: str) -> None:
    assert json.loads(json.dumps(VECTORS[name]())) == load(name)


@pytest.mark.parametrize("case", load("canonical.json")["accepted"], ids=lambda case: case["json"][:20])
def test_canonical_form(case: dict[str, str]) -> None:
    assert canonical(parse(case["json"].encode())) == case["canonical"].encode()


@pytest.mark.parametrize("case", load("canonical.json")["refused"], ids=lambda case: case["why"])
def test_refused_documents(case: dict[str, str]) -> None:
    with pytest.raises(Malformed):
        parse(case["json"].encode())


def test_statement() -> None:
    vector = load("statement.json")
    signing = SigningKey.from_seed(bytes.fromhex(vector["seed"]))
    statement = sign(vector["statement"]["payload"], signing)
    assert signing.public.raw.hex() == vector["public"]
    assert signing.public.key_id == vector["key"]
    assert statement.to_value() == vector["statement"]
    assert statement.digest == vector["digest"]
    assert Statement.from_json(json.dumps(vector["statement"], indent=3).encode()).verified_by(signing.public)


def test_certificate() -> None:
    vector = load("certificate.json")
    public = SigningKey.from_seed(bytes.fromhex(vector["seed"])).public
    read = Certificate.from_payload(vector["payload"])
    made = certificate(
        organisation=Organisation(id="acme", name="Acme Parcels"),
        subject=Subject(kind="organisation", id="acme", name="Acme Parcels"),
        key=public,
        valid_from=read.valid_from,
        valid_until=read.valid_until,
        issuer=public,
    )
    assert made == vector["payload"]
    assert Statement(made, ()).digest == vector["digest"]


def test_chains() -> None:
    vector = load("chain.json")
    parts = PartChain(vector["take"], vector["camera"])
    assert [parts.append(link["init"], link["part"]) for link in vector["links"]] == vector["part_heads"]
    events = EventChain(vector["take"])
    assert [events.append(event) for event in vector["events"]] == vector["event_heads"]


@pytest.mark.parametrize("case", load("commitment.json"), ids=lambda case: case["value"])
def test_commitment(case: dict[str, str]) -> None:
    assert commit(case["value"], decode_bytes(case["salt"])) == case["commitment"]
    assert Disclosure.from_value(case).holds()
    assert encode_bytes(decode_bytes(case["salt"])) == case["salt"]


@pytest.mark.parametrize(("name", "model"), [("journal.json", Entry), ("receipt.json", Receipt)])
def test_journal_entry_and_receipt(name: str, model: type[Entry] | type[Receipt]) -> None:
    vector = load(name)
    assert model.from_payload(vector["payload"]).payload() == vector["payload"]
    assert Statement(vector["payload"], ()).digest == vector["digest"]


def test_log_and_checkpoint() -> None:
    vector = load("log.json")
    frontier: list[bytes] = []
    roots = [log.root(frontier).hex()]
    for size, leaf in enumerate(vector["leaves"]):
        frontier = log.append(frontier, size, bytes.fromhex(leaf))
        roots.append(log.root(frontier).hex())
    assert roots == vector["roots"]
    signing = SigningKey.from_seed(bytes.fromhex(vector["seed"]))
    checkpoint = Checkpoint(vector["origin"], 11, log.root(frontier))
    assert sign_checkpoint(checkpoint, signing) == vector["checkpoint"]
    assert read_checkpoint(vector["checkpoint"]) == checkpoint
    assert checkpoint_signed_by(vector["checkpoint"], signing.public)


def test_whole_take(tmp_path: Path) -> None:
    files = {name: base64.b64decode(data) for name, data in load("take.json").items()}
    with open_bundle(write_folder(tmp_path, files)) as bundle:
        verdict = verify(bundle, key("organisation").public.key_id, LATER)
    assert verdict.exit_code == 0
    assert verdict.manifest == make_take().manifest.digest
    assert verdict.films_checked == ("overhead", "side")
    assert verdict.disclosed == (("tracking_number", "1Z 999 AA1"),)
