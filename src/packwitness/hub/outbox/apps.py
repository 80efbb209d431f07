from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """The room ``outbox``."""

    name = "packwitness.hub.outbox"
    label = "outbox"
