"""Background work of messages. Thin: each task parses and makes one call."""

from django.tasks import task
from django.utils import timezone

from packwitness.hub.notify import sending


@task
def send(message_id: str) -> None:
    """Send one message; where it failed for now, come back when its next attempt is due."""
    again = sending.send(message_id=message_id, at=timezone.now())
    if again is not None:
        send.using(run_after=again).enqueue(message_id=message_id)


@task
def sweep() -> None:
    """Settle what dead workers left and take up what waits without a task (scheduled every minute)."""
    now = timezone.now()
    sending.mark_abandoned(at=now)
    for message_id in sending.due(at=now):
        send.enqueue(message_id=message_id)
