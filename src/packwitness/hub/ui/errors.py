"""Error pages that say what happened and what to do next. Under ``/api/`` they are problems (RFC 9457)."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from packwitness.hub.ui.problems import Problem


def answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Render ``ui/error_<status>.html``, or the problem itself where a program asked."""
    if request.path_info.startswith("/api/"):
        return JsonResponse(problem.body(), status=problem.status, content_type="application/problem+json")
    return render(request, f"ui/error_{problem.status}.html", status=problem.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, Problem(400, "bad_request", "The request could not be understood."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, Problem(403, "forbidden", "You may not do this here."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return answer(request, Problem(403, "forbidden", "The form is too old. Load the page again."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, Problem(404, "not_found", "There is nothing at this address."))


def broken(request: HttpRequest) -> HttpResponse:
    problem = Problem(500, "broken", "Something broke on our side.", "Try again in a moment.", retry=True)
    if request.path_info.startswith("/api/"):
        return answer(request, problem)
    # Without the request: a context processor may be what broke.
    return HttpResponse(render_to_string("ui/error_500.html"), status=500)
