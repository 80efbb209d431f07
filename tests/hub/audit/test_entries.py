"""The record of who did what: written once, never changed, seen by its organisation alone."""

from datetime import datetime, timedelta

import pytest

from packwitness.hub.audit import operations, queries
from packwitness.hub.audit.models import AppendOnly, Entry
from packwitness.hub.scope.scope import Actor, Scope

MINJI = Scope("o1", Actor("member", "m1", "Minji"), role="agent", ip="10.0.0.7")


@pytest.mark.django_db
def test_an_entry_says_who_what_where_and_when(now: datetime) -> None:
    entry = operations.record(
        scope=MINJI, action="film.viewed", subject="take:b-1", detail={"at_ms": 5}, at=now
    )

    stored = Entry.objects.values().get(pk=entry.pk)
    assert stored == {
        "id": entry.id,
        "organisation_id": "o1",
        "at": now,
        "actor_kind": "member",
        "actor_id": "m1",
        "actor_name": "Minji",
        "ip": "10.0.0.7",
        "action": "film.viewed",
        "subject": "take:b-1",
        "detail": {"at_ms": 5},
    }


@pytest.mark.django_db
def test_nothing_changes_or_deletes_it(now: datetime) -> None:
    entry = operations.record(scope=MINJI, action="film.viewed", subject="take:b-1", at=now)
    entry.action = "nothing.done"

    for attempt in (
        entry.save,
        entry.delete,
        Entry.objects.all().delete,
        lambda: Entry.objects.update(action="nothing.done"),
        lambda: Entry.objects.bulk_update([entry], ["action"]),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert [row.action for row in Entry.objects.all()] == ["film.viewed"]


@pytest.mark.django_db
def test_it_is_read_newest_first_and_narrowed(now: datetime) -> None:
    for minute, (action, subject) in enumerate(
        [("film.viewed", "take:1"), ("search", "orders"), ("film.viewed", "take:2")]
    ):
        operations.record(scope=MINJI, action=action, subject=subject, at=now + timedelta(minutes=minute))
    operations.record(scope=Scope("o2", MINJI.actor), action="film.viewed", subject="take:1", at=now)

    def subjects(**narrowed: str) -> list[str]:
        return [entry.subject for entry in queries.entries(scope=MINJI, **narrowed)]

    assert subjects() == ["take:2", "orders", "take:1"]
    assert subjects(action="film.viewed") == ["take:2", "take:1"]
    assert subjects(subject="take:1") == ["take:1"]
    assert subjects(actor_id="m2") == []
