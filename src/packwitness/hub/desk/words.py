"""What the audit record's and the benches' codes are called."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packwitness.hub.watch.names import titled

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


ACTORS: dict[tuple[str, str], Promise] = {
    ("task", "notify"): _("Packwitness, by itself: messages"),
    ("task", "recordings"): _("Packwitness, by itself: films"),
    ("command", "setup"): _("On the server: set-up"),
    ("command", "enrolment-code"): _("On the server: enrolment code"),
    ("command", "api-key"): _("On the server: API key"),
}
"""Kind and id of an actor that is no person -> who that is."""

SUBJECTS: dict[str, Promise] = {
    "take": _("Film"),
    "takes": _("Films"),
    "order": _("Order"),
    "orders": _("Orders"),
    "link": _("Link"),
    "message": _("Message"),
    "recording": _("Parcel"),
    "member": _("Member"),
    "site": _("Site"),
    "station": _("Station"),
    "api_key": _("API key"),
    "enrolment_code": _("Enrolment code"),
}
"""What stands before the colon of a subject -> what that is."""


def actor(kind: str, given: str, name: str) -> str:
    """Return who did something: a person's, station's or key's own name, else words for it."""
    if kind == "link":
        return gettext("Somebody with the link")
    return str(ACTORS.get((kind, given), name))


def subject(given: str) -> str:
    """Return what kind of thing a subject such as ``take:abc`` is; an unknown one as it is."""
    return str(SUBJECTS.get(given.partition(":")[0], given))


WARNINGS: dict[str, Promise] = {
    "camera_lost": _("%(camera)s gives no picture"),
    "no_sound": _("%(camera)s gives no sound"),
    "second_stream_lost": _("The smaller stream of %(camera)s is away; labels are looked for in the film"),
    "few_pictures": _("%(camera)s gives fewer pictures than it should"),
    "encoder_behind": _("The station is too slow for all pictures of %(camera)s"),
    "no_camera": _("No camera gives a picture"),
    "recorder_lost": _("The recorder starts again"),
    "disk_low": _("Little disk space is left"),
    "camera_stalled": _("No picture comes from %(camera)s, though it is connected"),
    "camera_unauthorised": _("%(camera)s does not accept the password"),
    "camera_refused": _("%(camera)s refuses the connection"),
    "camera_unreachable": _("No way leads to %(camera)s"),
    "camera_wrong_codec": _("%(camera)s sends what cannot be filmed"),
    "camera_no_frames": _("%(camera)s answers but sends no picture"),
    "camera_overloaded": _("The station cannot carry %(camera)s as well"),
    "camera_busy": _("%(camera)s is used by another program"),
    "camera_not_allowed": _("The station may not open %(camera)s"),
    "camera_no_device": _("%(camera)s is not plugged in"),
    "camera_no_such_format": _("%(camera)s does not give the size or form that is set"),
    "packets_lost": _("The network loses pictures of %(camera)s"),
    "film_not_kept": _("Pictures of %(camera)s could not be saved"),
    "label_unreadable": _("Labels cannot be read in the film"),
    "disk_full": _("The disk is full"),
    "hub_away": _("The station did not reach the hub"),
    "hub_refused": _("The hub refused a film"),
    "store_away": _("The store is out of the station's reach; its films come through the hub"),
    "clock_off": _("The station's clock is wrong"),
}
"""A bench's warning code, before any colon -> what is wrong."""


def warning(given: str) -> str:
    """Return what is wrong, for a code such as ``camera_lost:Overhead``; an unknown code as it is."""
    code, _colon, value = given.partition(":")
    if code not in WARNINGS or ("%(camera)s" in str(WARNINGS[code]) and not value):
        return given
    # Figures follow the camera: few_pictures:Overhead:10:30.
    named = value.rsplit(":", 2)[0] if code == "few_pictures" else value
    return str(WARNINGS[code]) % {"camera": titled(named)}
