from django.db.models import QuerySet

from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Actor, Scope
from packwitness.hub.tenants.models import ApiKey, Member, Organisation, Site, User


def memberships(*, user: User) -> QuerySet[Member]:
    """Return the user's memberships, the oldest first, each with its organisation."""
    return Member.objects.filter(user=user).select_related("organisation").order_by("created_at", "id")


def member_scope(*, user: User, organisation_id: str = "", ip: str = "") -> Scope | None:
    """Return the scope of a person in ``organisation_id``, or in their first one; None when they belong to none."""
    found = memberships(user=user)
    member = found.filter(organisation_id=organisation_id).first() if organisation_id else None
    member = member or found.first()
    if member is None:
        return None
    name = user.get_full_name() or user.email
    return Scope(
        organisation_id=member.organisation_id,
        actor=Actor(kind="member", id=member.id, name=name),
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
