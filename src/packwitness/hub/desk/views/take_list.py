"""The list of films that is also the search."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from packwitness.hub.audit import operations as audit
from packwitness.hub.desk.csv_lines import csv_line, csv_start
from packwitness.hub.desk.views.paging import page_of
from packwitness.hub.orders.models import Order
from packwitness.hub.recordings import losses, queries
from packwitness.hub.recordings.models import Take, TakeState
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.stations import queries as stations
from packwitness.hub.watch.page import clock

SHORTEST_SEARCH = 3
EXPORT_LIMIT = 100_000
POLL_SECONDS = 1


@dataclass(frozen=True)
class Line:
    """One take in the list."""

    take: Take
    order: Order | None
    waits: bool
    length: str
    lost: str


@require_safe
def takes(request: ScopedRequest) -> HttpResponse:
    """List and search takes. Asked by htmx it gives the rows alone, or 204 while nothing has changed."""
    access.require(request.scope, "film.view")
    text = request.GET.get("q", "").strip()
    too_short = 0 < len(text) < SHORTEST_SEARCH
    found = _asked_for(request, "" if too_short else text)
    page = page_of(request, found.prefetch_related("spans__recording__shipment__order"))
    now = timezone.now()
    lines = [_line(row, now) for row in page.object_list]
    fingerprint = _fingerprint(page, lines)
    partial = bool(request.headers.get("HX-Request"))
    if partial and request.GET.get("seen") == fingerprint:
        return HttpResponse(status=204)
    shown = {
        "page": page,
        "rows": lines,
        "fingerprint": fingerprint,
        "poll_seconds": POLL_SECONDS,
        # Only an empty list asks.
        "has_bench": not lines and bool(stations.benches(scope=request.scope)),
        "filtered": bool(text or request.GET.get("state") or request.GET.get("bench")),
    }
    if partial:
        return render(request, "desk/takes_list.html", shown)
    if text and not too_short:
        audit.record(
            scope=request.scope,
            action="film.searched",
            subject="takes",
            # What was searched for may be a person's number: only how it went is kept.
            detail={"characters": len(text), "found": page.paginator.count},
            at=now,
        )
        if page.paginator.count == 1:
            return redirect("desk:take", take=lines[0].take.id)
    benches = stations.benches(scope=request.scope)
    more = {
        "text": text,
        "too_short": too_short,
        "benches": benches,
        "bench": request.GET.get("bench", ""),
        "states": TakeState.choices,
        "state": request.GET.get("state", ""),
    }
    return render(request, "desk/takes.html", shown | more)


@require_safe
def takes_csv(request: ScopedRequest) -> StreamingHttpResponse:
    """Export the list as it is filtered."""
    access.require(request.scope, "film.view")
    found = _asked_for(request, request.GET.get("q", "").strip())
    # Collected before it is sent: under ASGI the rows could not be read while the answer is under way.
    answer = StreamingHttpResponse(list(_csv(found[:EXPORT_LIMIT])), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="films.csv"'
    audit.record(scope=request.scope, action="film.listed", subject="takes", at=timezone.now())
    return answer


def _asked_for(request: ScopedRequest, text: str) -> QuerySet[Take]:
    state, bench = request.GET.get("state", ""), request.GET.get("bench", "")
    return queries.takes(scope=request.scope, text=text, state=state, bench=bench)


def _line(row: Take, at: datetime) -> Line:
    span = next(iter(row.spans.all()), None)
    shipment = span.recording.shipment if span else None
    return Line(
        take=row,
        order=shipment.order if shipment else None,
        waits=queries.waits_for_station(row, at=at),
        length=clock(row.duration_ms / 1000) if row.duration_ms is not None else "",
        lost=losses.of_take(row),
    )


def _fingerprint(page: "Page[Take]", lines: list[Line]) -> str:
    """Return what changes when the list would look different."""
    seen = "|".join(
        f"{line.take.id} {line.take.state} {line.take.outcome} {line.waits}"
        f" {line.length} {line.order.number if line.order else ''}"
        for line in lines
    )
    return hashlib.sha256(f"{page.number} {page.paginator.count} {seen}".encode()).hexdigest()[:16]


def _csv(found: QuerySet[Take]) -> Iterator[str]:
    yield csv_start(
        [
            "take",
            "bench",
            "kind",
            "code",
            "order",
            "state",
            "outcome",
            "started_at",
            "stopped_at",
            "sealed_at",
        ]
    )
    now = timezone.now()
    for row in found.prefetch_related("spans__recording__shipment__order").iterator(chunk_size=500):
        order = _line(row, now).order
        times = (
            moment.isoformat() if moment else "" for moment in (row.started_at, row.stopped_at, row.sealed_at)
        )
        cells = [row.id, row.bench.name, row.kind, row.code, order.number if order else ""]
        yield csv_line([*cells, row.state, row.outcome, *times])
