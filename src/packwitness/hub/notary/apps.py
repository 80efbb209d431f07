from django.apps import AppConfig


class NotaryConfig(AppConfig):
    """The room ``notary``."""

    name = "packwitness.hub.notary"
    label = "notary"
