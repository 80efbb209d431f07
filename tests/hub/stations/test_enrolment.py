"""How a machine becomes a station, once."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.test import Client

from packwitness.evidence.certificates import Certificate
from packwitness.evidence.keys import PublicKey, SigningKey
from packwitness.evidence.statements import Statement
from packwitness.hub.audit import queries as audit
from packwitness.hub.scope.scope import Scope
from packwitness.hub.stations import operations
from packwitness.hub.stations.models import Bench, EnrolmentCode, Station
from packwitness.protocol import Enrolled, EnrolRequest
from tests.hub.conftest import House

URL = "/api/station/v1/enrol"


def mint(house: House, at: datetime) -> str:
    """A code for a station with two benches."""
    _, code = operations.mint_enrolment_code(
        scope=house.scope, site_id=house.site.id, station_name="PC 7", bench_names=["Left", "Right"], at=at
    )
    return code


def enrol(code: str, key: SigningKey) -> tuple[int, dict[str, object]]:
    """Call ``enrol`` as a station does."""
    body = EnrolRequest(code=code, public_key=key.public.text, host_name="pc7", software="packwitness 0.1")
    answer = Client().post(URL, body.model_dump(mode="json"), content_type="application/json")
    return answer.status_code, answer.json()


def recent(now: datetime) -> datetime:
    """A moment at which a code minted is still good: the API reads the real clock."""
    return datetime.now(tz=now.tzinfo)


def test_a_code_makes_one_station(house: House, now: datetime) -> None:
    key = SigningKey.generate()
    code = mint(house, recent(now))

    status, body = enrol(code.upper().replace("-", " "), key)
    answer = Enrolled.model_validate(body)
    station = Station.objects.get(pk=answer.station_id)

    assert status == 200
    assert (answer.organisation_id, answer.organisation_name) == (house.organisation.id, "Mugs & Teas")
    assert [bench.name for bench in answer.benches] == ["Left", "Right"]
    assert (bytes(station.public_key), station.key_id) == (key.public.raw, key.public.key_id)
    assert answer.token not in str(list(Station.objects.filter(pk=station.pk).values()))
    certificates = [Statement.from_value(value) for value in answer.certificates]
    assert [one.payload["subject"]["kind"] for one in certificates] == ["station", "hub", "organisation"]
    assert Certificate.model_validate(certificates[0].payload).key.public == key.public.text
    hub = Certificate.model_validate(certificates[1].payload)
    assert answer.hub_key == PublicKey.from_text(hub.key.public).key_id
    assert [entry.action for entry in audit.entries(scope=house.scope)][:2] == [
        "station.enrolled",
        "enrolment_code.made",
    ]

    beat = Client(headers={"authorization": f"Bearer {answer.token}"}).get("/api/station/v1/orders")
    assert beat.status_code == 200


def test_used_unknown_and_expired_codes_look_the_same(house: House, now: datetime) -> None:
    used = mint(house, recent(now))
    enrol(used, SigningKey.generate())
    expired = mint(house, recent(now) - timedelta(hours=1, seconds=1))
    benches = Bench.objects.count()

    answers = [enrol(code, SigningKey.generate()) for code in (used, expired, "aaaa-bbbb-cccc", "not a code")]

    assert [status for status, _ in answers] == [403, 403, 403, 403]
    assert {str(body) for _, body in answers} == {str(answers[0][1])}
    assert answers[0][1]["code"] == "enrolment_code_invalid"
    assert Bench.objects.count() == benches


def test_a_code_survives_a_request_that_fails(house: House, now: datetime) -> None:
    code = mint(house, recent(now))
    body = {"code": code, "public_key": "A" * 42 + "!", "host_name": "", "software": ""}

    wrong = Client().post(URL, body, content_type="application/json")

    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid")
    assert enrol(code, SigningKey.generate())[0] == 200


def test_a_station_that_lost_its_answer_enrols_again(house: House, now: datetime) -> None:
    key = SigningKey.generate()
    _, first = enrol(mint(house, recent(now)), key)
    _, second = enrol(mint(house, recent(now)), key)

    assert second["station_id"] == first["station_id"]
    assert second["benches"] == first["benches"]
    assert second["token"] != first["token"]
    old = Client(headers={"authorization": f"Bearer {first['token']}"}).get("/api/station/v1/orders")
    assert old.status_code == 401


def test_who_may_mint_and_for_what(house: House, stranger: House, now: datetime) -> None:
    agent = Scope(house.organisation.id, house.scope.actor, role="agent")

    with pytest.raises(PermissionDenied):
        operations.mint_enrolment_code(
            scope=agent, site_id=house.site.id, station_name="PC", bench_names=["B"], at=now
        )
    with pytest.raises(Http404):
        operations.mint_enrolment_code(
            scope=house.scope, site_id=stranger.site.id, station_name="PC", bench_names=["B"], at=now
        )
    for station, benches in (("", ["B"]), ("PC", []), ("PC", ["B", "B"]), ("PC", ["B"] * 201)):
        with pytest.raises(ValidationError):
            operations.mint_enrolment_code(
                scope=house.scope, site_id=house.site.id, station_name=station, bench_names=benches, at=now
            )
    assert EnrolmentCode.objects.count() == 0


def test_a_revoked_station_is_a_stranger(house: House, now: datetime) -> None:
    client = house.station_client()
    before = client.get("/api/station/v1/orders").status_code
    operations.revoke_station(scope=house.scope, station_id=house.station.id, at=now)

    assert (before, client.get("/api/station/v1/orders").status_code) == (200, 401)
