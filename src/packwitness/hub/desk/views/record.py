"""Who did what, and who looked."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from packwitness.hub.audit import queries
from packwitness.hub.desk import words
from packwitness.hub.desk.views.paging import page_of
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest


@require_safe
def record(request: ScopedRequest) -> HttpResponse:
    """List the audit record, narrowed by what is asked for."""
    access.require(request.scope, "audit.view")
    subject, action = request.GET.get("subject", "").strip(), request.GET.get("action", "").strip()
    page = page_of(request, queries.entries(scope=request.scope, subject=subject, action=action))
    return render(
        request,
        "desk/record.html",
        {
            "page": page,
            "entries": [
                {"entry": entry, "action": words.action(entry.action), "take": _take(entry.subject)}
                for entry in page.object_list
            ],
            "subject": subject,
            "action": action,
            "actions": words.ACTIONS.items(),
        },
    )


def _take(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return name if kind == "take" else ""
