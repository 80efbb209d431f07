"""The base of every row that belongs to an organisation."""

from django.db import models

from packwitness.hub.scope.ids import new_id


class Owned(models.Model):
    """A row of one organisation. Reach it through ``scope.access`` and nowhere else.

    ``created_at`` has no default: time is a parameter, whoever creates the row says when.
    """

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    organisation = models.ForeignKey("tenants.Organisation", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(editable=False)

    class Meta:
        abstract = True
