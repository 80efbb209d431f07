"""What the audit record's actions are called."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTIONS: dict[str, str | Promise] = {
    "film.viewed": _("watched the film"),
    "film.viewed_live": _("watched live"),
    "film.downloaded": _("downloaded the film"),
    "film.exported": _("downloaded the signed film"),
    "film.searched": _("searched"),
    "film.listed": _("exported the list of films"),
    "film.deleted": _("deleted the film"),
    "bundle.downloaded": _("downloaded the evidence"),
    "page.viewed": _("opened the buyer's page"),
    "person.viewed": _("saw a buyer's data"),
    "link.minted": _("made a link"),
    "link.revoked": _("closed a link"),
    "message.sent_again": _("sent a message again"),
    "orders.imported": _("imported orders"),
    "order.listed": _("exported the list of orders"),
    "order.cancelled": _("cancelled an order"),
    "api_key.issued": _("made an API key"),
    "api_key.revoked": _("ended an API key"),
    "member.added": _("added a member"),
    "site.created": _("added a site"),
    "enrolment_code.made": _("made an enrolment code"),
    "station.enrolled": _("became a station"),
    "station.revoked": _("closed a station out"),
}
"""Action -> what its actor did. An action that is not listed is shown as it is stored."""


def action(name: str) -> str:
    """Return what somebody did, in the active language."""
    return str(ACTIONS.get(name, name))
