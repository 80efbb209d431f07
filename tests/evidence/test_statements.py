import copy
from typing import Any

import pytest

from packwitness.evidence.canonical import canonical
from packwitness.evidence.errors import Malformed
from packwitness.evidence.keys import PublicKey, SigningKey
from packwitness.evidence.statements import Statement, sign
from tests.evidence.takes import key

PAYLOAD = {"type": "packwitness/test/1", "n": 1}


def test_a_key_survives_its_file() -> None:
    made = SigningKey.generate()
    again = SigningKey.load(made.pem())
    assert again.public == made.public
    assert made.public.verify(again.sign(b"x"), b"x")
    assert not made.public.verify(again.sign(b"x"), b"y")
    assert PublicKey.from_text(made.public.text) == made.public


def test_a_key_does_not_show_its_secret() -> None:
    assert repr(key("a")) == f"SigningKey({key('a').public.key_id})"


@pytest.mark.parametrize("pem", [b"", b"hello", key("a").pem()[:60]])
def test_what_is_no_key_is_refused(pem: bytes) -> None:
    with pytest.raises(Malformed):
        SigningKey.load(pem)


def test_a_signature_is_of_one_key_over_one_payload() -> None:
    statement = sign(PAYLOAD, key("a"))
    assert statement.verified_by(key("a").public)
    assert not statement.verified_by(key("b").public)
    assert not Statement({**PAYLOAD, "n": 2}, statement.signatures).verified_by(key("a").public)
    assert statement.signer(key("a").public.key_id) == key("a").public
    assert statement.signer(key("b").public.key_id) is None


def test_a_bare_signature_of_the_payload_does_not_count() -> None:
    statement = sign(PAYLOAD, key("a"))
    assert not key("a").public.verify(statement.signatures[0].value, canonical(PAYLOAD))


def test_another_signature_may_be_added_and_the_digest_stays() -> None:
    one, two = sign(PAYLOAD, key("a")), sign(PAYLOAD, key("b"))
    both = Statement(PAYLOAD, one.signatures + two.signatures)
    assert both.digest == one.digest
    assert Statement.from_json(both.to_json()).verified_by(key("a").public)
    assert Statement.from_json(both.to_json()).verified_by(key("b").public)


def test_the_file_form_is_canonical() -> None:
    statement = sign({"type": "packwitness/test/1", "z": "é", "a": []}, key("a"))
    assert statement.to_json() == canonical(statement.to_value())


def bad(**changes: Any) -> dict[str, Any]:
    value = copy.deepcopy(sign(PAYLOAD, key("a")).to_value())
    value["signatures"][0] |= changes
    return value


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"payload": PAYLOAD},
        {"payload": {"n": 1}, "signatures": bad()["signatures"]},
        {"payload": PAYLOAD, "signatures": []},
        {"payload": PAYLOAD, "signatures": bad()["signatures"] * 17},
        {"payload": {**PAYLOAD, "n": 1.5}, "signatures": bad()["signatures"]},
        {**bad(), "more": 1},
        bad(alg="none"),
        bad(key=key("b").public.key_id),
        bad(public=key("b").public.text),
        bad(value="AAAA"),
        bad(value=5),
        bad(extra="x"),
    ],
)
def test_what_is_no_statement_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        Statement.from_value(value)
