"""What anyone may see of the log. It names no take and no organisation."""

import re

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from packwitness.hub.notary import queries

_DIGEST = re.compile(r"[0-9a-f]{64}")


@login_not_required
@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The log's newest checkpoint, a C2SP signed note."""
    note = queries.checkpoint()
    if not note:
        raise Http404("The log is empty.")
    answer = HttpResponse(note, content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@login_not_required
@require_safe
def proof(request: HttpRequest, manifest: str) -> HttpResponse:
    """Where a manifest's digest lies in the log. Who has the digest has the manifest."""
    found = queries.log_proof(manifest_digest=manifest) if _DIGEST.fullmatch(manifest) else None
    if found is None:
        raise Http404("No checkpoint covers this digest.")
    return JsonResponse(found)


@login_not_required
@require_safe
def consistency(request: HttpRequest, old: int, size: int) -> HttpResponse:
    """The proof that a later state of the log begins with an earlier one."""
    try:
        return JsonResponse(
            {"old": old, "size": size, "proof": queries.consistency_proof(old=old, size=size)}
        )
    except ValueError as error:
        raise Http404(str(error)) from error
