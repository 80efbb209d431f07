from typing import TYPE_CHECKING

from django.db import models

from packwitness.hub.scope.owned import Owned
from packwitness.hub.tenants.models import Site

if TYPE_CHECKING:
    # Only the type checker needs it.
    from django.db.models.fields.related_descriptors import RelatedManager


class Station(Owned):
    """The program on a machine near the cameras. Its private key never leaves that machine."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    host_name = models.CharField(max_length=200, blank=True)
    public_key = models.BinaryField(max_length=32)
    key_id = models.CharField(max_length=80)
    certificate = models.JSONField()
    token_hash = models.CharField(max_length=64, unique=True)
    software = models.CharField(max_length=200, blank=True)
    last_seen_at = models.DateTimeField(null=True)
    clock_offset_ms = models.BigIntegerField(null=True)
    disk_free_bytes = models.BigIntegerField(null=True)
    revoked_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        benches: RelatedManager["Bench"]

    def __str__(self) -> str:
        return self.name


class Bench(Owned):
    """A place where parcels are handled. ``status`` is the last ``BenchStatus`` its station reported."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="benches")
    name = models.CharField(max_length=200)
    status = models.JSONField(default=dict)
    last_seen_at = models.DateTimeField(null=True)
    journal_next = models.PositiveBigIntegerField(default=1)

    class Meta:
        verbose_name_plural = "benches"

    def __str__(self) -> str:
        return self.name


class EnrolmentCode(Owned):
    """Makes one machine a station, once, within the hour."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    station_name = models.CharField(max_length=200)
    bench_names = models.JSONField()
    code_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"for {self.station_name}"


class JournalEntry(Owned):
    """One signed entry of a bench's journal, as the station sent it."""

    bench = models.ForeignKey(Bench, on_delete=models.PROTECT, related_name="journal")
    n = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)
    kind = models.CharField(max_length=20)
    take = models.CharField(max_length=64, blank=True)
    utc = models.CharField(max_length=30)
    statement = models.JSONField()

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = (models.UniqueConstraint(fields=("bench", "n"), name="stations_journal_n"),)
        indexes = (models.Index(fields=("bench", "take"), name="stations_journal_take"),)

    def __str__(self) -> str:
        return f"{self.bench_id} {self.n} {self.kind}"
