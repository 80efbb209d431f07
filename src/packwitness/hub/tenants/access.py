"""How a request of an integrator proves whose it is."""

import hmac
from datetime import timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from packwitness.hub.scope.scope import Actor, Scope
from packwitness.hub.tenants.models import ApiKey
from packwitness.hub.tenants.operations import KEY_MARK, secret_hash
from packwitness.hub.ui.addresses import client_address

USED_EVERY = timedelta(minutes=1)
"""``last_used_at`` is as exact as this, so that reading does not write each time."""


class ApiKeyAuth(HttpBearer):
    """``Authorization: Bearer pw_…``: sets ``request.scope`` to the key's organisation."""

    openapi_scheme = "bearer"

    def authenticate(self, request: HttpRequest, token: str) -> Scope | None:
        """Return the key's scope, or None: ninja then answers 401."""
        mark, _, rest = token.partition("_")
        prefix, _, secret = rest.partition("_")
        if mark != KEY_MARK or not secret:
            return None
        key = ApiKey.objects.filter(prefix=prefix, revoked_at=None).first()
        if key is None or not hmac.compare_digest(key.hash, secret_hash(secret)):
            return None
        now = timezone.now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
        if key.last_used_at is None or key.last_used_at < now - USED_EVERY:
            ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
        scope = Scope(
            organisation_id=key.organisation_id,
            actor=Actor(kind="api_key", id=key.id, name=key.name),
            role="owner",
            ip=client_address(request),
        )
        request.scope = scope  # type: ignore[attr-defined]  # what every room reads
        return scope


api_key_auth = ApiKeyAuth()
