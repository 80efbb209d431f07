"""Benches and stations: how they are, and how a new one is added."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from packwitness.hub.desk import words
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.scope.scope import Scope
from packwitness.hub.stations import operations, queries
from packwitness.hub.stations.models import Bench
from packwitness.hub.tenants import queries as tenants
from packwitness.hub.watch.names import camera_name


class StationForm(forms.Form):
    """What an enrolment code is made for."""

    site = forms.ChoiceField(label=_("Site"))
    station = forms.CharField(
        label=_("Name of the station"), max_length=200, help_text=_("The computer near the cameras.")
    )
    benches = forms.CharField(
        label=_("Benches, one a line"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Each place where parcels are handled, such as “Bench 1”."),
    )

    def __init__(self, *args: object, scope: Scope) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # data or nothing, as Django's own form takes it
        sites = tenants.sites(scope=scope)
        self.fields["site"].choices = [(site.id, site.name) for site in sites]  # type: ignore[attr-defined]  # a ChoiceField


@require_http_methods(["GET", "HEAD", "POST"])
def benches(request: ScopedRequest) -> HttpResponse:
    """Show benches and stations; a posted form makes an enrolment code, which is shown this once."""
    access.require(request.scope, "bench.view")
    may_add = access.allows(request.scope, "bench.manage")
    now = timezone.now()
    form = StationForm(*([request.POST] if request.method == "POST" else []), scope=request.scope)
    code = ""
    if request.method == "POST" and form.is_valid():
        try:
            _row, code = operations.mint_enrolment_code(
                scope=request.scope,
                site_id=form.cleaned_data["site"],
                station_name=form.cleaned_data["station"],
                bench_names=form.cleaned_data["benches"].splitlines(),
                at=now,
            )
        except ValidationError as error:
            form.add_error(None, error)
    answer = render(
        request,
        "desk/benches.html",
        {
            "benches": [
                _shown(bench, silent=queries.is_silent(bench=bench, at=now))
                for bench in queries.benches(scope=request.scope)
            ],
            "stations": queries.stations(scope=request.scope),
            "open_codes": queries.open_codes(scope=request.scope, at=now) if may_add else (),
            "unended": queries.starts_without_end(scope=request.scope).count(),
            "form": form if may_add else None,
            "code": code,
            "hub": settings.BASE_URL,
        },
    )
    # A code on the page must not come back from a cache.
    answer["Cache-Control"] = "private, no-store"
    return answer


def _shown(bench: Bench, *, silent: bool) -> dict[str, Any]:
    """Return a bench with its cameras and warnings in words."""
    status = bench.status or {}
    return {
        "bench": bench,
        "silent": silent,
        "cameras_up": [camera_name(one) for one in status.get("cameras_up", ())],
        "cameras_down": [camera_name(one) for one in status.get("cameras_down", ())],
        "warnings": [words.warning(one) for one in status.get("warnings", ())],
    }
