"""The buyer's page and what it plays. Each view opens the link first; a closed one is told nothing."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_safe

from packwitness.hub.audit import operations as audit
from packwitness.hub.bundles import views as bundles
from packwitness.hub.links import operations as link_operations
from packwitness.hub.links import queries as links
from packwitness.hub.links.queries import Closed, Opened
from packwitness.hub.notary import queries as notary
from packwitness.hub.recordings import playback_views as media
from packwitness.hub.recordings import renditions, stored
from packwitness.hub.ui.addresses import client_address
from packwitness.hub.watch import page
from packwitness.hub.watch.copies import Copy, copy_of
from packwitness.hub.watch.names import courier_name
from packwitness.hub.watch.page import Showing, View

LIVE_POLL_SECONDS = 1
ONE_VIEWING = timedelta(minutes=10)


def opened[**More](
    view: Callable[Concatenate[HttpRequest, Opened, More], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Hand the view what the token opens; a closed link gets a friendly page: 404 unknown, 410 over."""

    @login_not_required
    @require_safe
    @wraps(view)
    def with_link(
        request: HttpRequest, token: str, *args: More.args, **kwargs: More.kwargs
    ) -> HttpResponseBase:
        found = links.resolve(token, at=timezone.now())
        answer = (
            _closed(request, found) if isinstance(found, Closed) else view(request, found, *args, **kwargs)
        )
        # The address is the key: it must not travel on in a Referer, and no search engine may keep it.
        answer["Referrer-Policy"] = "no-referrer"
        answer["X-Robots-Tag"] = "noindex, nofollow"
        return answer

    return with_link


@opened
def watch(request: HttpRequest, found: Opened, token: str = "") -> HttpResponse:
    """Show the page."""
    recording = found.link.recording
    order = page.order_of(recording)
    showings = page.showings(recording)
    link_operations.record_view(
        link=found.link,
        address=client_address(request),
        agent=request.headers.get("User-Agent", ""),
        at=timezone.now(),
    )
    audit.record(
        scope=found.scope, action="page.viewed", subject=f"recording:{recording.id}", at=timezone.now()
    )
    with translation.override(_language(request, order.buyer_language if order else "")):
        chosen = _chosen(showings, request.GET.get("take"))
        view = chosen.view(request.GET.get("camera")) if chosen else None
        if chosen and view and "copy" in request.GET:
            # Somebody without scripts asked for it by name; a page that is merely opened asks for nothing.
            renditions.ask(take=chosen.take, camera=view.id, at=timezone.now())
        answer = render(
            request,
            "watch/page.html",
            {
                "shop": recording.organisation.name,
                "recording": recording,
                "shipment": recording.shipment,
                "courier": courier_name(recording.shipment.courier) if recording.shipment else "",
                "order": order,
                "goods": list(order.lines.all()) if order else [],
                "showings": showings,
                "showing": chosen,
                "whole": chosen is not None and whole(chosen),
                "view": view,
                "codec": stored.codec(chosen.take, view.id) if chosen and view else "",
                "copy": _copy(request, chosen, view),
                "losses": chosen.losses(view) if chosen and view else "",
                "chapters": chosen.chapters(view) if chosen and view and chosen.playable else [],
                "verdict": _verdict(chosen, recording.organisation_id),
                "fingerprint": notary.organisation_fingerprint(organisation_id=recording.organisation_id),
                "languages": settings.LANGUAGES,
                "token": _token(request),
                "expires_at": found.link.expires_at,
                "poll_seconds": LIVE_POLL_SECONDS,
            },
        )
    answer["Cache-Control"] = "private, no-store"
    if (wanted := request.GET.get("lang")) in dict(settings.LANGUAGES):
        # Not by a form: without a Referer a browser posts as nobody, which the CSRF check refuses.
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            str(wanted),
            httponly=True,
            samesite="Lax",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
    return answer


@opened
def state(request: HttpRequest, found: Opened, take: str) -> HttpResponse:
    """Say how far a take is, and in what its ``?camera=`` films, for a page that plays it while it runs."""
    showing = _showing(found, take)
    view = showing.view(request.GET.get("camera"))
    codec = stored.codec(showing.take, view.id) if view else ""
    answer = JsonResponse({"state": showing.take.state, "codec": codec})
    answer["Cache-Control"] = "private, no-store"
    return answer


@opened
def film(request: HttpRequest, found: Opened, take: str, camera: str) -> HttpResponseBase:
    """Serve the link's part of one camera's film; with ``?download`` as a file to keep."""
    showing = _showing(found, take)
    name = f"{take}-{camera}.mp4" if "download" in request.GET else ""
    answer = media.film_view(request, showing.take, _camera(showing, camera), showing.window, name=name)
    if answer.status_code in (200, 206):
        _record(found, take, "film.downloaded" if name else "film.viewed", camera)
    return answer


@opened
def copy(request: HttpRequest, found: Opened, take: str, camera: str) -> HttpResponseBase:
    """Serve the link's part of a film's copy, for browsers that cannot show the original."""
    showing = _showing(found, take)
    answer = media.copy_view(request, showing.take, _camera(showing, camera), showing.window)
    if answer.status_code in (200, 206):
        _record(found, take, "film.viewed", camera)
    return answer


@opened
def copy_state(request: HttpRequest, found: Opened, take: str, camera: str) -> HttpResponseBase:
    """Have that copy made, and say how far it is. Asked again, it changes nothing."""
    showing = _showing(found, take)
    source = reverse("watch:copy", args=[_token(request), take, camera])
    return media.copy_state_view(showing.take, _camera(showing, camera), source=source, at=timezone.now())


@opened
def copy_record(request: HttpRequest, found: Opened, take: str, camera: str) -> HttpResponseBase:
    """Serve what the hub has signed about that copy; it tells of the whole film, as the bundle does."""
    del request
    showing = _showing(found, take)
    if not whole(showing):
        raise Http404("The whole film shows another parcel too, so what is said of it stays with the shop.")
    return media.copy_record_view(showing.take, _camera(showing, camera))


@opened
def playlist(request: HttpRequest, found: Opened, take: str, camera: str) -> HttpResponseBase:
    """Serve the HLS playlist of a running take."""
    showing = _showing(found, take)
    answer = media.playlist_view(request, showing.take, _camera(showing, camera), showing.window)
    _record(found, take, "film.viewed_live", camera)
    return answer


@opened
def segment(
    request: HttpRequest, found: Opened, take: str, camera: str, first: int, last: int
) -> HttpResponseBase:
    """Serve a segment of that playlist."""
    showing = _showing(found, take)
    return media.segment_view(request, showing.take, _camera(showing, camera), first, last, showing.window)


@opened
def init(request: HttpRequest, found: Opened, take: str, camera: str, number: int) -> HttpResponseBase:
    """Serve an init segment of that playlist."""
    showing = _showing(found, take)
    return media.init_view(request, showing.take, _camera(showing, camera), number)


@opened
def captions(request: HttpRequest, found: Opened, take: str, camera: str, language: str) -> HttpResponseBase:
    """Serve the captions beside a film."""
    showing = _showing(found, take)
    camera = _camera(showing, camera)
    return media.captions_view(request, showing.take, _known(language), showing.window, camera=camera)


@opened
def chapters(request: HttpRequest, found: Opened, take: str, camera: str, language: str) -> HttpResponseBase:
    """Serve the chapters beside a film."""
    showing = _showing(found, take)
    camera = _camera(showing, camera)
    return media.chapters_view(request, showing.take, _known(language), showing.window, camera=camera)


@opened
def bundle(request: HttpRequest, found: Opened, take: str) -> HttpResponseBase:
    """Serve the evidence bundle, if the whole take belongs to this parcel."""
    showing = _showing(found, take)
    if not whole(showing):
        raise Http404("The whole film shows another parcel too, so its bundle stays with the shop.")
    return bundles.bundle_view(request, showing.take, scope=found.scope)


def whole(showing: Showing) -> bool:
    """Whether a link to this part may open the whole take: nothing of it lies outside."""
    window, take = showing.window, showing.take
    return window.from_ms <= 0 and (
        window.to_ms is None or take.duration_ms is None or window.to_ms >= take.duration_ms
    )


def _record(found: Opened, take: str, action: str, camera: str) -> None:
    """Record that somebody looks, once for each opening and not for each range that the player asks for."""
    seen = f"viewing:link:{found.link.id}:{take}:{camera}:{action}"
    if cache.add(seen, True, ONE_VIEWING.total_seconds()):
        detail = {"camera": camera}
        audit.record(
            scope=found.scope, action=action, subject=f"take:{take}", detail=detail, at=timezone.now()
        )


def _closed(request: HttpRequest, why: Closed) -> HttpResponse:
    with translation.override(_language(request, "")):
        status = 404 if why == Closed.UNKNOWN else 410
        answer = render(request, "watch/closed.html", {"why": why.value}, status=status)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _showing(found: Opened, take: str) -> Showing:
    for showing in page.showings(found.link.recording):
        if showing.take.id == take and not showing.deleted:
            return showing
    raise Http404("This link opens no such film.")


def _camera(showing: Showing, camera: str) -> str:
    if all(view.id != camera for view in showing.views):
        raise Http404("This film has no such camera.")
    return camera


def _chosen(showings: list[Showing], take: str | None) -> Showing | None:
    return next((one for one in showings if one.take.id == take), showings[0] if showings else None)


def _verdict(showing: Showing | None, organisation_id: str) -> list[page.Line]:
    if showing is None or not showing.playable:
        return []
    fingerprint = notary.organisation_fingerprint(organisation_id=organisation_id)
    return page.verdict_lines(showing.take, fingerprint)


def _copy(request: HttpRequest, showing: Showing | None, view: View | None) -> Copy | None:
    """Return what the page says and does where a browser cannot show the original."""
    if showing is None or view is None or not showing.playable:
        return None
    names = [_token(request), showing.take.id, view.id]
    return copy_of(
        renditions.offer(showing.take, view.id),
        source=reverse("watch:copy", args=names),
        state=reverse("watch:copy_state", args=names),
        record=reverse("watch:copy_record", args=names) if whole(showing) else "",
        original=reverse("watch:film", args=names) + "?download",
        ask=f"?take={showing.take.id}&camera={view.id}&copy=1",
    )


def _known(language: str) -> str:
    if language not in dict(settings.LANGUAGES):
        raise Http404("There are no captions in this language.")
    return language


def _token(request: HttpRequest) -> str:
    match: Any = request.resolver_match
    return str(match.kwargs["token"])


def _language(request: HttpRequest, preferred: str) -> str:
    """Return the page's language: what the reader chose, else the buyer's, else the browser's."""
    known = dict(settings.LANGUAGES)
    for wanted in (request.GET.get("lang"), request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME), preferred):
        if wanted in known:
            return str(wanted)
    return translation.get_language_from_request(request)


def path_of(token: str) -> str:
    """Return the page's path."""
    return reverse("watch:page", args=[token])
