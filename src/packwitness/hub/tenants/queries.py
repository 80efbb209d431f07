from django.db.models import QuerySet

from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Actor, Scope
from packwitness.hub.tenants.models import ApiKey, Member, Organisation, Site, User


def memberships(*, user: User) -> QuerySet[Member]:
    """Return the user's memberships, the oldest first, each with its organisation."""
    return (
        Member.objects.filter(user=user).select_related("organisation", "user").order_by("created_at", "id")
    )


def member(*, user: User, organisation_id: str = "") -> Member | None:
    """Return the user's membership in ``organisation_id``, or else their first one, if any."""
    found = list(memberships(user=user))
    chosen = [one for one in found if one.organisation_id == organisation_id]
    return next(iter(chosen or found), None)


def scope_of(*, member: Member, ip: str = "") -> Scope:
    """Return the scope in which a member acts."""
    return Scope(
        organisation_id=member.organisation_id,
        actor=Actor(kind="member", id=member.id, name=member.user.get_full_name() or member.user.email),
        role=member.role,
        ip=ip,
    )


def organisation(*, scope: Scope) -> Organisation:
    """Return the scope's own organisation."""
    return Organisation.objects.get(pk=scope.organisation_id)


def sites(*, scope: Scope) -> QuerySet[Site]:
    """Return the organisation's sites by name."""
    return access.rows(Site, scope).order_by("name")


def members(*, scope: Scope) -> QuerySet[Member]:
    """Return the organisation's members, each with the person."""
    return access.rows(Member, scope).select_related("user").order_by("user__email")


def api_keys(*, scope: Scope) -> QuerySet[ApiKey]:
    """Return the organisation's API keys, the newest first."""
    return access.rows(ApiKey, scope).order_by("-created_at", "-id")
