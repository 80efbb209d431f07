from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from packwitness.hub.tenants import queries
from packwitness.hub.ui.addresses import client_address

CHOSEN = "organisation"
"""Session key: the organisation that a person of several has chosen."""

OWN_AUTHORISATION = ("/api/",)
"""Under these the caller proves who they are on each call, or the view says otherwise itself."""

WITHOUT_ORGANISATION = ("/accounts/",)
"""What a person may use before they belong to an organisation."""


class ScopeMiddleware(LoginRequiredMiddleware):
    """Sets ``request.scope`` and lets nobody in who is not a member, unless a view is ``login_not_required``.

    So a page that somebody forgets to protect is closed, not open. Times are shown in the organisation's
    zone.
    """

    def process_request(self, request: HttpRequest) -> None:
        # Under ASGI, Django keeps the server's own "scope" here and reads one thing from it: http or https.
        scheme = request._get_scheme()  # type: ignore[attr-defined]  # the stubs leave it out
        request._get_scheme = lambda: scheme  # type: ignore[attr-defined]  # so that ours may take its place
        request.scope = request.member = None  # type: ignore[attr-defined]  # what every room reads
        timezone.deactivate()

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Find out who asks; answer here if they may not."""
        if request.path_info.startswith(OWN_AUTHORISATION):
            return None
        user = request.user
        member = None
        if user.is_authenticated:
            member = queries.member(user=user, organisation_id=request.session.get(CHOSEN, ""))
        if member is not None:
            request.member = member  # type: ignore[attr-defined]  # what templates read
            request.scope = queries.scope_of(member=member, ip=client_address(request))  # type: ignore[attr-defined]  # likewise
            timezone.activate(ZoneInfo(member.organisation.time_zone))
        if not getattr(view_func, "login_required", True):
            return None
        if not user.is_authenticated:
            return self.handle_no_permission(request, view_func)
        if member is None and not request.path_info.startswith(WITHOUT_ORGANISATION):
            return render(request, "tenants/no_organisation.html", status=403)
        return None
