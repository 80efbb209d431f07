import json
import sqlite3
from collections.abc import Mapping
from typing import Any

import pytest

from packwitness.evidence.canonical import parse_time
from packwitness.evidence.errors import Malformed
from packwitness.evidence.manifest import Audio, Manifest
from packwitness.evidence.statements import Statement
from packwitness.station.spool.journal import Journal
from packwitness.station.spool.ledger import Ledger, TakeNotOpen
from packwitness.station.spool.moments import from_ms
from packwitness.station.spool.rows import Outcome
from packwitness.station.spool.seal import close, seal
from tests.station.spool.audit import audit
from tests.station.spool.station_of_one import (
    BENCH,
    CERTIFICATES,
    IDENTITY,
    START_MS,
    START_NS,
    STATION_KEY,
    Facts,
    SoundFacts,
    Spool,
    note,
)


def sealed(spool: Spool, take: str, *, utc_ms: int = START_MS + 9000) -> Manifest:
    seal(spool.ledger, spool.journal, spool.layout, IDENTITY, take=take, utc_ms=utc_ms)
    statement = Statement.from_json((spool.layout.take(take) / "manifest.json").read_bytes())
    assert statement.verified_by(STATION_KEY.public)
    return Manifest.from_payload(statement.payload)


def test_what_a_cut_take_lacks_at_a_cameras_end_is_stated(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=4)
    spool.film(take, parts=3, camera="label")
    close(spool.ledger, take=take, outcome="interrupted", stopped_ms=None, clock=None)

    overhead, label = sealed(spool, take).cameras

    assert not overhead.gaps
    assert [gap.payload() for gap in label.gaps] == [
        {"at_ms": 3000, "duration_ms": 1000, "reason": "recorder"}
    ]


def test_a_camera_without_parts_lacks_the_whole_film_whatever_the_recorder_said(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=8)
    # From the start on, as the recorder says it; the other camera's film begins before.
    spool.store.add_gap(take=take, camera="label", at_ms=0, duration_ms=4800, reason="no_picture")
    close(spool.ledger, take=take, outcome="completed", stopped_ms=START_MS + 4800, clock=None)

    _, label = sealed(spool, take).cameras

    assert [gap.payload() for gap in label.gaps] == [
        {"at_ms": 0, "duration_ms": 8000, "reason": "no_picture"}
    ]


@pytest.mark.parametrize(("outcome", "reason"), [("interrupted", "recorder"), ("completed", "write_failed")])
def test_a_camera_that_gave_pictures_is_not_blamed_for_parts_that_were_never_written(
    spool: Spool, outcome: Outcome, reason: str
) -> None:
    take = spool.begin()
    spool.film(take, parts=4)
    spool.film(take, parts=0, camera="label")
    close(spool.ledger, take=take, outcome=outcome, stopped_ms=START_MS + 1000, clock=None)

    _, label = sealed(spool, take).cameras

    assert [gap.payload() for gap in label.gaps] == [{"at_ms": 0, "duration_ms": 4200, "reason": reason}]


def test_what_the_disk_refused_in_the_middle_is_stated_though_the_recorder_could_not(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    spool.store.put_part(
        take=take, camera="overhead", init=0, data=b"later", start=300_000, duration=90_000, key=True
    )
    spool.store.add_gap(take=take, camera="overhead", at_ms=2000, duration_ms=1333, reason="stalled")
    close(spool.ledger, take=take, outcome="completed", stopped_ms=START_MS + 1000, clock=None)

    (overhead, _) = sealed(spool, take).cameras

    assert [gap.payload() for gap in overhead.gaps] == [
        {"at_ms": 1000, "duration_ms": 1000, "reason": "write_failed"},
        {"at_ms": 2000, "duration_ms": 1333, "reason": "stalled"},
    ]


def test_a_manifest_says_what_the_ledger_holds(spool: Spool) -> None:
    take = spool.begin()
    note(
        spool, take, kind="label_scanned", utc_ms=START_MS, data={"source": "scanner"}
    )  # before anybody knows where the film begins
    spool.film(take, parts=3)
    assert spool.ledger.fix_film_from(take=take, fallback_ms=0) == START_MS - 3200
    note(spool, take, kind="note", utc_ms=START_MS + 1500, data={})
    spool.store.add_gap(
        take=take, camera="overhead", at_ms=3000, duration_ms=40, reason="reconnect", dropped=2
    )
    spool.journal.checkpoint(take=take, utc_ms=START_MS + 5000)
    clock = {
        "source": "system",
        "reference": "hub",
        "offset_ms": -4,
        "uncertainty_ms": 12,
        "measured_at": "2026-11-22T10:00:00.000Z",
    }
    close(spool.ledger, take=take, outcome="completed", stopped_ms=START_MS + 2000, clock=clock)

    manifest = sealed(spool, take)

    assert (manifest.take, manifest.outcome, manifest.bench.name) == ("bench1-1", "completed", "Bench 1")
    assert manifest.film_from == from_ms(START_MS - 3200)
    assert (manifest.started_at, manifest.stopped_at) == (from_ms(START_MS), from_ms(START_MS + 2000))
    assert manifest.film_until == from_ms(START_MS - 200), "the film's end is that of its last part"
    assert manifest.clock.offset_ms == -4
    overhead, label = manifest.cameras
    assert (overhead.offset_ms, overhead.codec, len(overhead.parts), overhead.dropped_packets) == (
        0,
        "avc1.64001f",
        3,
        2,
    )
    assert overhead.chain == overhead.chain_heads(take)[-1]
    assert [gap.payload() for gap in overhead.gaps] == [
        {"at_ms": 3000, "duration_ms": 40, "reason": "reconnect"},
        {"at_ms": 3040, "duration_ms": 2160, "reason": "write_failed"},
    ]
    assert [gap.payload() for gap in label.gaps] == [
        {"at_ms": 0, "duration_ms": 5200, "reason": "no_picture"}
    ]
    assert [(event.kind, event.at_ms) for event in manifest.events] == [
        ("label_scanned", 3200),
        ("note", 4700),
    ]
    assert manifest.events_chain == manifest.event_heads()[-1]
    assert (manifest.journal.start.n, manifest.journal.head.n) == (1, 2)
    audit(spool)


def test_the_sound_of_a_film_is_stated_and_none_where_there_is_none(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    for camera, facts in (("label", Facts(audio=SoundFacts())), ("label", Facts())):
        data = f"{camera} {facts}".encode()
        init = spool.store.put_init(take=take, camera=camera, data=data, info=facts, origin_ns=START_NS)
        spool.store.put_part(
            take=take, camera=camera, init=init.k, data=data, start=0, duration=900, key=True
        )
    spool.ledger.fix_film_from(take=take, fallback_ms=0)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=START_MS, clock=None)

    told = Audio(codec="mp4a.40.2", sample_rate=8_000, channels=1, encoded_from="pcm_alaw")
    assert [camera.audio for camera in sealed(spool, take).cameras] == [None, told]


def test_a_camera_that_came_later_lies_later_on_the_film(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=2)
    spool.ledger.fix_film_from(take=take, fallback_ms=0)
    spool.store.put_init(
        take=take, camera="label", data=b"late", info=Facts(), origin_ns=START_NS + 500_000_000
    )
    spool.store.put_part(take=take, camera="label", init=0, data=b"p", start=0, duration=900, key=True)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=START_MS, clock=None)

    overhead, label = sealed(spool, take).cameras

    assert [camera.offset_ms for camera in (overhead, label)] == [0, 3700]
    # From the scan on, there is no picture of it.
    assert [gap.payload() for gap in label.gaps] == [
        {"at_ms": 3200, "duration_ms": 500, "reason": "no_picture"}
    ]


def test_the_folder_of_a_sealed_take_is_what_the_verifier_reads(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=2)
    stray = spool.layout.part_file(take, "overhead", 7)
    stray.write_bytes(b"cut off by a crash")
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    sealed(spool, take)

    folder = spool.layout.take(take)
    assert json.loads((folder / "certificates.json").read_text()) == list(CERTIFICATES)
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.m*4*")) == [
        "parts/overhead/00000000.m4s",
        "parts/overhead/00000001.m4s",
        "parts/overhead/init-000.mp4",
    ]


def test_sealing_twice_gives_the_same_manifest(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    first = sealed(spool, take)

    assert sealed(spool, take, utc_ms=START_MS + 60_000) == first
    with pytest.raises(TakeNotOpen):
        close(spool.ledger, take=take, outcome="discarded", stopped_ms=None, clock=None)
    assert [entry["payload"]["kind"] for entry in spool.ledger.entries(BENCH, first=1, limit=9)] == [
        "start",
        "seal",
    ]


def test_a_take_without_any_film_is_sealed_all_the_same(spool: Spool) -> None:
    take = spool.begin()
    close(spool.ledger, take=take, outcome="interrupted", stopped_ms=None, clock=None)

    manifest = sealed(spool, take)

    assert [camera.parts for camera in manifest.cameras] == [[], []]
    assert manifest.film_from == manifest.film_until == manifest.started_at == from_ms(START_MS)


def test_what_cannot_be_signed_is_refused_when_it_comes_not_at_the_seal(spool: Spool) -> None:
    take = spool.begin()

    with pytest.raises(Malformed, match="float"):
        note(spool, take, kind="note", utc_ms=START_MS, data={"weight": 1.5})
    assert spool.ledger.events(take) == []


def test_starts_of_two_takes_and_their_seals_share_one_chain(spool: Spool) -> None:
    spool.journal.boot(bench=BENCH, software="0.1.0", boot="ab", utc_ms=START_MS)
    first, second = spool.begin("A"), spool.begin("B", after_s=1)
    spool.journal.refusal(
        bench=BENCH, reason="disk_full", code="C", code_kind="tracking_number", utc_ms=START_MS + 1500
    )
    for take in (second, first):
        spool.film(take, parts=1)
        close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
        sealed(spool, take)

    kinds = [entry["payload"]["kind"] for entry in spool.ledger.entries(BENCH, first=1, limit=9)]
    assert kinds == ["boot", "start", "start", "refusal", "seal", "seal"]
    assert (first, second) == ("bench1-2", "bench1-3")
    assert parse_time(spool.ledger.entries(BENCH, first=3, limit=1)[0]["payload"]["utc"]) == from_ms(
        START_MS + 1000
    )
    audit(spool)


class Interrupted(Journal):
    """Its bench goes on while a manifest is being signed."""

    def __init__(self, ledger: Ledger, times: int) -> None:
        super().__init__(ledger, STATION_KEY)
        self.times = times

    def sign(self, payload: Mapping[str, Any]) -> Statement:
        if payload["type"] == "packwitness/manifest/1" and self.times:
            self.times -= 1
            self.refusal(bench=BENCH, reason="not_a_label", code="", code_kind="", utc_ms=START_MS)
        return super().sign(payload)


def test_a_manifest_names_the_entry_just_before_its_seal_whatever_comes_between(spool: Spool) -> None:
    take = spool.begin()
    spool.film(take, parts=1)
    close(spool.ledger, take=take, outcome="completed", stopped_ms=None, clock=None)
    journal = Interrupted(spool.ledger, times=3)

    seal(spool.ledger, journal, spool.layout, IDENTITY, take=take, utc_ms=START_MS)

    kinds = [entry["payload"]["kind"] for entry in spool.ledger.entries(BENCH, first=1, limit=9)]
    assert kinds == ["start", "refusal", "refusal", "refusal", "seal"]
    audit(spool)


def test_a_start_entry_and_its_take_are_there_together_or_not_at_all(spool: Spool) -> None:
    with spool.ledger.transaction() as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON camera BEGIN SELECT RAISE(FAIL, 'disk full'); END")

    with pytest.raises(sqlite3.IntegrityError, match="disk full"):
        spool.begin()

    assert spool.ledger.head(BENCH).n == 0
    assert audit(spool) == 0
