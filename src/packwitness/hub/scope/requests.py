"""What a view of ours is given, for the type checker."""

from django.http import HttpRequest

from packwitness.hub.scope.scope import Scope


class ScopedRequest(HttpRequest):
    """A request that has passed ``ScopeMiddleware`` or an API's authorisation: it has a scope.

    In a view marked ``login_not_required`` the scope may be missing; such a view takes a plain
    ``HttpRequest``.
    """

    scope: Scope
