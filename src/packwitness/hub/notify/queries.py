from collections.abc import Sequence

from django.db.models import QuerySet

from packwitness.hub.notify.models import Message
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope


def messages(*, scope: Scope, state: str = "") -> QuerySet[Message]:
    """Return the organisation's messages, newest first, of one state if it is given."""
    found = access.rows(Message, scope).select_related("link", "recording__shipment__order")
    found = found.prefetch_related("recording__spans")
    if state:
        found = found.filter(state=state)
    return found.order_by("-created_at", "-id")


def messages_of(*, scope: Scope, recording: str) -> Sequence[Message]:
    """Return what was sent about one recording, newest first."""
    return list(messages(scope=scope).filter(recording_id=recording)[:50])
