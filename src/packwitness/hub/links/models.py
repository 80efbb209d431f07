from django.db import models

from packwitness.hub.recordings.models import Recording
from packwitness.hub.scope.owned import Owned


class Link(Owned):
    """Opens one watch page. Its token is computed from ``id`` (``token.py``), so the row holds nothing worth
    stealing.
    """

    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=200)

    class Meta:
        indexes = (models.Index(fields=("recording", "-created_at"), name="links_of_recording"),)

    def __str__(self) -> str:
        return f"to {self.recording_id} until {self.expires_at:%Y-%m-%d}"


class View(Owned):
    """The page behind a link was opened. The address is kept only as a keyed hash, enough to tell two viewers
    apart.
    """

    link = models.ForeignKey(Link, on_delete=models.PROTECT, related_name="+")
    viewer = models.CharField(max_length=32)
    agent = models.CharField(max_length=200)

    class Meta:
        indexes = (models.Index(fields=("link", "-created_at"), name="links_view_of_link"),)

    def __str__(self) -> str:
        return f"of {self.link_id} at {self.created_at:%Y-%m-%d %H:%M}"
