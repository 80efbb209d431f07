from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """The room ``orders``."""

    name = "packwitness.hub.orders"
    label = "orders"
