"""The two APIs: one for integrators, one for stations. Rooms bring routers; errors are problems (RFC
9457).
"""

import structlog
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from packwitness import __version__
from packwitness.hub.bundles import api as bundles
from packwitness.hub.links import api as links
from packwitness.hub.orders import api as orders
from packwitness.hub.recordings import api as recordings
from packwitness.hub.stations import api as benches
from packwitness.hub.stations.access import station_auth
from packwitness.hub.tenants.access import api_key_auth
from packwitness.hub.ui.problems import Problem
from packwitness.hub.vault.interface import VaultAway, VaultRefused

log = structlog.get_logger(__name__)


def render(problem: Problem) -> HttpResponse:
    """Return a problem as an HTTP answer."""
    answer = JsonResponse(problem.body(), status=problem.status, content_type="application/problem+json")
    if problem.status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def words(error: ValidationError) -> str:
    """Return what is wrong with a request, one sentence per field, at most ten."""
    lines = [
        f"{'.'.join(str(part) for part in fault['loc'] if part not in ('body', 'payload'))}: {fault['msg']}"
        for fault in error.errors[:10]
    ]
    return "; ".join(lines)


def _later() -> HttpResponse:
    """Tell the caller to come again: what keeps the store from us is the operator's to mend, not theirs."""
    title = "The store of films cannot be used right now."
    answer = render(Problem(503, "store_away", title, "Send the same again later.", retry=True))
    answer["Retry-After"] = "5"
    return answer


def answer_with_problems(api: NinjaAPI) -> None:
    """Make every error of ``api`` a problem."""

    @api.exception_handler(Problem)
    def on_problem(request: HttpRequest, error: Problem) -> HttpResponse:
        return render(error)

    @api.exception_handler(AuthenticationError)
    def on_stranger(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
        return render(
            Problem(
                401,
                "unauthorised",
                "The call needs a valid token.",
                "Send Authorization: Bearer and your key.",
            )
        )

    @api.exception_handler(ValidationError)
    def on_invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return render(Problem(422, "invalid", "The request is not valid.", words(error)))

    @api.exception_handler(DjangoValidationError)
    def on_refused(request: HttpRequest, error: DjangoValidationError) -> HttpResponse:
        return render(Problem(422, "invalid", "The request is not valid.", " ".join(error.messages)))

    @api.exception_handler(Http404)
    def on_missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return render(Problem(404, "not_found", "There is nothing of this name here."))

    @api.exception_handler(PermissionDenied)
    def on_denied(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
        return render(Problem(403, "forbidden", "This key may not do that.", str(error)))

    @api.exception_handler(VaultAway)
    def on_store_away(request: HttpRequest, error: VaultAway) -> HttpResponse:
        log.error("the store does not answer", reason=str(error))
        return _later()

    @api.exception_handler(VaultRefused)
    def on_store_refusing(request: HttpRequest, error: VaultRefused) -> HttpResponse:
        log.error("the store refuses the hub; run `packwitness hub check`", reason=str(error))
        return _later()

    @api.exception_handler(HttpError)
    def on_http(request: HttpRequest, error: HttpError) -> HttpResponse:
        return render(Problem(error.status_code, "bad_request", str(error)))


integrators = NinjaAPI(
    title="Packwitness",
    version=__version__,
    urls_namespace="api",
    auth=api_key_auth,
    docs_decorator=login_required,
    description="Orders in, recordings and links out. Errors are problems as RFC 9457 defines them.",
)
stations = NinjaAPI(
    title="Packwitness stations",
    version=__version__,
    urls_namespace="station-api",
    auth=station_auth,
    docs_url=None,
    openapi_url=None,
)

answer_with_problems(integrators)
answer_with_problems(stations)

integrators.add_router("/orders", orders.integrators)
integrators.add_router("", recordings.integrators)
integrators.add_router("", links.integrators)
integrators.add_router("", bundles.integrators)

stations.add_router("", benches.station)
stations.add_router("", orders.station)
stations.add_router("", recordings.station)
