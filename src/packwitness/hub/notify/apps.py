from django.apps import AppConfig


class NotifyConfig(AppConfig):
    """The room ``notify``."""

    name = "packwitness.hub.notify"
    label = "notify"
