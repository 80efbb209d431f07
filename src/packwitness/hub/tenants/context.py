"""What every page shows about the person who looks at it."""

from typing import Any

from django.http import HttpRequest

from packwitness.hub.scope.access import allows
from packwitness.hub.scope.scope import Scope
from packwitness.hub.tenants import queries


class May:
    """``{% if may.film_view %}``: the permission ``film.view``, with an underscore since templates know no dots."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def __getitem__(self, name: str) -> bool:
        return allows(self.scope, name.replace("_", "."))


def membership(request: HttpRequest) -> dict[str, Any]:
    """Return ``scope``, ``organisation``, ``may`` and ``memberships`` for the signed-in member; nothing for others."""
    scope: Scope | None = getattr(request, "scope", None)
    if scope is None or scope.actor.kind != "member":
        return {}
    return {
        "scope": scope,
        "may": May(scope),
        "organisation": queries.organisation(scope=scope),
        "memberships": queries.memberships(user=request.user),  # type: ignore[arg-type]  # a member is a user
    }
