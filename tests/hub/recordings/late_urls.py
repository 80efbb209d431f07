"""A page with a film that begins late, as a link with a window serves it."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

from packwitness.hub.config.urls import urlpatterns as hub
from packwitness.hub.recordings import playback_views
from packwitness.hub.recordings.layout import Window
from packwitness.hub.recordings.models import Take

LATE = Window(2500)
PAGE = """<!doctype html><title>late</title><video id="film" muted preload="auto" src="film.mp4">
<track default kind="captions" src="captions.vtt"></video>"""


@login_not_required
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


@login_not_required
def film(request: HttpRequest) -> HttpResponseBase:
    return playback_views.film_view(request, Take.objects.get(), "overhead", LATE)


@login_not_required
def captions(request: HttpRequest) -> HttpResponseBase:
    return playback_views.captions_view(request, Take.objects.get(), "en", LATE)


urlpatterns = [path("late/", page), path("late/film.mp4", film), path("late/captions.vtt", captions), *hub]
