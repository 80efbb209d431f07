"""What the base templates need and no room below may know."""

from django.conf import settings
from django.http import HttpRequest


def page(request: HttpRequest) -> dict[str, str]:
    """Return ``navigation_template``: the room at the top names the pages, the frame at the bottom shows
    them.
    """
    return {"navigation_template": settings.NAVIGATION_TEMPLATE}
