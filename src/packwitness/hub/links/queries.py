from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.conf import settings
from django.db.models import Count, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce

from packwitness.hub.links import token
from packwitness.hub.links.models import Link, View
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Actor, Scope


class Closed(StrEnum):
    """Why a token opens nothing. A visitor learns the reason only for a token that was once good."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Opened:
    """A good link and the scope its visitor acts in: the link's organisation, a viewer's rights."""

    link: Link
    scope: Scope


def resolve(given: str, *, at: datetime) -> Opened | Closed:
    """Return what a token opens at the moment ``at``."""
    link_id = token.link_id(given, secret=settings.SECRET_KEY.encode())
    link = Link.objects.select_related("recording").filter(id=link_id).first() if link_id else None
    if link is None:
        return Closed.UNKNOWN
    if link.revoked_at is not None:
        return Closed.REVOKED
    if link.expires_at <= at:
        return Closed.EXPIRED
    actor = Actor(kind="link", id=link.id, name=f"link {link.id}")
    return Opened(link=link, scope=Scope(organisation_id=link.organisation_id, actor=actor, role="viewer"))


def address(link: Link) -> str:
    """Return the address of the watch page, as it goes into a message."""
    return f"{settings.BASE_URL}/w/{token.make(link.id, secret=settings.SECRET_KEY.encode())}"


@dataclass(frozen=True)
class Handed:
    """A link as its maker sees it: the address to hand out, how often its page was opened, and when last."""

    link: Link
    address: str
    views: int
    last_view: datetime | None


def links_of(*, scope: Scope, recording: str) -> Sequence[Handed]:
    """Return a recording's links, newest first (at most 100)."""
    opened = View.objects.filter(link=OuterRef("pk")).order_by().values("link")
    found = (
        access.rows(Link, scope)
        .filter(recording_id=recording)
        .annotate(
            views=Coalesce(Subquery(opened.annotate(n=Count("pk")).values("n")), 0),
            last_view=Subquery(opened.annotate(last=Max("created_at")).values("last")),
        )
        .order_by("-created_at", "-id")
    )
    return [Handed(row, address(row), row.views, row.last_view) for row in found[:100]]


def views_of(*, scope: Scope, link: str) -> Sequence[View]:
    """Return when a link's page was opened, newest first (at most 200)."""
    return list(access.rows(View, scope).filter(link_id=link).order_by("-created_at")[:200])
