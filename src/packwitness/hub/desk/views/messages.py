"""What was sent to buyers, and what became of it."""

from django.contrib import messages as notices
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from packwitness.hub.desk.views.paging import page_of
from packwitness.hub.notify import operations, queries
from packwitness.hub.notify.models import State
from packwitness.hub.scope import access
from packwitness.hub.scope.requests import ScopedRequest


@require_safe
def messages(request: ScopedRequest) -> HttpResponse:
    """List messages with their states."""
    access.require(request.scope, "film.view")
    state = request.GET.get("state", "")
    return render(
        request,
        "desk/messages.html",
        {
            "page": page_of(request, queries.messages(scope=request.scope, state=state)),
            "state": state,
            "states": State.choices,
            "may_see_person": access.allows(request.scope, "person.view"),
        },
    )


@require_POST
def send_again(request: ScopedRequest, message: str) -> HttpResponse:
    """Send a message once more because a person says so."""
    row = operations.send_again(scope=request.scope, message=message, at=timezone.now())
    if row.state == State.QUEUED:
        notices.success(request, gettext("The message will be sent again in a moment."))
    take = request.POST.get("take", "")
    return redirect("desk:take", take=take) if take else redirect("desk:messages")
