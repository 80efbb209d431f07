"""Evidence bundles for integrators."""

from django.http.response import HttpResponseBase
from ninja import Router

from packwitness.hub.bundles.views import bundle_view
from packwitness.hub.recordings import queries
from packwitness.hub.scope.requests import ScopedRequest

integrators = Router(tags=["bundles"])


@integrators.get("/takes/{take}/bundle", operation_id="get_bundle")
def get_bundle(request: ScopedRequest, take: str) -> HttpResponseBase:
    """Download a sealed take's evidence bundle, a ZIP."""
    return bundle_view(request, queries.take(scope=request.scope, take=take), scope=request.scope)
