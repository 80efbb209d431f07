from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from packwitness.hub.tenants import queries
from packwitness.hub.tenants.middleware import CHOSEN


@require_POST
def choose_organisation(request: HttpRequest) -> HttpResponse:
    """Show another of the person's organisations from now on; an organisation that is not theirs changes
    nothing.
    """
    wanted = request.POST.get("organisation", "")
    if queries.memberships(user=request.user).filter(organisation_id=wanted).exists():  # type: ignore[arg-type]  # members only
        request.session[CHOSEN] = wanted
    return HttpResponseRedirect("/")
