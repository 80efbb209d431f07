from datetime import timedelta

import pytest

from packwitness.evidence.certificates import Certificate, Organisation, find_chain
from packwitness.evidence.errors import Malformed
from packwitness.evidence.statements import Statement, sign
from tests.evidence.takes import LATER, NOW, key, make_certificate, make_certificates, make_take

STATION = key("station").public.key_id
OTHER = Organisation(id="other", name="Other")


def complaint(certificates: list[Statement], **changes: object) -> str:
    arguments = {"key": STATION, "kind": "station", "organisation": "acme", "moment": NOW} | changes
    with pytest.raises(Malformed) as raised:
        find_chain(certificates, **arguments)  # type: ignore[arg-type]  # one dictionary of differing types
    return str(raised.value)


def test_a_station_of_its_organisation() -> None:
    chain = find_chain(
        [make_take().manifest, *make_certificates()],
        key=STATION,
        kind="station",
        organisation="acme",
        moment=LATER,
    )
    assert chain.leaf.subject.name == "Station"
    assert chain.root.public == key("organisation").public


def test_each_way_in_which_a_key_is_not_the_organisations() -> None:
    good = make_certificates()
    assert complaint([]) == "there is no certificate for this key"
    assert complaint(good, key=key("stranger").public.key_id) == "there is no certificate for this key"
    assert "key of a station, not of a hub" in complaint(good, kind="hub")
    assert "another organisation" in complaint(good, organisation="other")
    assert "valid from 2026-11-12 to 2027-11-22" in complaint(good, moment=NOW - timedelta(days=11))
    assert "valid from" in complaint(good, moment=NOW + timedelta(days=365))
    not_signed = "not signed by its organisation's key"
    assert not_signed in complaint(good[:1])
    assert not_signed in complaint([make_certificate("station", "station", "station"), good[1]])
    assert not_signed in complaint([good[0], make_certificate("organisation", "fresh", "fresh")])


def test_an_issuer_that_is_only_named_does_not_count() -> None:
    forged = sign(make_certificate("station", "station", "organisation").payload, key("mallory"))
    assert "not signed" in complaint(
        [forged, make_certificate("organisation", "organisation", "organisation")]
    )


def test_a_root_that_did_not_sign_itself_does_not_count() -> None:
    root = sign(make_certificate("organisation", "organisation", "organisation").payload, key("mallory"))
    assert "not signed" in complaint([make_certificate("station", "station", "organisation"), root])


def test_a_station_cannot_certify() -> None:
    sub = make_certificate("station", "sub", "station")
    found = complaint([*make_certificates(), sub], key=key("sub").public.key_id)
    assert found == "the certificate is not signed by its organisation's key"


def test_another_organisations_root_cannot_certify_for_this_one() -> None:
    certificates = [
        make_certificate("station", "station", "rival"),
        make_certificate("organisation", "rival", "rival", OTHER),
    ]
    assert "not signed" in complaint(certificates)


def test_a_certificate_that_contradicts_itself_is_refused() -> None:
    payload = make_certificate("station", "station", "organisation").payload
    for changes in (
        {"valid_from": payload["valid_until"]},
        {"key": {"alg": "Ed25519", "public": "A" * 42}},
        {"key": {"public": "A" * 43}},
        {"subject": {"kind": "organisation", "id": "elsewhere", "name": "x"}},
    ):
        with pytest.raises(Malformed):
            Certificate.from_payload({**payload, **changes})
