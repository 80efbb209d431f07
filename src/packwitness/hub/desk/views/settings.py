"""The organisation: its key's fingerprint, its people, its keys for programs."""

from django import forms
from django.contrib import messages as notices
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from packwitness.hub.notary import queries as notary
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.tenants import operations, queries
from packwitness.hub.tenants.models import Role


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=_("What the key is for"),
        max_length=100,
        help_text=_("Such as the shop system that will use it."),
    )


class MemberForm(forms.Form):
    """A new member."""

    email = forms.EmailField(label=_("E-mail"))
    password = forms.CharField(
        label=_("First password"),
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 10 characters; the person should change it after signing in."),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.AGENT)


class SiteForm(forms.Form):
    """A new site."""

    name = forms.CharField(
        label=_("Name of the site"), max_length=200, help_text=_("Such as the warehouse or the shop.")
    )


@require_safe
def settings(request: ScopedRequest) -> HttpResponse:
    """Show the organisation's settings."""
    return _page(request)


@require_POST
def issue_key(request: ScopedRequest) -> HttpResponse:
    """Make an API key and show its secret this once."""
    access.require(request.scope, "key.manage")
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, key_form=form, status=422)
    _key, secret = operations.issue_api_key(
        scope=request.scope, name=form.cleaned_data["name"], at=timezone.now()
    )
    return _page(request, secret=secret)


@require_POST
def revoke_key(request: ScopedRequest, key: str) -> HttpResponse:
    """End an API key."""
    operations.revoke_api_key(scope=request.scope, key_id=key, at=timezone.now())
    notices.success(request, gettext("The key is ended: programs that use it are refused from now on."))
    return redirect("desk:settings")


@require_POST
def add_member(request: ScopedRequest) -> HttpResponse:
    """Add a person."""
    access.require(request.scope, "member.manage")
    form = MemberForm(request.POST)
    if form.is_valid():
        try:
            operations.add_member(scope=request.scope, at=timezone.now(), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            notices.success(request, gettext("The person can sign in now."))
            return redirect("desk:settings")
    return _page(request, member_form=form, status=422)


@require_POST
def add_site(request: ScopedRequest) -> HttpResponse:
    """Add a site."""
    access.require(request.scope, "bench.manage")
    form = SiteForm(request.POST, prefix="site")
    if not form.is_valid():
        return _page(request, site_form=form, status=422)
    operations.create_site(scope=request.scope, name=form.cleaned_data["name"], at=timezone.now())
    notices.success(request, gettext("The site is there: stations can be added to it."))
    return redirect("desk:settings")


def _page(
    request: ScopedRequest,
    *,
    key_form: KeyForm | None = None,
    member_form: MemberForm | None = None,
    site_form: SiteForm | None = None,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    access.require(request.scope, "settings.change")
    answer = render(
        request,
        "desk/settings.html",
        {
            "organisation": queries.organisation(scope=request.scope),
            "fingerprint": notary.organisation_fingerprint(organisation_id=request.scope.organisation_id),
            "keys": queries.api_keys(scope=request.scope),
            "members": queries.members(scope=request.scope),
            "sites": queries.sites(scope=request.scope),
            "key_form": key_form or KeyForm(),
            "member_form": member_form or MemberForm(),
            "site_form": site_form or SiteForm(prefix="site"),
            "secret": secret,
        },
        status=status,
    )
    # A secret on the page must not come back from a cache.
    answer["Cache-Control"] = "private, no-store"
    return answer
