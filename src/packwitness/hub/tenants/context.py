"""What every page shows about the person who looks at it."""

from typing import Any

from django.http import HttpRequest

from packwitness.hub.scope.access import allows
from packwitness.hub.scope.scope import Scope
from packwitness.hub.tenants import queries
from packwitness.hub.tenants.models import Member


class May:
    """``{% if may.film_view %}``: the permission ``film.view``; an underscore, since templates read a dot
    otherwise.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __getitem__(self, name: str) -> bool:
        return allows(self.scope, name.replace("_", "."))


def membership(request: HttpRequest) -> dict[str, Any]:
    """Return ``scope``, ``may``, ``organisation`` and ``memberships`` for a signed-in member; nothing for
    others.
    """
    member: Member | None = getattr(request, "member", None)
    if member is None:
        return {}
    scope: Scope = request.scope  # type: ignore[attr-defined]  # set together with the member
    return {
        "scope": scope,
        "may": May(scope),
        "organisation": member.organisation,
        "memberships": queries.memberships(user=member.user),
    }
