from django.db import models
from django.utils.translation import gettext_lazy as _

from packwitness.hub.links.models import Link
from packwitness.hub.recordings.models import Recording
from packwitness.hub.scope.owned import Owned


class State(models.TextChoices):
    """Where a message stands. ``UNKNOWN``: it was handed over and no answer came; only a person sends it
    again.
    """

    QUEUED = "queued", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    RETRYING = "retrying", _("Failed, will be tried again")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Outcome unknown")


class Message(Owned):
    """One message to one person about one recording.

    There is at most one of a recording, channel and recipient: hearing the same event twice sends nothing
    twice. ``lease_until`` is set while a worker sends; a message found ``SENDING`` after it belongs to a
    worker that died.
    """

    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="+")
    link = models.ForeignKey(Link, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=20)
    recipient = models.CharField(max_length=254)
    language = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    reference = models.CharField(max_length=200, blank=True)
    last_answer = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("recording", "channel", "recipient"), name="notify_once"),
        )
        indexes = (
            models.Index(fields=("organisation", "-created_at"), name="notify_newest"),
            models.Index(fields=("state", "next_attempt_at"), name="notify_due"),
        )

    @property
    def can_be_sent_again(self) -> bool:
        """Whether a person may have it sent once more."""
        return self.state in (State.FAILED, State.UNKNOWN, State.RETRYING)

    def __str__(self) -> str:
        return f"{self.channel} {self.id} {self.state}"
