"""The one table of who hears which event (docs/design/hub.md, "outbox").

Event name -> dotted paths of functions ``(HeardEvent) -> None`` in a room's ``hearers`` module. A hearer may
hear the same event twice, so it is idempotent.
"""

SUBSCRIBERS: dict[str, tuple[str, ...]] = {
    "take.started": (),
    "take.sealed": ("packwitness.hub.notify.hearers.on_take_sealed",),
    "film.joined": (),
    "order.changed": (
        "packwitness.hub.recordings.hearers.on_order_changed",
        "packwitness.hub.notify.hearers.on_order_changed",
    ),
    "order.cancelled": (),
}
