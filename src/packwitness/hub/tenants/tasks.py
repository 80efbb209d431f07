"""Background work of tenants. Thin: each task makes one call."""

from django.core.management import call_command
from django.tasks import task


@task
def sweep() -> None:
    """Remove sessions that have expired (scheduled daily)."""
    call_command("clearsessions", verbosity=0)
