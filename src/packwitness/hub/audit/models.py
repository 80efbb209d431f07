from typing import Any, NoReturn

from django.db import models

from packwitness.hub.scope.ids import new_id


class EntryQuerySet(models.QuerySet["Entry"]):
    """Refuses what would change the past."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("An audit entry is never changed.")

    def delete(self) -> NoReturn:
        raise AppendOnly("An audit entry is never deleted.")

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("An audit entry is never changed.")


class AppendOnly(Exception):
    """Somebody tried to change or delete an audit entry."""


class Entry(models.Model):
    """One thing that somebody did or looked at.

    ``organisation_id`` is a plain column: this room stands below the one that knows organisations.
    """

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    organisation_id = models.CharField(max_length=64)
    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64)
    actor_name = models.CharField(max_length=200)
    ip = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=("organisation_id", "-at"), name="audit_organisation_at"),
            models.Index(fields=("organisation_id", "subject", "-at"), name="audit_subject_at"),
        )

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new entry.

        Raises:
            AppendOnly: the entry is stored already.
        """
        if not self._state.adding:
            raise AppendOnly("An audit entry is never changed.")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("An audit entry is never deleted.")
