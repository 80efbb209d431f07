"""Background work of recordings. Thin: each task makes one call."""

from datetime import timedelta

from django.tasks import task
from django.utils import timezone

from packwitness.hub.recordings import joining, queries
from packwitness.hub.vault.store import vault

FORGOTTEN_AFTER = timedelta(hours=8)
"""By then a join has used up its attempts."""
UNFINISHED_AFTER = timedelta(hours=6)


@task
def join_film(take: str) -> None:
    """Join a sealed take's parts into films."""
    joining.join_film(take=take, at=timezone.now())


@task
def sweep() -> None:
    """Take up joins that ran out of attempts, and remove what interrupted writes left (scheduled hourly)."""
    now = timezone.now()
    for take in queries.unjoined(before=now - FORGOTTEN_AFTER):
        join_film.enqueue(take=take.id)
    vault().sweep(before=now - UNFINISHED_AFTER)
