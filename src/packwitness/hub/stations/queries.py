from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope
from packwitness.hub.stations.models import Bench, EnrolmentCode, JournalEntry, Station

SILENT_AFTER = timedelta(seconds=35)
"""Three heartbeats missed and a little."""


def stations(*, scope: Scope) -> QuerySet[Station]:
    """Return the organisation's stations that are not revoked, by name, each with its site."""
    return access.rows(Station, scope).filter(revoked_at=None).select_related("site").order_by("name", "id")


def station(*, scope: Scope, station_id: str) -> Station:
    """Return one station, or raise ``Http404``."""
    return access.one(Station, scope, pk=station_id)


def benches(*, scope: Scope) -> QuerySet[Bench]:
    """Return the organisation's benches by site and name, each with both."""
    found = access.rows(Bench, scope).select_related("site", "station").filter(station__revoked_at=None)
    return found.order_by("site__name", "name", "id")


def bench(*, scope: Scope, bench_id: str) -> Bench:
    """Return one bench with its station, or raise ``Http404``."""
    return access.one(Bench, scope, pk=bench_id)


def open_codes(*, scope: Scope, at: datetime) -> QuerySet[EnrolmentCode]:
    """Return enrolment codes that still open something, the newest first."""
    return (
        access.rows(EnrolmentCode, scope)
        .filter(used_at=None, expires_at__gt=at)
        .select_related("site")
        .order_by("-created_at")
    )


def is_silent(*, bench: Bench, at: datetime) -> bool:
    """Say whether the bench's station has missed its heartbeats."""
    return bench.last_seen_at is None or at - bench.last_seen_at > SILENT_AFTER


def journal(*, scope: Scope, bench_id: str) -> QuerySet[JournalEntry]:
    """Return a bench's stored journal from the first entry on."""
    return access.rows(JournalEntry, scope).filter(bench_id=bench_id).order_by("n")


def starts_without_end(*, scope: Scope) -> QuerySet[JournalEntry]:
    """Return start entries whose take has neither been sealed nor discarded in the journal: running, or
    missing.
    """
    ended = JournalEntry.objects.filter(
        bench=OuterRef("bench"), take=OuterRef("take"), kind__in=("seal", "discard")
    )
    started = access.rows(JournalEntry, scope).filter(kind="start")
    return started.exclude(Exists(ended)).order_by("bench", "n")
