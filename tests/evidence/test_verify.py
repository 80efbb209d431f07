"""Whatever is done to a bundle is found, and each line of the verdict says only what it may."""

import base64
import copy
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packwitness.evidence.bundle import Bundle
from packwitness.evidence.canonical import canonical
from packwitness.evidence.commitments import Disclosure
from packwitness.evidence.errors import NotABundle
from packwitness.evidence.report import report
from packwitness.evidence.statements import Statement, sign
from packwitness.evidence.timestamps import load_certificates
from packwitness.evidence.verdict import Verdict
from packwitness.evidence.verify import check_manifest, verify
from tests.evidence.takes import (
    LATER,
    NOW,
    Take,
    init_bytes,
    key,
    late_manifest,
    make_certificate,
    make_certificates,
    make_log,
    make_receipt,
    make_take,
    noise,
)
from tests.evidence.test_vectors import load

TRUST = key("organisation").public.key_id
TAKE = make_take()
FILES = TAKE.files()
STAMPS = load("timestamp.json")


class MemoryBundle(Bundle):
    """A bundle that lies in memory."""

    def __init__(self, files: dict[str, bytes], loose_film: str = "") -> None:
        super().__init__({name: len(data) for name, data in files.items()}, loose_film=loose_film)
        self.files = files

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self.files[name])


def judge(
    files: dict[str, bytes],
    trust: str | None = TRUST,
    at: datetime = LATER,
    loose_film: str = "",
    **more: Any,
) -> Verdict:
    return verify(MemoryBundle(files, loose_film), trust, at, **more)


def codes(verdict: Verdict) -> list[str]:
    return [finding.code for finding in verdict.integrity.findings]


def notes(verdict: Verdict) -> set[str]:
    return {note.code for note in verdict.notes}


def without(*names: str) -> dict[str, bytes]:
    return {name: data for name, data in FILES.items() if name not in names}


def as_json(statements: Sequence[Statement]) -> bytes:
    return canonical([one.to_value() for one in statements])


def edited(change: Callable[[Any], Any], *, resign: bool = False) -> dict[str, bytes]:
    """The bundle with its manifest's payload changed; signed again by the station's own key if asked."""
    value = copy.deepcopy(TAKE.manifest.to_value())
    change(value["payload"])
    manifest = sign(value["payload"], key("station")).to_json() if resign else canonical(value)
    return {**FILES, "manifest.json": manifest}


def test_a_whole_bundle() -> None:
    verdict = judge(FILES)
    assert verdict.exit_code == 0
    assert verdict.integrity.unchanged
    assert verdict.integrity.key == key("station").public.key_id
    assert (verdict.key.state, verdict.key.organisation) == ("trusted", "Acme Parcels")
    assert (verdict.time.trusted, verdict.time.offset_ms, verdict.time.uncertainty_ms) == (False, -4, 12)
    assert verdict.films_checked == ("overhead", "side")
    assert verdict.disclosed == (("tracking_number", "1Z 999 AA1"),)
    assert notes(verdict) == {"no_time_stamp"}


def test_unchanged_does_not_imply_genuine() -> None:
    verdict = judge(FILES, trust=None)
    assert (verdict.exit_code, verdict.key.state, verdict.key.fingerprint) == (3, "not_checked", TRUST)
    assert verdict.integrity.unchanged


def test_manifest_and_films_are_enough() -> None:
    needed = {
        name: data for name, data in FILES.items() if name == "manifest.json" or name.startswith("films/")
    }
    verdict = judge(needed, trust=None)
    assert (verdict.exit_code, verdict.key.state) == (3, "not_checked")
    assert notes(verdict) == {"no_certificates", "no_receipt", "no_log", "no_time_stamp"}
    assert judge(needed).key.state == "foreign"
    assert judge(needed, certificates=TAKE.certificates).exit_code == 0


def test_a_stations_own_folder() -> None:
    verdict = judge(TAKE.station_files())
    assert (verdict.exit_code, verdict.films_checked) == (0, ("overhead", "side"))


def test_a_lone_film_is_matched_to_its_camera() -> None:
    for camera in ("overhead", "side"):
        files = {**without("films/overhead.mp4", "films/side.mp4"), "film": FILES[f"films/{camera}.mp4"]}
        verdict = judge(files, loose_film="film")
        assert (verdict.exit_code, verdict.films_checked) == (0, (camera,))
        assert "film_not_checked" in notes(verdict)
        files["film"] = files["film"][:-5]
        assert codes(judge(files, loose_film="film")) == ["film_truncated"]


def test_cameras_that_share_an_init_are_told_apart() -> None:
    take = make_take()
    shared = init_bytes("shared", 0)
    for camera in take.cameras.values():
        camera.inits[0] = shared
    payload = {
        **take.manifest.payload,
        "cameras": [camera.entry(TAKE_ID) for camera in take.cameras.values()],
    }
    manifest = sign(payload, key("station")).to_json()
    for name, camera in take.cameras.items():
        files = {"manifest.json": manifest, "film": camera.film()}
        verdict = judge(files, trust=None, loose_film="film")
        assert (verdict.films_checked, codes(verdict)) == ((name,), [])


TAKE_ID = str(TAKE.manifest.payload["take"])


def film_with(camera: str, change: Callable[[list[bytes]], Any]) -> dict[str, bytes]:
    units = make_take().cameras[camera].units()
    change(units)
    return {**FILES, f"films/{camera}.mp4": b"".join(units)}


def swap(units: list[bytes], one: int, two: int) -> None:
    units[one], units[two] = units[two], units[one]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda units: units.__setitem__(4, bytes([units[4][0] ^ 1]) + units[4][1:]), ["part_changed"]),
        (lambda units: units.__setitem__(4, units[4][:-1] + bytes([units[4][-1] ^ 128])), ["part_changed"]),
        (lambda units: units.pop(4), ["part_missing"]),
        (lambda units: swap(units, 3, 6), ["part_swapped", "part_swapped"]),
        (lambda units: units.__setitem__(4, units[2]), ["part_repeated"]),
        (lambda units: units.pop(), ["film_truncated"]),
        (lambda units: units.append(b"x"), ["film_extra_bytes"]),
        (lambda units: units.insert(3, noise("forged", 300)), ["part_extra"]),
        (lambda units: units.__setitem__(0, init_bytes("other", 0)), ["init_changed"]),
    ],
)
def test_a_changed_film(change: Callable[[list[bytes]], Any], found: list[str]) -> None:
    verdict = judge(film_with("overhead", change))
    assert codes(verdict) == found
    assert (verdict.exit_code, verdict.key.state) == (1, "trusted")
    assert {finding.camera for finding in verdict.integrity.findings} == {"overhead"}


def test_films_of_two_cameras_exchanged() -> None:
    exchanged = {"films/overhead.mp4": FILES["films/side.mp4"], "films/side.mp4": FILES["films/overhead.mp4"]}
    verdict = judge({**FILES, **exchanged})
    assert {finding.camera for finding in verdict.integrity.findings} == {"overhead", "side"}
    assert "part_changed" in codes(verdict)


@pytest.mark.parametrize(
    "name",
    [
        "films/overhead/forged.mp4",
        "parts/overhead/forged.mp4",
        "parts/overhead/sub/00000000.m4s",
        "parts/overhead/init-0000.mp4",
        "parts/overhead/00000000.m4s",
    ],
)
def test_a_forged_film_beside_the_sealed_one_is_found(name: str) -> None:
    files = make_take().station_files() if name.startswith("parts/") and "00000000" not in name else {}
    verdict = judge({**FILES, **files, name: b"forged"})
    assert verdict.exit_code == 1
    assert {finding.camera for finding in verdict.integrity.findings} == {"overhead"}


def test_what_nobody_sealed_is_named_as_not_covered() -> None:
    verdict = judge({**FILES, "look at this.mp4": b"forged"})
    assert [note.detail for note in verdict.notes if note.code == "not_covered"] == ["look at this.mp4"]
    assert not [note for note in judge(FILES).notes if note.code == "not_covered"]


def test_an_empty_journal_is_no_journal() -> None:
    assert codes(judge({**FILES, "journal.json": b"[]"})) == ["journal_mismatch"]


def test_a_film_that_is_not_there_and_one_too_many() -> None:
    assert codes(judge(without("films/side.mp4"))) == ["camera_missing"]
    found = judge({**FILES, "films/third.mp4": b"x"}).integrity.findings
    assert [(one.code, one.camera) for one in found] == [("film_extra_bytes", "third")]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda f: f.pop("parts/overhead/00000004.m4s"), [("part_missing", 4, None)]),
        (lambda f: f.update({"parts/overhead/00000004.m4s": b"x"}), [("part_changed", 4, None)]),
        (lambda f: f.update({"parts/overhead/00000004.m4s": bytes(33 << 20)}), [("part_changed", 4, None)]),
        (
            lambda f: f.update({"parts/overhead/00000004.m4s": f["parts/overhead/00000005.m4s"]}),
            [("part_repeated", 4, 5)],
        ),
        (lambda f: f.update({"parts/overhead/00000099.m4s": b"x"}), [("part_extra", 99, None)]),
        (lambda f: f.pop("parts/side/init-001.mp4"), [("init_missing", None, None)]),
        (
            lambda f: f.update({"parts/side/init-001.mp4": f["parts/side/init-000.mp4"]}),
            [("init_changed", None, None)],
        ),
        (lambda f: f.update({"parts/overhead/00000004.m4s.tmp": b"x"}), []),
    ],
)
def test_a_changed_station_folder(change: Callable[[Any], Any], found: list[Any]) -> None:
    files = TAKE.station_files()
    change(files)
    verdict = judge(files)
    assert [(one.code, one.part, one.other) for one in verdict.integrity.findings] == found


@pytest.mark.parametrize(
    ("change", "resigned"),
    [
        (lambda p: p["events"][2]["data"].update(quantity=3), ["event_chain_mismatch"]),
        (lambda p: p["events"][1].update(at_ms=9), ["event_chain_mismatch"]),
        (lambda p: p["events"].pop(), ["event_chain_mismatch"]),
        (lambda p: p.update(events_chain="0" * 64), ["event_chain_mismatch"]),
        (lambda p: p.update(started_at="2026-11-22T09:00:00.000Z"), []),
        (lambda p: p["clock"].update(offset_ms=0), []),
        (lambda p: p["cameras"][0].update(chain="0" * 64), ["chain_mismatch"]),
        (lambda p: p["cameras"][0]["parts"][3].update(start=1), []),
        (lambda p: p["journal"]["start"].update(n=3), ["journal_mismatch"]),
        (lambda p: p["journal"]["head"].update(n=1), ["journal_mismatch"]),
        (
            lambda p: p.update(take="k3v9x2m4q7pa-9"),
            ["journal_mismatch", "chain_mismatch", "event_chain_mismatch"],
        ),
    ],
)
def test_an_edited_manifest(change: Callable[[Any], Any], resigned: list[str]) -> None:
    assert "signature_invalid" in codes(judge(edited(change)))
    again = codes(judge(edited(change, resign=True)))
    assert "signature_invalid" not in again
    assert {"receipt_invalid", "log_proof_invalid", "journal_mismatch", *resigned} <= set(again)


def test_a_part_replaced_in_film_and_manifest_breaks_the_chain() -> None:
    take = make_take()
    take.cameras["overhead"].parts[4] = noise("forged", 300)
    entry = take.cameras["overhead"].entry(TAKE_ID)

    def replace_part(payload: Any) -> None:
        payload["cameras"][0]["parts"] = entry["parts"]

    files = edited(replace_part, resign=True) | {"films/overhead.mp4": take.cameras["overhead"].film()}
    assert "chain_mismatch" in codes(judge(files))


def test_a_foreign_signature() -> None:
    stranger = sign(TAKE.manifest.payload, key("stranger"))
    assert codes(judge({**FILES, "manifest.json": stranger.to_json()})) == ["signature_invalid"]
    both = Statement(TAKE.manifest.payload, stranger.signatures + TAKE.manifest.signatures)
    assert judge({**FILES, "manifest.json": both.to_json()}).exit_code == 0


def fake() -> Take:
    """A perfect bundle of the same organisation's name, made with fresh keys."""
    return make_take(station="fresh", organisation="fresh organisation")


def renamed(take: Take) -> dict[str, bytes]:
    """Let the fresh station claim the honest one's id in its certificate too."""
    forged = dict(take.certificates[0].payload)
    forged["subject"] = {"kind": "station", "id": "station", "name": "Station"}
    certificates = [sign(forged, key("fresh organisation")), *take.certificates[1:]]
    return {**take.files(), "certificates.json": as_json(certificates)}


def test_a_perfect_bundle_with_fresh_keys() -> None:
    alone = judge(renamed(fake()), trust=None)
    assert (alone.exit_code, alone.key.state, alone.key.organisation) == (3, "not_checked", "Acme Parcels")
    assert alone.integrity.unchanged
    pinned = judge(renamed(fake()))
    assert (pinned.exit_code, pinned.key.state) == (1, "foreign")
    assert pinned.key.reason == "the organisation's key is not the trusted one"
    assert pinned.integrity.unchanged


def test_a_fresh_key_cannot_borrow_certificates() -> None:
    files = {**fake().files(), "certificates.json": as_json(TAKE.certificates)}
    for trust in (None, TRUST):
        verdict = judge(files, trust=trust)
        assert (verdict.key.state, verdict.key.reason) == ("foreign", "there is no certificate for this key")
    mixed = {**fake().files(), "certificates.json": as_json([*fake().certificates, *TAKE.certificates])}
    assert judge(mixed).key.state == "foreign"


@pytest.mark.parametrize(
    ("certificates", "reason"),
    [
        ([make_certificate("hub", "station", "organisation")], "key of a hub, not of a station"),
        ([make_certificate("station", "station", "mallory")], "not signed by its organisation's key"),
    ],
)
def test_certificates_that_do_not_hold(certificates: list[Statement], reason: str) -> None:
    verdict = judge({**FILES, "certificates.json": as_json([*certificates, *TAKE.certificates[1:]])})
    assert verdict.key.state == "foreign"
    assert reason in verdict.key.reason


def test_a_certificate_for_another_station_of_the_organisation() -> None:
    verdict = judge(fake().files(), trust=key("fresh organisation").public.key_id)
    assert (verdict.key.state, verdict.key.reason) == ("foreign", "the certificate is for another station")


def test_a_certificate_counts_at_the_time_of_filming() -> None:
    assert judge(FILES, at=NOW + timedelta(days=4000)).exit_code == 0
    early = judge(FILES, at=NOW - timedelta(days=20))
    assert (early.key.state, early.key.reason) == ("foreign", "the certificate is not valid yet")
    assert "sealed_in_future" in notes(early)

    def much_later(payload: Any) -> None:
        payload.update(stopped_at="2028-01-01T00:00:00.000Z", film_until="2028-01-01T00:00:00.000Z")

    assert "is valid from" in judge(edited(much_later, resign=True)).key.reason


def test_unreadable_certificates() -> None:
    for data in (b"{}", b"[1]", b"[", b"[" + b"1," * 2000 + b"1]"):
        assert "certificate_invalid" in codes(judge({**FILES, "certificates.json": data}))


@pytest.mark.parametrize(
    "receipt",
    [
        make_receipt(fake().manifest),
        make_receipt(TAKE.manifest, take="k3v9x2m4q7pa-3"),
        make_receipt(TAKE.manifest, organisation="other"),
        sign(TAKE.receipt.payload, key("station")),
        replace(TAKE.receipt, payload={**TAKE.receipt.payload, "received_at": "2026-11-22T10:00:09.000Z"}),
        TAKE.manifest,
    ],
)
def test_a_receipt_of_another_take_or_key(receipt: Statement) -> None:
    assert codes(judge({**FILES, "receipt.json": receipt.to_json()})) == ["receipt_invalid"]


def test_a_receipt_whose_signature_is_broken_is_no_unknown_hubs() -> None:
    broken = replace(
        TAKE.receipt, payload={**TAKE.receipt.payload, "received_at": "2026-11-22T10:00:09.000Z"}
    )
    files = {**without("certificates.json"), "receipt.json": broken.to_json()}
    assert codes(judge(files, trust=None)) == ["receipt_invalid"]


def test_a_receipt_for_another_place_in_the_log() -> None:
    moved = make_receipt(TAKE.manifest, index=3)
    assert codes(judge({**FILES, "receipt.json": moved.to_json()})) == ["log_proof_invalid"]


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ({**TAKE.log, "index": 3}, "log_proof_invalid"),
        ({**TAKE.log, "size": 6}, "log_proof_invalid"),
        ({**TAKE.log, "proof": TAKE.log["proof"][:-1]}, "log_proof_invalid"),
        ({**TAKE.log, "proof": ["0" * 64, *TAKE.log["proof"][1:]]}, "log_proof_invalid"),
        ({**TAKE.log, "proof": ["0" * 64] * 200}, "log_proof_invalid"),
        ({**TAKE.log, "checkpoint": "hello"}, "log_proof_invalid"),
        ({**TAKE.log, "extra": 1}, "log_proof_invalid"),
        (make_log(fake().manifest), "log_proof_invalid"),
        (make_log(TAKE.manifest, signer="mallory"), "checkpoint_invalid"),
        ([], "log_proof_invalid"),
    ],
)
def test_a_log_proof_that_does_not_hold(log: Any, found: str) -> None:
    assert codes(judge({**FILES, "log.json": canonical(log)})) == [found]


def test_a_hub_that_nobody_certified_is_noted() -> None:
    verdict = judge({**FILES, "certificates.json": as_json(TAKE.certificates[:2])})
    assert verdict.exit_code == 0
    assert notes(verdict) == {"receipt_key_unknown", "log_key_unknown", "no_time_stamp"}


def test_another_organisations_hub_does_not_count() -> None:
    foreign = [*TAKE.certificates[:2], *make_certificates(organisation="rival")[1:]]
    verdict = judge({**FILES, "certificates.json": as_json(foreign)})
    assert notes(verdict) == {"receipt_key_unknown", "log_key_unknown", "no_time_stamp"}
    assert verdict.exit_code == 0


@pytest.mark.parametrize(
    "disclosures",
    [
        [replace(TAKE.disclosures[0], value="1Z 999 AA2").to_value()],
        [replace(TAKE.disclosures[0], salt=bytes(16)).to_value()],
        [Disclosure.make("1Z 999 AA1").to_value()],
        [TAKE.disclosures[0].to_value(), {"value": "x"}],
        {},
    ],
)
def test_a_disclosure_that_was_not_sealed(disclosures: Any) -> None:
    verdict = judge({**FILES, "disclosures.json": canonical(disclosures)})
    assert (codes(verdict), verdict.disclosed) == (["disclosure_mismatch"], ())


def test_an_erased_value_breaks_nothing() -> None:
    for files in (without("disclosures.json"), {**FILES, "disclosures.json": b"[]"}):
        verdict = judge(files)
        assert (verdict.exit_code, verdict.disclosed) == (0, ())


def test_a_journal_that_does_not_fit() -> None:
    for entries in (TAKE.journal[:3], fake().journal):
        assert codes(judge({**FILES, "journal.json": as_json(entries)})) == ["journal_mismatch"]
    assert codes(judge({**FILES, "journal.json": b"5"})) == ["journal_mismatch"]


def stamped(token: str = STAMPS["take"], chain: tuple[str, ...] = ("middle",)) -> dict[str, bytes]:
    pem = "".join(STAMPS["certificates"][name] for name in chain)
    return {**FILES, "time/0.tsr": base64.b64decode(token), "time/0.pem": pem.encode()}


ROOTS = load_certificates(STAMPS["certificates"]["root"].encode())
OTHER_ROOTS = load_certificates(STAMPS["certificates"]["other"].encode())
YEARS_LATER = NOW + timedelta(days=4000)


def test_a_time_stamp_of_a_trusted_authority() -> None:
    time = judge(stamped(), at=YEARS_LATER, authorities=ROOTS).time
    assert (time.trusted, time.authority, time.reason) == (True, "Clockwork, Example", "")
    assert time.moment is not None


def test_a_time_stamp_of_another_authority_is_the_stations_word_only() -> None:
    for authorities, chain in ((OTHER_ROOTS, ("middle", "root")), ([], ("middle",))):
        verdict = judge(stamped(chain=chain), at=YEARS_LATER, authorities=authorities)
        assert (verdict.exit_code, verdict.time.trusted) == (0, False)
        assert "time_stamp_untrusted" in notes(verdict)


def test_a_time_stamp_of_something_else() -> None:
    verdict = judge(stamped(STAMPS["with_certificate"]), at=YEARS_LATER, authorities=ROOTS)
    assert (codes(verdict), verdict.time.trusted) == (["token_invalid"], False)


def test_a_time_stamp_without_the_log_proves_nothing() -> None:
    files = stamped()
    del files["log.json"]
    verdict = judge(files, at=YEARS_LATER, authorities=ROOTS)
    assert (verdict.time.trusted, "no_log" in notes(verdict)) == (False, True)


def test_a_take_that_ends_after_its_time_stamp_is_noted() -> None:
    manifest = late_manifest()
    files = {
        **without("receipt.json", "journal.json"),
        "manifest.json": manifest.to_json(),
        "log.json": canonical(make_log(manifest)),
        "time/0.tsr": base64.b64decode(STAMPS["late"]),
        "time/0.pem": STAMPS["certificates"]["middle"].encode(),
    }
    verdict = judge(files, at=YEARS_LATER, authorities=ROOTS)
    assert (verdict.exit_code, verdict.time.trusted) == (0, True)
    assert "sealed_after_stamp" in notes(verdict)
    assert "sealed_after_stamp" not in notes(judge(stamped(), at=YEARS_LATER, authorities=ROOTS))


UNREADABLE = {
    "empty": b"",
    "no statement": b"{}",
    "no text": b"\xff",
    "deep": b"[" * 100_000,
    "a key twice": FILES["manifest.json"].replace(b'"kind":"packing"', b'"kind":"packing","kind":"return"'),
    "a float": FILES["manifest.json"].replace(b'"offset_ms":-4', b'"offset_ms":-4.0'),
    "a huge number": FILES["manifest.json"].replace(b'"offset_ms":-4', b'"offset_ms":' + b"9" * 5000),
    "deep within": FILES["manifest.json"].replace(b'"offset_ms":-4', b'"offset_ms":' + b"[" * 40 + b"]" * 40),
    "too large": b" " * (17 << 20),
    "another statement": FILES["receipt.json"],
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_manifest_that_cannot_be_read(data: bytes) -> None:
    verdict = judge({**FILES, "manifest.json": data})
    assert (codes(verdict), verdict.exit_code) == (["manifest_malformed"], 1)
    assert json.dumps(verdict.to_value())


def test_a_bundle_without_a_manifest_is_none() -> None:
    with pytest.raises(NotABundle):
        judge(without("manifest.json"))


def test_white_space_does_not_matter() -> None:
    spaced = json.dumps(json.loads(FILES["manifest.json"]), indent=2).encode()
    assert judge({**FILES, "manifest.json": spaced}).exit_code == 0


def test_what_the_station_itself_admits_is_noted() -> None:
    def admit(payload: Any) -> None:
        payload.update(outcome="interrupted")
        payload["clock"].update(offset_ms=None, uncertainty_ms=None, measured_at=None)
        payload["cameras"][0].update(
            gaps=[{"at_ms": 5, "duration_ms": 800, "reason": "reconnect"}],
            dropped_packets=3,
            lost_packets=12,
            stalls=1,
        )
        payload["legibility"].update(looks=10, readable=0)

    verdict = judge(edited(admit, resign=True))
    admitted = {"interrupted", "clock_not_measured", "gaps", "dropped_packets", "lost_packets", "stalls"}
    assert admitted | {"label_unreadable"} <= notes(verdict)
    for language in ("en", "ko"):
        assert "12" in report(verdict, language)
    assert next(note.detail for note in verdict.notes if note.code == "gaps") == "1, 800 ms"


@pytest.mark.parametrize(
    "change",
    [
        {"take": "k3v9x2m4q7pa-9"},
        {"bench": {"id": "another", "name": "Bench 2"}},
        {"journal": {"start": {"n": 2, "digest": "1" * 64}, "head": {"n": 1, "digest": "2" * 64}}},
        {"journal": {"start": {"n": 2, "digest": "1" * 64}, "head": {"n": 2, "digest": "2" * 64}}},
        {"journal": {"start": {"n": 2, "digest": "1" * 64}, "head": {"n": 3, "digest": "1" * 64}}},
    ],
)
def test_a_take_that_contradicts_its_journal(change: dict[str, Any]) -> None:
    manifest = sign({**TAKE.manifest.payload, **change}, key("station"))
    assert "journal_mismatch" in codes(check_manifest(manifest, TAKE.certificates, TRUST, NOW))


def test_the_hub_judges_a_manifest_alone() -> None:
    verdict = check_manifest(TAKE.manifest, TAKE.certificates, TRUST, NOW)
    assert (verdict.exit_code, verdict.films_checked) == (0, ())
    assert codes(check_manifest(TAKE.receipt, TAKE.certificates, TRUST, NOW)) == ["manifest_malformed"]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(TAKE.manifest.canonical) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_manifest_is_found(at: int, flip: int) -> None:
    data = bytearray(FILES["manifest.json"])
    at += FILES["manifest.json"].index(TAKE.manifest.canonical)
    data[at] ^= flip
    verdict = judge({**FILES, "manifest.json": bytes(data)})
    assert verdict.exit_code == 1
    assert set(codes(verdict)) & {"manifest_malformed", "signature_invalid"}


def test_reading_needs_no_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verification opened something")

    for place in ("builtins.open", "io.open", "os.open", "socket.socket"):
        monkeypatch.setattr(place, refuse)
    assert judge(stamped(), at=YEARS_LATER, authorities=ROOTS).exit_code == 0
