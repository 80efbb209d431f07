"""Films, live pictures and captions for signed-in members."""

from datetime import timedelta

from django.core.cache import cache
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from packwitness.hub.audit import operations as audit
from packwitness.hub.recordings import playback_views, queries
from packwitness.hub.recordings.models import Take
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest

ONE_VIEWING = timedelta(minutes=10)
"""A player asks for one film in many ranges: within this time they count as one viewing."""


@require_safe
def film(request: ScopedRequest, take: str, camera: str) -> HttpResponseBase:
    """A camera's film, whole; ``?download=1`` saves it under a telling name."""
    row = _take(request, take)
    name = f"{row.id}-{camera}.mp4" if request.GET.get("download") else ""
    answer = playback_views.film_view(request, row, camera, name=name)
    if answer.status_code in (200, 206):
        _record(request, row, "film.downloaded" if name else "film.viewed", camera)
    return answer


@require_safe
def copy(request: ScopedRequest, take: str, camera: str) -> HttpResponseBase:
    """A film's copy for browsers that cannot show the original."""
    row = _take(request, take)
    answer = playback_views.copy_view(request, row, camera)
    if answer.status_code in (200, 206):
        _record(request, row, "film.viewed", camera)
    return answer


@require_safe
def copy_state(request: ScopedRequest, take: str, camera: str) -> HttpResponse:
    """Have that copy made, and say how far it is. Asked again, it changes nothing."""
    row = _take(request, take)
    source = reverse("recordings:copy", args=[row.id, camera])
    return playback_views.copy_state_view(row, camera, source=source, at=timezone.now())


@require_safe
def copy_record(request: ScopedRequest, take: str, camera: str) -> HttpResponse:
    """What the hub has signed about that copy."""
    return playback_views.copy_record_view(_take(request, take), camera)


@require_safe
def playlist(request: ScopedRequest, take: str, camera: str) -> HttpResponse:
    """The HLS playlist of a running take."""
    row = _take(request, take)
    answer = playback_views.playlist_view(request, row, camera)
    _record(request, row, "film.viewed_live", camera)
    return answer


@require_safe
def segment(request: ScopedRequest, take: str, camera: str, first: int, last: int) -> HttpResponseBase:
    """A segment of that playlist."""
    return playback_views.segment_view(request, _take(request, take), camera, first, last)


@require_safe
def init(request: ScopedRequest, take: str, camera: str, number: int) -> HttpResponseBase:
    """An init segment of that playlist."""
    return playback_views.init_view(request, _take(request, take), camera, number)


@require_safe
def captions(request: ScopedRequest, take: str, language: str) -> HttpResponse:
    """Captions beside the film of ``?camera=``."""
    row = _take(request, take)
    return playback_views.captions_view(request, row, language, camera=request.GET.get("camera", ""))


@require_safe
def chapters(request: ScopedRequest, take: str, language: str) -> HttpResponse:
    """Chapters beside the film of ``?camera=``."""
    row = _take(request, take)
    return playback_views.chapters_view(request, row, language, camera=request.GET.get("camera", ""))


def _take(request: ScopedRequest, take: str) -> Take:
    access.require(request.scope, "film.view")
    return queries.take(scope=request.scope, take=take)


def _record(request: ScopedRequest, take: Take, action: str, camera: str) -> None:
    """Record that somebody looks, once for each opening and not for each range that the player asks for."""
    actor = request.scope.actor
    if cache.add(
        f"viewing:{actor.kind}:{actor.id}:{take.id}:{camera}:{action}", True, ONE_VIEWING.total_seconds()
    ):
        audit.record(
            scope=request.scope,
            action=action,
            subject=f"take:{take.id}",
            detail={"camera": camera},
            at=timezone.now(),
        )
