from django.apps import AppConfig


class BundlesConfig(AppConfig):
    """The room ``bundles``."""

    name = "packwitness.hub.bundles"
    label = "bundles"
