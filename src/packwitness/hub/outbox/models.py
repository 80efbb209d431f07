from django.db import models

from packwitness.hub.scope.ids import new_id


class Event(models.Model):
    """Something that happened, stored in the transaction that made it happen."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    organisation_id = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    subject = models.CharField(max_length=200)
    body = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        ordering = ("at", "id")
        indexes = (models.Index(fields=("organisation_id", "subject", "at"), name="outbox_event_subject"),)

    def __str__(self) -> str:
        return f"{self.name} {self.subject}"


class Delivery(models.Model):
    """One event on its way to one hearer; ``delivered_at`` is empty until the hearer returned."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    hearer = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    enqueued_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(fields=("event", "hearer"), name="outbox_one_delivery_per_hearer"),
        )
        indexes = (
            models.Index(
                fields=("enqueued_at",), condition=models.Q(delivered_at=None), name="outbox_undelivered"
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_id} -> {self.hearer}"
