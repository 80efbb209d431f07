"""How a request of a station proves whose it is."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from packwitness.hub.scope.scope import Actor, Scope
from packwitness.hub.stations.models import Station
from packwitness.hub.tenants.operations import secret_hash
from packwitness.hub.ui.addresses import client_address


class StationAuth(HttpBearer):
    """``Authorization: Bearer <token from enrolment>``: sets ``request.station`` and ``request.scope``."""

    openapi_scheme = "bearer"

    def authenticate(self, request: HttpRequest, token: str) -> Station | None:
        """Return the station, or None: the API then answers 401."""
        # The token holds 256 random bits and only its hash is looked up, so timing tells nothing.
        found = Station.objects.select_related("organisation").filter(
            token_hash=secret_hash(token), revoked_at=None
        )
        station = found.first()
        if station is None:
            return None
        request.station = station  # type: ignore[attr-defined]  # what the station's calls read
        request.scope = Scope(  # type: ignore[attr-defined]  # what every room reads
            organisation_id=station.organisation_id,
            actor=Actor(kind="station", id=station.id, name=station.name),
            role="station",
            ip=client_address(request),
        )
        return station


class StationRequest(HttpRequest):
    """A request that has passed ``station_auth``, for the type checker."""

    scope: Scope
    station: Station


station_auth = StationAuth()
