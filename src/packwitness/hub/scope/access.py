"""The one place where access to an organisation's rows is decided."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404

from packwitness.hub.scope.scope import Scope

PERMISSIONS: dict[str, frozenset[str]] = {
    "viewer": frozenset({"film.view", "order.view", "bench.view", "bundle.download"}),
    "agent": frozenset({"link.manage", "message.send", "order.change", "person.view"}),
    "owner": frozenset(
        {"settings.change", "member.manage", "key.manage", "bench.manage", "audit.view", "film.delete"}
    ),
}
"""What each role adds to the one before it: viewer < agent < owner."""

RANK = tuple(PERMISSIONS)

GRANTED: dict[str, frozenset[str]] = {
    role: frozenset().union(*(PERMISSIONS[lower] for lower in RANK[: RANK.index(role) + 1])) for role in RANK
}
"""Role -> everything it may do."""


def rows[Row: Model](model: type[Row], scope: Scope) -> QuerySet[Row]:
    """Return the rows of ``model`` that belong to the scope's organisation.

    The model is ``Owned``, or has a plain ``organisation_id`` column as the rooms below ``tenants`` do.
    """
    return model._default_manager.filter(organisation_id=scope.organisation_id)


def one[Row: Model](model: type[Row], scope: Scope, **lookup: Any) -> Row:
    """Return the one row of the scope's organisation that ``lookup`` names.

    Raises:
        Http404: there is none, or it is another organisation's: the asker cannot tell which.
    """
    try:
        return rows(model, scope).get(**lookup)
    except model.DoesNotExist as error:  # type: ignore[attr-defined]  # every concrete model has it
        raise Http404(f"There is no such {model._meta.verbose_name} here.") from error


def allows(scope: Scope, permission: str) -> bool:
    """Say whether the scope's role includes ``permission``.

    Raises:
        KeyError: no role has this permission: a spelling mistake in our own code.
    """
    if permission not in GRANTED["owner"]:
        raise KeyError(permission)
    return permission in GRANTED.get(scope.role, frozenset())


def require(scope: Scope, permission: str) -> None:
    """Let the scope pass, or raise ``PermissionDenied`` with words for the person who asked."""
    if not allows(scope, permission):
        raise PermissionDenied(f"The role “{scope.role}” does not include “{permission}”.")
