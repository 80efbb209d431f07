"""Background work of recordings. Thin: each task makes one call."""

from datetime import timedelta

from django.tasks import task
from django.utils import timezone

from packwitness.hub.recordings import joining, names, queries, renditions
from packwitness.hub.vault.store import vault

FORGOTTEN_AFTER = timedelta(hours=8)
"""By then a join has used up its attempts."""
ABANDONED_AFTER = timedelta(hours=1)
"""By then the task of a dead worker was handed on long ago."""
UNFINISHED_AFTER = timedelta(hours=6)


@task
def join_film(take: str) -> None:
    """Join a sealed take's parts into films."""
    joining.join_film(take=take, at=timezone.now())


@task
def convert_film(rendition: str) -> None:
    """Make a copy that was asked for; where it is another's turn, come back later."""
    again = renditions.convert(rendition=rendition, clock=timezone.now)
    if again is not None:
        convert_film.using(run_after=again).enqueue(rendition=rendition)


@task
def sweep() -> None:
    """Take up joins and copies that were left behind, delete copies without an original, and remove what
    interrupted writes left (scheduled hourly).
    """
    now = timezone.now()
    for take in queries.unjoined(before=now - FORGOTTEN_AFTER):
        join_film.enqueue(take=take.id)
    for rendition in renditions.abandoned(at=now - ABANDONED_AFTER):
        convert_film.enqueue(rendition=rendition)
    for taken, organisation_id in renditions.orphaned():
        renditions.forget(take=taken, organisation_id=organisation_id)
    renditions.forget_unnamed()
    vault().sweep(before=now - UNFINISHED_AFTER, ours=names.is_ours)
