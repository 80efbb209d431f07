"""How a message is sent at most once unless it is known to have failed.

1. Write the letter. Whatever goes wrong here has sent nothing.
2. Claim: one conditional UPDATE from ``queued`` or ``retrying`` (and due) to ``sending``, with a lease.
   Whoever changes the row sends; nobody else does.
3. Send, outside any transaction.
4. Settle: one conditional UPDATE from ``sending`` to what came of it.

A worker that dies between 2 and 4 leaves ``sending`` with a lease that runs out. Nobody knows how far it
came, so such a message becomes ``unknown``: it is shown, and a person decides.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from packwitness.hub.notify.channels import CHANNELS
from packwitness.hub.notify.channels.channel import Failed, Outcome, Sent, Unknown
from packwitness.hub.notify.letters import write
from packwitness.hub.notify.models import Message, State

LEASE = timedelta(minutes=5)
ATTEMPTS = 12
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=2)
CAN_BE_SENT = (State.QUEUED, State.RETRYING)


def send(*, message_id: str, at: datetime) -> datetime | None:
    """Send a message if it is due and nobody else does. Return when to try again, None if that is not
    needed.
    """
    ready = Message.objects.filter(id=message_id, state__in=CAN_BE_SENT, next_attempt_at__lte=at)
    message = ready.select_related("link", "recording__shipment__order", "organisation").first()
    if message is None:
        return None
    letter = write(message)
    if not ready.update(state=State.SENDING, lease_until=at + LEASE):
        return None
    outcome = CHANNELS[message.channel]().send(letter)
    return settle(message=message, outcome=outcome, at=at)


def settle(*, message: Message, outcome: Outcome, at: datetime) -> datetime | None:
    """Store what came of an attempt. Return when to try again, None if that is not needed."""
    attempts = message.attempts + 1
    change: dict[str, object] = {
        "attempts": attempts,
        "lease_until": None,
        "last_answer": outcome.answer[:500],
    }
    again: datetime | None = None
    match outcome:
        case Sent():
            change |= {"state": State.SENT, "sent_at": at}
        case Unknown():
            change |= {"state": State.UNKNOWN}
        case Failed(retry=True) if attempts < ATTEMPTS:
            again = at + pause_after(attempts)
            change |= {"state": State.RETRYING, "next_attempt_at": again}
        case Failed():
            change |= {"state": State.FAILED}
    Message.objects.filter(id=message.id, state=State.SENDING).update(**change)
    return again


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failures: 5 s, 10 s, 20 s … at most 2 h."""
    return min(FIRST_PAUSE * (1 << (attempts - 1)), LONGEST_PAUSE)


def mark_abandoned(*, at: datetime) -> int:
    """Turn messages whose worker died while sending into ``unknown``. Return how many there were."""
    return Message.objects.filter(state=State.SENDING, lease_until__lt=at).update(
        state=State.UNKNOWN,
        lease_until=None,
        last_answer="The program that was sending it ended before an answer came.",
    )


def due(*, at: datetime, limit: int = 200) -> list[str]:
    """Return ids of messages that wait and may be sent now: a safety net under the tasks."""
    waiting = Message.objects.filter(Q(state__in=CAN_BE_SENT), next_attempt_at__lte=at)
    return list(waiting.order_by("next_attempt_at").values_list("id", flat=True)[:limit])
