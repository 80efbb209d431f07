from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from packwitness.hub.scope.scope import Scope
from packwitness.hub.tenants import queries
from packwitness.hub.ui.addresses import client_address

CHOSEN = "organisation"
"""Session key: the organisation a person of several has chosen."""

OWN_AUTHORISATION = ("/api/",)
"""Under these the caller proves who they are on each call, or the view says otherwise itself."""

WITHOUT_ORGANISATION = ("/accounts/", "/language/")
"""What a person may use before they belong to an organisation."""


def member_scope(request: HttpRequest) -> Scope | None:
    """Return the scope of the signed-in person, or None."""
    if not request.user.is_authenticated:
        return None
    return queries.member_scope(
        user=request.user, organisation_id=request.session.get(CHOSEN, ""), ip=client_address(request)
    )


class ScopeMiddleware(LoginRequiredMiddleware):
    """Sets ``request.scope`` and lets nobody in who is not a member, unless a view is marked ``login_not_required``.

    So a page that somebody forgets to protect is closed, not open. A signed-in person without an organisation is
    shown what to do.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.scope = None  # type: ignore[attr-defined]  # what every room reads

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if request.path_info.startswith(OWN_AUTHORISATION):
            return None
        if request.user.is_authenticated:
            request.scope = member_scope(request)  # type: ignore[attr-defined]  # what every room reads
        if not getattr(view_func, "login_required", True):
            return None
        if not request.user.is_authenticated:
            return self.handle_no_permission(request, view_func)
        if request.scope is None and not request.path_info.startswith(WITHOUT_ORGANISATION):  # type: ignore[attr-defined]
            return render(request, "tenants/no_organisation.html", status=403)
        return None
