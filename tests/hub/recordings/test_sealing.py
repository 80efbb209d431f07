"""From the announcement to the receipt: what a station may say, and what it is answered."""

import copy
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django_ox.testing import run_tasks

from packwitness.evidence.commitments import Disclosure
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.statements import Statement, sign
from packwitness.hub.notary import queries as notary
from packwitness.hub.outbox.models import Event
from packwitness.hub.recordings import names, operations, queries, stored
from packwitness.hub.recordings.models import Recording, Span, Take
from packwitness.hub.stations.models import Station
from packwitness.hub.tenants.operations import secret_hash
from packwitness.hub.vault.store import vault
from packwitness.protocol import API_BASE, INIT_LIMIT, PART_LIMIT
from tests.hub.conftest import NOW, House
from tests.hub.recordings.filmed import Filming, body, film, put, put_bytes, sha

pytestmark = pytest.mark.django_db


def test_a_take_from_announcement_to_receipt(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": film(3, shade=40)})
    assert filming.announce().json() == {"take": filming.take, "sealed": False}
    filming.send_parts()
    answer = filming.seal()
    assert answer.status_code == 200
    receipt = Statement.from_value(answer.json()["receipt"])
    hub = [one.payload["key"]["public"] for one in notary.certificates(organisation_id=house.organisation.id)]
    assert receipt.signatures[0].public.text in hub
    assert receipt.payload["take"] == filming.take
    assert receipt.payload["manifest"] == filming.manifest().digest
    take = Take.objects.get(pk=filming.take)
    assert (take.state, take.outcome, take.code_key) == ("sealed", "completed", "601234567890")
    assert [(c["id"], c["size"], c["parts"]) for c in take.cameras] == [
        ("overhead", len(filming.bytes_of("overhead")), 4),
        ("label", len(filming.bytes_of("label")), 3),
    ]
    span = Span.objects.get(take=take)
    assert (span.from_ms, span.to_ms) == (0, 4000)
    assert span.recording.shipment is not None
    assert span.recording.shipment.order == house.order
    events = [
        (event.name, event.body) for event in Event.objects.filter(subject=f"take:{take.id}").order_by("at")
    ]
    assert events == [
        ("take.started", {"take": take.id}),
        ("take.sealed", {"take": take.id, "recording": span.recording_id, "outcome": "completed"}),
    ]
    verdict = queries.verdict(scope=house.scope, take=take.id, at=NOW + timedelta(hours=1), films=True)
    assert (verdict.integrity.unchanged, verdict.key.state) == (True, "trusted")
    assert verdict.films_checked == ("overhead", "label")
    assert verdict.disclosed == (("tracking_number", filming.code),)


def test_every_call_may_come_again(house: House) -> None:
    filming = Filming(house)
    assert filming.announce().json() == filming.announce().json()
    part = filming.cameras["overhead"][0]
    assert [filming.put_init("overhead", 0, part.init).status_code for _ in range(2)] == [201, 200]
    assert [filming.put_part("overhead", 0, part).status_code for _ in range(2)] == [201, 200]
    filming.send_parts()
    first = filming.seal()
    assert filming.seal().json() == first.json()
    run_tasks()
    assert filming.seal().json() == first.json()
    assert filming.announce().json() == {"take": filming.take, "sealed": True}
    assert (Take.objects.count(), Span.objects.count(), Recording.objects.count()) == (1, 1, 1)
    assert Event.objects.filter(name="take.sealed").count() == 1


def test_another_manifest_after_the_seal_is_refused(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    filming.outcome = "interrupted"
    answer = filming.seal()
    assert (answer.status_code, answer.json()["code"]) == (409, "take_differs")
    assert Take.objects.get().outcome == "completed"


def test_missing_parts_are_named_and_cured(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": film(3, shade=40)})
    filming.announce()
    filming.send_parts(lambda camera, n: camera != "label" or n == 1)
    answer = filming.seal()
    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (409, "parts_missing", True)
    assert answer.json()["missing"] == [
        {"camera": "label", "init": None, "part": 0},
        {"camera": "label", "init": None, "part": 2},
    ]
    assert Take.objects.get().state == "recording"
    filming.send_parts()
    assert filming.seal().status_code == 200


def test_a_part_under_other_facts_is_missing(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts(lambda camera, n: n != 2)
    part = filming.cameras["overhead"][2]
    wrong = replace(part, start=part.start + 1)
    assert filming.put_part("overhead", 2, wrong).status_code == 201
    assert filming.seal().json()["missing"] == [{"camera": "overhead", "init": None, "part": 2}]
    assert filming.put_part("overhead", 2, part).json()["code"] == "part_differs"


def test_a_missing_init_is_named(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    for n, part in enumerate(filming.cameras["overhead"]):
        filming.put_part("overhead", n, part)
    assert filming.seal().json()["missing"] == [{"camera": "overhead", "init": 0, "part": None}]


def refused(answer: Any) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_bytes_that_are_not_taken(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    part = filming.cameras["overhead"][0]
    address = f"{API_BASE}/takes/{filming.take}/cameras/overhead/parts/0?init=0&start=0&duration=1&key=1"
    digest = {"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}
    client = filming.client
    assert refused(put_bytes(client, address, part.data, headers=digest)) == (400, "digest_mismatch")
    assert refused(put_bytes(client, address, part.data, headers={"Content-Digest": "md5=:x:"})) == (
        400,
        "digest_required",
    )
    assert refused(put_bytes(client, address, b"", CONTENT_LENGTH="0")) == (400, "empty_body")
    too_large = {"CONTENT_LENGTH": str(PART_LIMIT + 1)}
    assert refused(put_bytes(client, address, part.data, **too_large)) == (413, "part_too_large")
    init = f"{API_BASE}/takes/{filming.take}/cameras/overhead/inits/0"
    assert refused(put_bytes(client, init, part.init, CONTENT_LENGTH=str(INIT_LIMIT + 1))) == (
        413,
        "part_too_large",
    )
    assert refused(put_bytes(client, address, part.data, CONTENT_LENGTH="")) == (411, "length_required")
    assert refused(put_bytes(client, address, part.data, HTTP_TRANSFER_ENCODING="chunked")) == (
        411,
        "length_required",
    )
    assert refused(put_bytes(client, address.replace("init=0", "init=-1"), part.data)) == (422, "invalid")
    assert filming.put_part("overhead", 0, part).status_code == 201
    other = replace(part, data=part.data + b"x")
    assert refused(filming.put_part("overhead", 0, other)) == (409, "part_differs")
    assert refused(filming.put_part("attic", 0, part)) == (404, "take_unknown")
    assert [info.key for info in vault().list(f"{house.organisation.id}/")] == [
        names.camera_folder(organisation_id=house.organisation.id, take=filming.take, camera="overhead")
        + f"00000000-0-0-{part.duration}-1-{len(part.data)}-{sha(part.data)}.m4s"
    ]


def test_a_sealed_take_takes_no_part(house: House) -> None:
    filming = Filming(house)
    filming.whole()
    run_tasks()
    before = list(vault().list(house.organisation.id))
    part = filming.cameras["overhead"][0]
    assert refused(filming.put_part("overhead", 0, part)) == (409, "take_sealed")
    assert list(vault().list(house.organisation.id)) == before


def test_a_part_that_comes_while_the_take_is_joined_leaves_nothing(house: House) -> None:
    """A second copy of a part, so slow that the take was sealed and joined meanwhile."""
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    before = Take.objects.get()
    filming.seal()
    run_tasks()
    part = filming.cameras["overhead"][0]
    objects = list(vault().list(house.organisation.id))
    prefix = stored.folder(before, "overhead")
    leaf = f"00000000-0-0-{part.duration}-1-{len(part.data)}-{sha(part.data)}.m4s"
    with pytest.raises(operations.TakeIsSealed):
        operations._put(before, prefix, f"{prefix}00000000-", leaf, sha(part.data), io.BytesIO(part.data))
    assert list(vault().list(house.organisation.id)) == objects


def test_starts_that_are_not_believed(house: House, stranger: House) -> None:
    filming = Filming(house)
    good = filming.announcement()

    def answer(take: str = filming.take, **changed: Any) -> tuple[int, str]:
        return refused(put(filming.client, f"{API_BASE}/takes/{take}", {**good, **changed}))

    assert answer(bench=stranger.bench.id) == (404, "take_unknown")
    assert answer(bench="nobench") == (404, "take_unknown")
    assert answer(take=f"{house.bench.id}-2") == (422, "start_invalid")
    assert answer(film_from=(filming.started_at + timedelta(seconds=1)).isoformat()) == (422, "start_invalid")
    foreign = sign(dict(filming.start.payload), stranger.station_key).to_value()
    assert answer(start=foreign) == (422, "start_invalid")
    boot = filming.entry(1, "0" * 64, "boot", {"take": filming.take}).to_value()
    assert answer(start=boot) == (422, "start_invalid")
    assert answer(start={"payload": {}}) == (422, "start_invalid")
    assert answer(cameras=[]) == (422, "invalid")
    assert answer(cameras=[{"id": "../x", "name": ""}]) == (422, "invalid")
    assert Take.objects.count() == 0
    assert filming.announce().status_code == 200
    another = filming.entry(1, "1" * 64, "start", {"take": filming.take}).to_value()
    assert answer(start=another) == (409, "take_differs")


def test_manifests_that_do_not_hold(house: House, stranger: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    good = filming.payload()

    def answer(payload: dict[str, Any], key: Any = house.station_key, disclosures: Any = ()) -> Any:
        value = {"manifest": sign(payload, key).to_value(), "disclosures": list(disclosures)}
        found = put(filming.client, f"{API_BASE}/takes/{filming.take}/manifest", value)
        assert refused(found) == (422, "manifest_invalid")
        return [finding["code"] for finding in found.json()["findings"]]

    assert answer(good, stranger.station_key) == ["signature_invalid"]
    assert answer({**good, "film_until": "tomorrow"}) == ["manifest_malformed"]
    assert answer({**good, "events": good["events"][:-1]}) == ["event_chain_mismatch"]
    cameras = copy.deepcopy(good["cameras"])
    cameras[0]["parts"][1]["sha256"] = "0" * 64
    assert answer({**good, "cameras": cameras}) == ["chain_mismatch"]
    point = {"n": 1, "digest": "1" * 64}
    assert answer({**good, "journal": {"start": point, "head": point}}) == ["manifest_malformed"]
    assert "manifest_malformed" in answer({**good, "kind": "return"})
    wrong = Disclosure.make("0000")
    assert answer(good, disclosures=[wrong.to_value()]) == ["disclosure_mismatch"]
    lying = {**filming.subject.to_value(), "value": "1234"}
    assert answer(good, disclosures=[lying]) == ["disclosure_mismatch"]
    forged = {**filming.badge.to_value(), "value": "packer 8"}
    assert answer(good, disclosures=[forged]) == ["disclosure_mismatch"]
    assert Take.objects.get().state == "recording"
    assert filming.seal().status_code == 200


def test_a_manifest_for_another_code_is_refused(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    filming.subject = Disclosure.make("9999")
    answer = filming.seal()
    assert [one["code"] for one in answer.json()["findings"]] == ["disclosure_mismatch"]


def test_a_station_that_is_not_certified_gets_no_receipt(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    house.station.certificate = {}
    house.station.save()
    answer = filming.seal()
    assert [one["code"] for one in answer.json()["findings"]] == ["certificate_invalid"]


def test_interrupted_takes_are_sealed_and_played_and_discarded_ones_filed_nowhere(house: House) -> None:
    cut = Filming(house, outcome="interrupted")
    cut.whole()
    thrown = Filming(house, number=2, code="777", outcome="discarded", started_at=NOW + timedelta(hours=1))
    thrown.whole()
    answer = house.client().get(f"/takes/{cut.take}/film/overhead.mp4")
    assert body(answer) == cut.bytes_of("overhead")
    assert [one.code for one in queries.recordings(scope=house.scope)] == [cut.code]
    assert Take.objects.get(pk=thrown.take).outcome == "discarded"
    event = Event.objects.get(name="take.sealed", subject=f"take:{thrown.take}")
    assert event.body == {"take": thrown.take, "recording": None, "outcome": "discarded"}


def test_a_camera_that_gave_nothing(house: House) -> None:
    filming = Filming(house, cameras={"overhead": film(), "label": ()})
    filming.whole()
    run_tasks()
    assert Take.objects.get().film_state == "joined"
    assert house.client().get(f"/takes/{filming.take}/film/label.mp4").status_code == 404


def test_the_film_begins_where_the_camera_began(house: House) -> None:
    filming = Filming(house, offset_ms=120)
    filming.whole()
    assert Span.objects.get().to_ms == 4120


def test_another_station_of_the_house_is_a_stranger_too(house: House) -> None:
    filming = Filming(house)
    filming.announce()
    filming.send_parts()
    key = SigningKey.generate()
    Station.objects.create(
        organisation=house.organisation,
        created_at=NOW,
        site=house.site,
        name="PC 2",
        public_key=key.public.raw,
        key_id=key.public.key_id,
        certificate=house.station.certificate,
        token_hash=secret_hash("token of PC 2"),
    )
    other = Client(headers={"authorization": "Bearer token of PC 2"})
    base, part = f"{API_BASE}/takes/{filming.take}", filming.cameras["overhead"][0]
    address = f"{base}/cameras/overhead/parts/9?init=0&start=0&duration=1&key=1"
    assert refused(put_bytes(other, address, part.data)) == (404, "take_unknown")
    assert refused(put(other, base, filming.announcement())) == (404, "take_unknown")
    assert refused(put(other, f"{base}/manifest", filming.sealing())) == (404, "take_unknown")


def test_nothing_crosses_the_wall(house: House, stranger: House) -> None:
    filming = Filming(house)
    filming.announce()
    other = stranger.station_client()
    part = filming.cameras["overhead"][0]
    base = f"{API_BASE}/takes/{filming.take}"
    assert refused(put(other, base, filming.announcement())) == (404, "take_unknown")
    assert refused(put_bytes(other, f"{base}/cameras/overhead/inits/0", part.init)) == (404, "take_unknown")
    query = "init=0&start=0&duration=1&key=1"
    assert refused(put_bytes(other, f"{base}/cameras/overhead/parts/0?{query}", part.data)) == (
        404,
        "take_unknown",
    )
    assert refused(put(other, f"{base}/manifest", filming.sealing())) == (404, "take_unknown")
    assert list(vault().list(house.organisation.id)) == []
    assert list(vault().list(stranger.organisation.id)) == []
    anonymous = type(other)()
    assert put(anonymous, base, filming.announcement()).status_code == 401
