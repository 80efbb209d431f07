from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from packwitness.hub.scope.owned import Owned


class Certificate(Owned):
    """A certificate that this hub has signed for an organisation: its own, the hub's, a station's."""

    subject_kind = models.CharField(max_length=20)
    subject_id = models.CharField(max_length=64)
    key_id = models.CharField(max_length=80)
    statement = models.JSONField()

    class Meta:
        constraints = (
            # An organisation's key never changes in place; a station may be enrolled again with another key.
            models.UniqueConstraint(
                fields=("organisation",),
                condition=models.Q(subject_kind="organisation"),
                name="notary_one_root",
            ),
            models.UniqueConstraint(
                fields=("organisation", "key_id", "subject_kind"), name="notary_certified_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id}"


class Log(models.Model):
    """The hub's one log. Its row lock puts all appends in one line, so that indices have no gap.

    ``frontier`` holds the roots of the perfect subtrees that the tree is made of, 32 bytes each, largest
    first. ``signing_since`` says when a checkpoint was last asked for that is not signed yet.
    """

    THE_ONE: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True)
    origin = models.CharField(max_length=200)
    hub_key = models.CharField(max_length=80)
    size = models.PositiveBigIntegerField(default=0)
    frontier = models.BinaryField(max_length=64 * 32, default=bytes)
    signing_since = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="notary_one_log"),)

    def __str__(self) -> str:
        return self.origin


class LogEntry(models.Model):
    """Leaf ``index`` of the log: a manifest's digest. Nothing else is known of it here."""

    index = models.PositiveBigIntegerField(primary_key=True)
    manifest = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return f"{self.index} {self.manifest}"


class LogNode(models.Model):
    """The root of the perfect subtree over leaves ``index * 2**level`` and the following ``2**level``."""

    level = models.PositiveSmallIntegerField()
    index = models.PositiveBigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("level", "index"), name="notary_node"),)

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class Checkpoint(models.Model):
    """The log's signed state at one size."""

    size = models.PositiveBigIntegerField(primary_key=True)
    note = models.TextField()
    signed_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.size)


class StampState(models.TextChoices):
    """How far a checkpoint's time stamp is."""

    WAITING = "waiting", _("Waiting for the authority")
    STAMPED = "stamped", _("Stamped")
    FAILED = "failed", _("The authority did not answer as it should; it is asked again")


class TimeStamp(models.Model):
    """An authority's answer over a checkpoint, or why there is none yet."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="stamps")
    url = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=StampState, default=StampState.WAITING)
    token = models.BinaryField(default=bytes)
    chain = models.TextField(blank=True)
    authority = models.CharField(max_length=200, blank=True)
    moment = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("checkpoint", "url"), name="notary_one_stamp_per_authority"),
        )
        indexes = (
            models.Index(
                fields=("asked_at",), condition=~models.Q(state="stamped"), name="notary_stamp_unfinished"
            ),
        )

    def __str__(self) -> str:
        return f"{self.checkpoint_id} {self.state}"
