from django.apps import AppConfig


class UiConfig(AppConfig):
    """The room ``ui``."""

    name = "packwitness.hub.ui"
    label = "ui"
