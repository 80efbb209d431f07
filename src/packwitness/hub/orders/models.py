from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from packwitness.hub.scope.owned import Owned
from packwitness.hub.tenants.models import Organisation

if TYPE_CHECKING:
    # Only the type checker needs it.
    from django.db.models.fields.related_descriptors import RelatedManager


class Status(models.TextChoices):
    """Where an order stands, as far as packing is concerned."""

    OPEN = "open", _("Open")
    CANCELLED = "cancelled", _("Cancelled")


class Order(Owned):
    """What a buyer bought. ``seq`` grows with every change, so that a station can ask for what is new."""

    number = models.CharField(max_length=200)
    channel = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    buyer_name = models.CharField(max_length=200, blank=True)
    buyer_email = models.CharField(max_length=254, blank=True)
    buyer_phone = models.CharField(max_length=50, blank=True)
    phone_digits = models.CharField(max_length=50, blank=True)
    buyer_language = models.CharField(max_length=10, blank=True)
    placed_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()
    seq = models.PositiveBigIntegerField()

    if TYPE_CHECKING:
        lines: RelatedManager["OrderLine"]
        shipments: RelatedManager["Shipment"]

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("organisation", "channel", "number"), name="orders_number"),
            models.UniqueConstraint(fields=("organisation", "seq"), name="orders_seq"),
        )
        indexes = (
            models.Index(fields=("organisation", "number"), name="orders_by_number"),
            models.Index(fields=("organisation", "phone_digits"), name="orders_by_phone"),
        )

    def __str__(self) -> str:
        return self.number


class OrderLine(Owned):
    """One product of an order."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    sku = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    image_url = models.CharField(max_length=2000, blank=True)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("order", "position"), name="orders_line_position"),)

    def __str__(self) -> str:
        return f"{self.quantity} x {self.name}"


class Shipment(Owned):
    """A parcel of an order. ``code_key`` is the tracking number as it is compared."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="shipments")
    position = models.PositiveIntegerField()
    courier = models.CharField(max_length=100, blank=True)
    tracking_number = models.CharField(max_length=200)
    code_key = models.CharField(max_length=200)

    class Meta:
        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("order", "code_key"), name="orders_shipment_code"),)
        indexes = (models.Index(fields=("organisation", "code_key"), name="orders_by_code"),)

    def __str__(self) -> str:
        return self.tracking_number


class OrderCounter(models.Model):
    """The last ``seq`` given in an organisation. Its row lock puts an organisation's changes in one line, so
    that a
    station that has read up to a ``seq`` never misses a smaller one committed later."""

    organisation = models.OneToOneField(
        Organisation, primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    last = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.last)
