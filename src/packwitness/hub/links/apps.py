from django.apps import AppConfig


class LinksConfig(AppConfig):
    """The room ``links``."""

    name = "packwitness.hub.links"
    label = "links"
