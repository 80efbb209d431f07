"""An event reaches each of its hearers at least once, and a hearer that fails holds up no other."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_ox.models import OxTask
from django_ox.testing import run_tasks
from pytest_django import Settings

from packwitness.hub.outbox import delivery, operations, tasks
from packwitness.hub.outbox.heard import HeardEvent
from packwitness.hub.outbox.models import Delivery, Event
from tests.hub.outbox import hearers


@pytest.fixture(autouse=True)
def listening(settings: Settings) -> Iterator[None]:
    """Two hearers of one event."""
    names = ("tests.hub.outbox.hearers.first", "tests.hub.outbox.hearers.second")
    settings.OUTBOX_SUBSCRIBERS = {"take.sealed": names, "take.started": ()}
    hearers.heard.clear()
    hearers.failing.clear()
    yield
    hearers.heard.clear()
    hearers.failing.clear()


def emit(at: datetime) -> Event:
    with transaction.atomic():
        return operations.emit(
            organisation_id="o1", name="take.sealed", subject="take:b-1", body={"take": "b-1"}, at=at
        )


def retry_now() -> None:
    """Let the retries' pauses pass."""
    OxTask.objects.filter(status="READY").update(run_after=None)


@pytest.mark.django_db
def test_each_hearer_hears_it_once(now: datetime) -> None:
    event = emit(now)
    run_tasks()

    told = HeardEvent(event.id, "take.sealed", "o1", "take:b-1", {"take": "b-1"}, now)
    assert sorted(hearers.heard, key=lambda one: one[0]) == [("first", told), ("second", told)]
    assert Delivery.objects.filter(delivered_at=None).count() == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_never_happened(now: datetime) -> None:
    with transaction.atomic():
        operations.emit(organisation_id="o1", name="take.sealed", subject="s", body={}, at=now)
        transaction.set_rollback(True)
    run_tasks()

    assert (hearers.heard, Event.objects.count(), OxTask.objects.count()) == ([], 0, 0)


@pytest.mark.django_db(transaction=True)
def test_it_insists_on_a_transaction(now: datetime) -> None:
    with pytest.raises(operations.NotInTransaction, match=r"take\.sealed"):
        operations.emit(organisation_id="o1", name="take.sealed", subject="s", body={}, at=now)


@pytest.mark.django_db
def test_a_failing_hearer_is_asked_again_and_holds_up_no_other(now: datetime) -> None:
    hearers.failing.add("first")
    emit(now)
    run_tasks()
    after_failure = [name for name, _ in hearers.heard]
    row = Delivery.objects.get(hearer__endswith="first")
    waits = OxTask.objects.get(status="READY").run_after

    hearers.failing.clear()
    retry_now()
    run_tasks()
    row_after = Delivery.objects.get(pk=row.pk)

    assert after_failure == ["second"]
    assert (row.attempts, row.delivered_at) == (1, None)
    assert row.last_error == "ConnectionError: the shop does not answer"
    assert waits is not None
    assert waits > timezone.now()
    assert [name for name, _ in hearers.heard] == ["second", "first"]
    assert (row_after.attempts, row_after.delivered_at is None, row_after.last_error) == (2, False, "")


@pytest.mark.django_db
def test_a_task_run_twice_tells_nobody_twice(now: datetime) -> None:
    emit(now)
    for row in Delivery.objects.all():
        tasks.deliver.enqueue(delivery_id=row.id)
    run_tasks()

    assert sorted(name for name, _ in hearers.heard) == ["first", "second"]


@pytest.mark.django_db
def test_a_delivery_whose_task_gave_up_is_taken_up_again(now: datetime) -> None:
    hearers.failing.add("first")
    emit(now)
    run_tasks()
    OxTask.objects.all().delete()
    hearers.failing.clear()
    early, late = now + timedelta(hours=5), now + timedelta(hours=6, minutes=1)

    with transaction.atomic():
        claimed_early = delivery.claim_abandoned(at=early)
        claimed_late = delivery.claim_abandoned(at=late)
        claimed_again = delivery.claim_abandoned(at=late)

    assert (claimed_early, len(claimed_late), claimed_again) == ([], 1, [])


@pytest.mark.django_db
def test_sweeping_delivers_what_was_abandoned() -> None:
    long_ago = timezone.now() - timedelta(days=1)
    hearers.failing.add("first")
    emit(long_ago)
    run_tasks()
    OxTask.objects.all().delete()
    hearers.failing.clear()

    tasks.sweep.enqueue()
    run_tasks()

    assert [name for name, _ in hearers.heard] == ["second", "first"]


@pytest.mark.django_db
def test_only_what_everybody_heard_is_forgotten(now: datetime) -> None:
    hearers.failing.add("first")
    waiting = emit(now)
    run_tasks()
    hearers.failing.clear()
    done = emit(now)
    run_tasks()
    with transaction.atomic():
        unheard = operations.emit(organisation_id="o1", name="take.started", subject="s", body={}, at=now)

    kept = delivery.forget_delivered(before=now)
    gone = delivery.forget_delivered(before=now + timedelta(seconds=1))

    assert (kept, gone) == (0, 2)
    assert set(Event.objects.values_list("id", flat=True)) == {waiting.id}
    assert {done.id, unheard.id}.isdisjoint(Event.objects.values_list("id", flat=True))
