"""Pages while the store of films is away. Thin: the API has its own answer (``config.api``)."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from packwitness.hub.ui import errors
from packwitness.hub.ui.problems import Problem
from packwitness.hub.vault.interface import VaultAway, VaultRefused

log = structlog.get_logger(__name__)


class StoreAwayMiddleware(MiddlewareMixin):
    """Answers 503 and says when to come back: nothing is broken that a new try could not find mended."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer where the store did not."""
        if not isinstance(error, VaultAway | VaultRefused):
            return None
        log.error("the store cannot be used; run `packwitness hub check`", reason=str(error))
        title = "The store of films cannot be used right now."
        answer = errors.answer(request, Problem(503, "store_away", title, "Try again later.", retry=True))
        answer["Retry-After"] = "30"
        answer["Cache-Control"] = "no-store"
        return answer
