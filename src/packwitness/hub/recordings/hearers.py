"""What recordings hear of (docs/design/hub.md, "outbox")."""

from django.db import transaction

from packwitness.hub.outbox.heard import HeardEvent
from packwitness.hub.recordings import filing
from packwitness.hub.scope.scope import task_scope


def on_order_changed(event: HeardEvent) -> None:
    """Bind what was filmed before its order was known."""
    with transaction.atomic():
        filing.bind_codes(scope=task_scope(event.organisation_id, "recordings"), codes=event.body["codes"])
