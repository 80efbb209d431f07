from django.apps import AppConfig


class VaultConfig(AppConfig):
    """The room ``vault``."""

    name = "packwitness.hub.vault"
    label = "vault"
