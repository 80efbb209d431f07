from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from packwitness.hub.orders.models import Shipment
from packwitness.hub.scope.owned import Owned
from packwitness.hub.stations.models import Bench

if TYPE_CHECKING:
    # Only the type checker needs it.
    from django.db.models.fields.related_descriptors import RelatedManager


class TakeState(models.TextChoices):
    """How far a take is."""

    RECORDING = "recording", _("Recording")
    SEALED = "sealed", _("Sealed")
    DELETED = "deleted", _("Deleted")


class FilmState(models.TextChoices):
    """What the vault holds of a take: the parts as they came, or one film a camera."""

    PARTS = "parts", _("Parts")
    JOINED = "joined", _("Joined")


class Outcome(models.TextChoices):
    """How a take ended; empty while it runs."""

    COMPLETED = "completed", _("Completed")
    INTERRUPTED = "interrupted", _("Interrupted")
    DISCARDED = "discarded", _("Discarded")


class Kind(models.TextChoices):
    """What was filmed. A station may send a kind that is not listed; it is shown as it is."""

    PACKING = "packing", _("Packing")
    RECEIVING = "receiving", _("Receiving")
    INSPECTION = "inspection", _("Inspection")
    RETURN = "return", _("Return")


class Take(Owned):
    """One continuous filming, under the id that the station gave it (``<bench id>-<n>``).

    ``cameras`` is a list of ``{"id", "name"}``; from the seal on each also has ``codec width height timescale
    offset_ms size parts inits duration_ms`` and what is missing (``losses``). ``events`` are the manifest's.
    ``verdict`` is ``Verdict.to_value()`` of the check at the seal, ``receipt`` the receipt statement. What
    the vault holds is said by its names, not by rows.
    """

    bench = models.ForeignKey(Bench, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=64, default=Kind.PACKING)
    code = models.CharField(max_length=200)
    code_kind = models.CharField(max_length=64, default="tracking_number")
    code_key = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=TakeState, default=TakeState.RECORDING)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    started_at = models.DateTimeField()
    film_from = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    film_until = models.DateTimeField(null=True)
    start_digest = models.CharField(max_length=64)
    last_part_at = models.DateTimeField(null=True)
    cameras = models.JSONField(default=list)
    events = models.JSONField(default=list)
    manifest_digest = models.CharField(max_length=64, blank=True)
    receipt = models.JSONField(null=True)
    verdict = models.JSONField(null=True)
    film_state = models.CharField(max_length=10, choices=FilmState, default=FilmState.PARTS)
    sealed_at = models.DateTimeField(null=True)
    joined_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        spans: RelatedManager["Span"]

    class Meta:
        constraints = (models.UniqueConstraint(fields=("bench", "number"), name="recordings_take_number"),)
        indexes = (
            models.Index(fields=("organisation", "-started_at"), name="recordings_take_newest"),
            models.Index(fields=("organisation", "code_key"), name="recordings_take_code"),
            models.Index(
                fields=("sealed_at",),
                condition=models.Q(state="sealed", film_state="parts"),
                name="recordings_unjoined",
            ),
            models.Index(
                fields=("last_part_at",), condition=models.Q(state="recording"), name="recordings_running"
            ),
        )

    def __str__(self) -> str:
        return self.id

    def camera(self, camera: str) -> dict[str, Any] | None:
        """Return the entry of one camera in ``cameras``."""
        return next((one for one in self.cameras if one["id"] == camera), None)

    @property
    def duration_ms(self) -> int | None:
        """How long the film is; None while it runs."""
        return (
            None
            if self.film_until is None
            else round((self.film_until - self.film_from).total_seconds() * 1000)
        )


class Recording(Owned):
    """What is filed under a code. ``series`` counts parcels that carried the same number: couriers use them
    again.
    """

    kind = models.CharField(max_length=64, default=Kind.PACKING)
    code = models.CharField(max_length=200)
    code_kind = models.CharField(max_length=64, default="tracking_number")
    code_key = models.CharField(max_length=200)
    series = models.PositiveIntegerField(default=1)
    shipment = models.ForeignKey(Shipment, null=True, on_delete=models.SET_NULL, related_name="+")
    filmed_at = models.DateTimeField()

    if TYPE_CHECKING:
        spans: RelatedManager["Span"]

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organisation", "kind", "code_key", "series"), name="recordings_filed_once"
            ),
        )
        indexes = (
            models.Index(fields=("organisation", "code_key"), name="recordings_by_code"),
            models.Index(fields=("shipment",), name="recordings_by_shipment"),
            models.Index(fields=("organisation", "-filmed_at"), name="recordings_newest"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"


class Span(Owned):
    """The part of a take that shows one parcel, in ms after the take's ``film_from``; open while the take
    runs.
    """

    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="spans")
    take = models.ForeignKey(Take, on_delete=models.PROTECT, related_name="spans")
    from_ms = models.BigIntegerField(default=0)
    to_ms = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("take__started_at", "id")
        constraints = (
            models.UniqueConstraint(fields=("recording", "take"), name="recordings_one_span_per_take"),
        )

    def __str__(self) -> str:
        return f"{self.take_id} {self.from_ms}–{self.to_ms}"


class Disclosure(Owned):
    """The value behind a commitment in a take's manifest. Deleting the row forgets the value and breaks no
    proof.
    """

    take = models.ForeignKey(Take, on_delete=models.CASCADE, related_name="disclosures")
    commitment = models.CharField(max_length=64)
    salt = models.CharField(max_length=64)
    value = models.CharField(max_length=1000)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("take", "commitment"), name="recordings_disclosed_once"),
        )

    def __str__(self) -> str:
        return self.commitment


class RenditionState(models.TextChoices):
    """How far a copy for viewing is."""

    WAITING = "waiting", _("Waiting")
    CONVERTING = "converting", _("Converting")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")


class Rendition(Owned):
    """A camera's film converted for browsers that cannot show the original; asked for, then made once.

    ``done`` of ``total`` parts are converted. While it is ``converting``, ``claim`` names who does it, until
    ``lease_until``. Once it is ready, ``original_sha256``, ``sha256`` and ``size`` name the bytes, and
    ``statement_digest`` what the hub has signed about them. ``reason`` is a code for why there is none.
    """

    take = models.ForeignKey(Take, on_delete=models.CASCADE, related_name="renditions")
    camera = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=RenditionState, default=RenditionState.WAITING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=40, blank=True)
    failed_at = models.DateTimeField(null=True)
    original_sha256 = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    codec = models.CharField(max_length=40, blank=True)
    encoder = models.CharField(max_length=200, blank=True)
    settings = models.CharField(max_length=200, blank=True)
    statement_digest = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("take", "camera"), name="recordings_one_rendition_a_film"),
        )
        indexes = (
            models.Index(
                fields=("created_at",),
                condition=models.Q(state__in=("waiting", "converting")),
                name="recordings_unconverted",
            ),
        )

    def __str__(self) -> str:
        return f"{self.take_id} {self.camera}"
