from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from packwitness.hub.audit import operations as audit
from packwitness.hub.links import token
from packwitness.hub.links.models import Link, View
from packwitness.hub.recordings.models import Recording
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope

LIFETIME = timedelta(days=90)
"""How long a link opens its page: as long as most marketplaces let a buyer dispute."""


@transaction.atomic
def mint_link(*, scope: Scope, recording: str, at: datetime, lifetime: timedelta = LIFETIME) -> Link:
    """Make a new link to a recording of the scope's organisation.

    Raises:
        Http404: there is no such recording here.
        PermissionDenied: the role may not hand films out.
    """
    access.require(scope, "link.manage")
    row = access.one(Recording, scope, id=recording)
    link = Link.objects.create(
        organisation_id=scope.organisation_id,
        recording=row,
        created_at=at,
        expires_at=at + lifetime,
        created_by=f"{scope.actor.kind}:{scope.actor.name}"[:200],
    )
    audit.record(
        scope=scope, action="link.minted", subject=f"link:{link.id}", detail={"recording": row.id}, at=at
    )
    return link


@transaction.atomic
def revoke_link(*, scope: Scope, link: str, at: datetime) -> Link:
    """Close a link for good; revoking again changes nothing.

    Raises:
        Http404: there is no such link here.
        PermissionDenied: the role may not.
    """
    access.require(scope, "link.manage")
    row = access.one(Link, scope, id=link)
    if Link.objects.filter(id=row.id, revoked_at=None).update(revoked_at=at):
        audit.record(scope=scope, action="link.revoked", subject=f"link:{row.id}", at=at)
        row.refresh_from_db()
    return row


def record_view(*, link: Link, address: str, agent: str, at: datetime) -> View:
    """Note that the page behind ``link`` was opened. The address itself is not kept."""
    return View.objects.create(
        organisation_id=link.organisation_id,
        link=link,
        viewer=token.viewer(address, agent, secret=settings.SECRET_KEY.encode()),
        agent=agent[:200],
        created_at=at,
    )
