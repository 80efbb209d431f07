from django.apps import AppConfig


class RecordingsConfig(AppConfig):
    """The room ``recordings``."""

    name = "packwitness.hub.recordings"
    label = "recordings"
