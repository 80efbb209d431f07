from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The room ``audit``."""

    name = "packwitness.hub.audit"
    label = "audit"
