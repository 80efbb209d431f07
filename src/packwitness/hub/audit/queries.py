from django.db.models import QuerySet

from packwitness.hub.audit.models import Entry
from packwitness.hub.scope import access
from packwitness.hub.scope.scope import Scope


def entries(*, scope: Scope, subject: str = "", action: str = "", actor_id: str = "") -> QuerySet[Entry]:
    """Return the organisation's entries, newest first, narrowed by what is given."""
    found = access.rows(Entry, scope)
    if subject:
        found = found.filter(subject=subject)
    if action:
        found = found.filter(action=action)
    if actor_id:
        found = found.filter(actor_id=actor_id)
    return found
