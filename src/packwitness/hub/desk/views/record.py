"""Who did what, and who looked."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from packwitness.hub.audit import queries
from packwitness.hub.desk import words
from packwitness.hub.desk.views.paging import page_of
from packwitness.hub.orders import queries as orders
from packwitness.hub.recordings import queries as recordings
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest
from packwitness.hub.scope.scope import Scope


@require_safe
def record(request: ScopedRequest) -> HttpResponse:
    """List the audit record, narrowed by what is asked for."""
    access.require(request.scope, "audit.view")
    subject, action = request.GET.get("subject", "").strip(), request.GET.get("action", "").strip()
    page = page_of(request, queries.entries(scope=request.scope, subject=subject, action=action))
    named = _named(request.scope, [entry.subject for entry in page.object_list])
    return render(
        request,
        "desk/record.html",
        {
            "page": page,
            "entries": [
                {
                    "entry": entry,
                    "actor": words.actor(entry.actor_kind, entry.actor_id, entry.actor_name),
                    "action": words.action(entry.action),
                    "about": words.subject(entry.subject),
                    **named.get(entry.subject, {"name": entry.subject.partition(":")[2]}),
                }
                for entry in page.object_list
            ],
            "subject": subject,
            "action": action,
            "actions": words.ACTIONS.items(),
        },
    )


def _named(scope: Scope, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return subject -> name and address, for the takes and orders among them that are still there."""
    parts = [subject.partition(":") for subject in subjects]
    ids = {kind: {name for of, _, name in parts if of == kind} for kind in ("take", "order")}
    takes = recordings.takes(scope=scope).filter(id__in=ids["take"]).order_by().values_list("id", "code")
    sold = orders.orders(scope=scope).filter(id__in=ids["order"]).order_by().values_list("id", "number")
    found = {
        f"take:{take}": {"name": code or take, "address": reverse("desk:take", args=[take])}
        for take, code in takes
    }
    for order, number in sold:
        found[f"order:{order}"] = {"name": number, "address": reverse("desk:order", args=[order])}
    return found
