"""Background work of the notary. Thin: each task makes one call."""

from django.tasks import task
from django.utils import timezone

from packwitness.hub.notary import checkpoints


@task
def sign_checkpoint() -> None:
    """Sign the log's state; where an authority is named, have its time stamped."""
    checkpoints.sign(at=timezone.now())
    checkpoints.stamp_all(at=timezone.now())


@task
def stamp_again() -> None:
    """Ask again for time stamps that an authority did not give (scheduled every few minutes)."""
    checkpoints.stamp_all(at=timezone.now())
