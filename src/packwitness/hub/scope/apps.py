from django.apps import AppConfig


class ScopeConfig(AppConfig):
    """The room ``scope``."""

    name = "packwitness.hub.scope"
    label = "scope"
