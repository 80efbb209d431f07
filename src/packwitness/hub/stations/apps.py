from django.apps import AppConfig


class StationsConfig(AppConfig):
    """The room ``stations``."""

    name = "packwitness.hub.stations"
    label = "stations"
