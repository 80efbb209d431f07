"""Heartbeat and journal, as a station calls them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from packwitness.evidence.chain import ZERO
from packwitness.evidence.journal import EntryKind, entry
from packwitness.evidence.keys import SigningKey
from packwitness.evidence.statements import Statement, sign
from packwitness.hub.stations import queries
from packwitness.hub.stations.models import JournalEntry
from tests.hub.conftest import House


def journal(house: House, kinds: list[EntryKind], *, first: int = 1, previous: str = ZERO) -> list[Statement]:
    """Signed entries of the bench, chained."""
    statements: list[Statement] = []
    for n, kind in enumerate(kinds, start=first):
        take = {"take": f"{house.bench.id}-{first + 1}"} if kind in ("seal", "discard", "checkpoint") else {}
        payload = entry(
            bench=house.bench.id,
            n=n,
            previous=statements[-1].digest if statements else previous,
            utc=datetime(2026, 11, 22, 10, 0, n, tzinfo=UTC),
            kind=kind,
            data=take,
        )
        statements.append(sign(payload, house.station_key))
    return statements


def send(house: House, statements: list[Statement], bench: str = "") -> tuple[int, dict[str, Any]]:
    answer = house.station_client().post(
        f"/api/station/v1/benches/{bench or house.bench.id}/journal",
        {"entries": [one.to_value() for one in statements]},
        content_type="application/json",
    )
    return answer.status_code, answer.json()


def test_a_journal_is_stored_once_however_often_it_is_sent(house: House) -> None:
    statements = journal(house, ["boot", "start", "checkpoint", "seal"])

    answers = [send(house, statements[:2]), send(house, statements[1:]), send(house, statements)]

    assert answers == [(200, {"next": 3}), (200, {"next": 5}), (200, {"next": 5})]
    stored = list(queries.journal(scope=house.scope, bench_id=house.bench.id))
    assert [row.statement for row in stored] == [one.to_value() for one in statements]
    assert [(row.n, row.kind, row.take) for row in stored] == [
        (1, "boot", ""),
        (2, "start", f"{house.bench.id}-2"),
        (3, "checkpoint", f"{house.bench.id}-2"),
        (4, "seal", f"{house.bench.id}-2"),
    ]


def test_the_hub_says_which_entry_it_wants(house: House) -> None:
    statements = journal(house, ["boot", "start", "checkpoint"])

    assert send(house, statements[1:]) == (200, {"next": 1})
    assert JournalEntry.objects.count() == 0


def test_a_second_story_is_a_fork(house: House) -> None:
    told = journal(house, ["boot", "start", "checkpoint"])
    send(house, told)
    other_end = journal(house, ["seal"], first=3, previous=told[1].digest)
    other_past = journal(house, ["seal"], first=4, previous="ab" * 32)

    for statements in (other_end, other_past):
        status, problem = send(house, statements)
        assert (status, problem["code"], problem["retry"]) == (409, "journal_fork", False)
    assert JournalEntry.objects.count() == 3


def test_what_cannot_be_believed_is_refused_whole(house: House, stranger: House) -> None:
    good = journal(house, ["boot", "start"])
    foreign = sign(good[1].payload, SigningKey.generate())
    other_bench = journal(stranger, ["boot"])
    hole = [good[0], *journal(house, ["seal"], first=3)]

    for statements in ([good[0], foreign], other_bench, hole, [sign({"type": "x"}, house.station_key)]):
        status, problem = send(house, statements)
        assert (status, problem["code"]) == (422, "entry_invalid")
    assert JournalEntry.objects.count() == 0


def test_another_stations_bench_is_not_there(house: House, stranger: House) -> None:
    status, problem = send(house, journal(stranger, ["boot"]), bench=stranger.bench.id)

    assert (status, problem["code"]) == (404, "not_found")


def test_a_start_without_an_end_is_found(house: House) -> None:
    send(house, journal(house, ["boot", "start", "checkpoint"]))
    open_starts = [row.take for row in queries.starts_without_end(scope=house.scope)]
    stored = JournalEntry.objects.get(n=3)
    send(house, journal(house, ["discard"], first=4, previous=stored.digest))

    assert open_starts == [f"{house.bench.id}-2"]
    # The discard above is of the take that begins with entry 5, so this one is still open.
    assert [row.take for row in queries.starts_without_end(scope=house.scope)] == open_starts


def test_a_heartbeat_is_noted(house: House, stranger: House) -> None:
    ahead = datetime.now(tz=UTC) + timedelta(seconds=90)
    body = {
        "station_time": ahead.isoformat(),
        "software": "packwitness 0.1.0",
        "disk_free_bytes": 5_000_000_000,
        "benches": [
            {
                "bench": house.bench.id,
                "state": "recording",
                "take": f"{house.bench.id}-2",
                "pending_parts": 3,
            },
            {"bench": stranger.bench.id, "state": "blocked"},
        ],
    }

    answer = house.station_client().post("/api/station/v1/heartbeat", body, content_type="application/json")
    house.station.refresh_from_db()
    house.bench.refresh_from_db()
    stranger.bench.refresh_from_db()

    assert answer.status_code == 200
    assert abs(datetime.fromisoformat(answer.json()["hub_time"]) - datetime.now(tz=UTC)) < timedelta(
        seconds=20
    )
    assert house.station.clock_offset_ms == pytest.approx(90_000, abs=20_000)
    assert (house.station.software, house.station.disk_free_bytes) == ("packwitness 0.1.0", 5_000_000_000)
    assert (house.bench.status["state"], house.bench.status["pending_parts"]) == ("recording", 3)
    assert (stranger.bench.status, stranger.bench.last_seen_at) == ({}, None)
    at = datetime.now(tz=UTC)
    assert queries.is_silent(bench=house.bench, at=at) is False
    assert queries.is_silent(bench=house.bench, at=at + timedelta(seconds=60)) is True


def test_a_station_says_who_it_is(house: House) -> None:
    for headers in (
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": f"Bearer {house.api_secret}"},
    ):
        answer = house.station_client().post(
            "/api/station/v1/heartbeat", {}, headers={"authorization": "", **headers}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")
