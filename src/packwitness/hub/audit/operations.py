from collections.abc import Mapping
from datetime import datetime
from typing import Any

from packwitness.hub.audit.models import Entry
from packwitness.hub.scope.scope import Scope


def record(
    *, scope: Scope, action: str, subject: str, detail: Mapping[str, Any] | None = None, at: datetime
) -> Entry:
    """Append what the scope's actor did.

    ``action`` is ``noun.verb`` (``film.viewed``), ``subject`` names the thing (``take:k3v9x2m4q7pa-12``);
    ``detail`` is small JSON and holds no personal value: the record outlives an erasure.
    """
    return Entry.objects.create(
        organisation_id=scope.organisation_id,
        at=at,
        actor_kind=scope.actor.kind,
        actor_id=scope.actor.id,
        actor_name=scope.actor.name[:200],
        ip=scope.ip,
        action=action,
        subject=subject[:200],
        detail=dict(detail or {}),
    )
