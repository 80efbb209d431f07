from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """The room ``tenants``."""

    name = "packwitness.hub.tenants"
    label = "tenants"
