from django.apps import AppConfig


class DeskConfig(AppConfig):
    """The room ``desk``."""

    name = "packwitness.hub.desk"
    label = "desk"
