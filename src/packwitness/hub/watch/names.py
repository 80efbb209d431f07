"""What couriers and cameras are called in the reader's language."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

COURIERS: dict[str, Promise] = {
    "kr.cjlogistics": _("CJ Logistics"),
    "kr.epost": _("Korea Post"),
    "kr.lotte": _("Lotte Global Logistics"),
    "kr.hanjin": _("Hanjin Express"),
    "kr.logen": _("Logen"),
}
"""Carrier ids of tracker.delivery and the names that buyers know."""

CAMERAS: dict[str, Promise] = {
    "overhead": pgettext_lazy("camera", "Overhead"),
    "label": pgettext_lazy("camera", "Label"),
}
"""Camera id -> the name that a station gives it when nobody has named it."""

DEFAULTS = {"overhead": "Overhead", "label": "Label"}


def courier_name(courier: str) -> str:
    """Return a courier's name as buyers know it; one that is not known as it was given."""
    return str(COURIERS.get(courier, courier))


def camera_name(camera: str, name: str = "") -> str:
    """Return a camera's name: the one its owner gave it, else the default one in the active language."""
    if camera in CAMERAS and name in ("", camera, DEFAULTS[camera]):
        return str(CAMERAS[camera])
    return name or camera


def titled(title: str) -> str:
    """Return a camera's title where its id is not known, the default ones in the active language."""
    camera = next((one for one, default in DEFAULTS.items() if title == default), "")
    return camera_name(camera) if camera else title
