"""What messages hear of (docs/design/hub.md, "outbox")."""

from packwitness.hub.notify import operations
from packwitness.hub.outbox.heard import HeardEvent
from packwitness.hub.recordings import queries as recordings
from packwitness.hub.scope.scope import task_scope


def on_take_sealed(event: HeardEvent) -> None:
    """Tell the buyer that their parcel was packed; a take cut short or thrown away is not told."""
    recording = event.body.get("recording")
    if event.body.get("outcome") == "completed" and recording:
        scope = task_scope(event.organisation_id, "notify")
        operations.tell_buyer(scope=scope, recording=recording, at=event.at)


def on_order_changed(event: HeardEvent) -> None:
    """Tell the buyer of what was packed before the order was known."""
    scope = task_scope(event.organisation_id, "notify")
    for recording in recordings.finished_for_codes(scope=scope, codes=event.body["codes"]):
        operations.tell_buyer(scope=scope, recording=recording.id, at=event.at)
