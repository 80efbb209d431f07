"""Everything the kiosk says, in English; translations are in ``locale``.

A **message** is what the state panel says: a title that is read from two metres, and advice that says what
to do. A key with
a logic's id behind a dot (``ready.laid-lifted``) is taken before the plain key when that logic runs. A
**warning** stands
beside the state until it is mended. Words in braces are filled in by the page.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple


def _(text: str) -> str:
    """Mark ``text`` for extraction; it is translated when a page is made."""
    return text


class Message(NamedTuple):
    """A title and what to do."""

    title: str
    advice: str


MESSAGES: Final[Mapping[str, Message]] = {
    # the states themselves
    "ready": Message(_("Ready"), _("Scan the parcel's label.")),
    "ready.laid-lifted": Message(_("Ready"), _("Lay the parcel's label where the camera sees it.")),
    "filming": Message(_("Recording"), _("Scan END when the parcel is done.")),
    "filming.scan-rescan": Message(_("Recording"), _("Parcel done? Scan the same label again.")),
    "filming.scan-next": Message(_("Recording"), _("Parcel done? Scan the next parcel's label.")),
    "filming.laid-lifted": Message(_("Recording"), _("Parcel done? Take the label out of view.")),
    "paused": Message(
        _("Paused"), _("The camera still films. To go on, scan the same label or press Go on.")
    ),
    "stopped": Message(_("Done"), _("The film of this parcel is kept.")),
    "cancelled": Message(
        _("Cancelled"), _("This film is marked as discarded. To film again, scan the label.")
    ),
    # a scan that was not taken
    "finish_running_first": Message(
        _("Finish this parcel first"), _("You scanned {other}. First end the parcel that is being filmed.")
    ),
    "already_filming": Message(_("Already recording"), _("This parcel is being filmed. Carry on packing.")),
    "paused_first": Message(
        _("Still paused"), _("You scanned {other}. First go on with this parcel, or end it.")
    ),
    "lift_to_end": Message(_("Already recording"), _("To end the film, take the label out of view.")),
    "not_a_label": Message(
        _("Not a shipping label"), _("{other} is not a parcel's number. Scan the shipping label.")
    ),
    "not_expected": Message(_("Not now"), _("This code does nothing now. Scan the shipping label.")),
    "nothing_running": Message(_("Nothing is being filmed"), _("Scan a parcel's label to begin.")),
    "start_needs_label": Message(_("Scan a label"), _("A film begins with the parcel's label.")),
    "already_paused": Message(_("Already paused"), _("To go on, scan the same label or press Go on.")),
    "not_paused": Message(_("Not paused"), _("This parcel is being filmed. Carry on packing.")),
    "code_empty": Message(_("Nothing was read"), _("Scan the label again.")),
    "code_too_long": Message(_("Code too long"), _("Scan one barcode at a time.")),
    "code_control_character": Message(
        _("Code not readable"),
        _("The scanner sends characters that are no text. Scan again, or call the supervisor."),
    ),
    "command_unknown": Message(_("Unknown command"), _("This command card is not for this station.")),
    # what went wrong
    "no_camera": Message(
        _("No camera"),
        _("Check the camera's cable and power. It goes on by itself when the picture is back."),
    ),
    "disk_full": Message(_("Disk full"), _("Nothing can be filmed. Call the supervisor.")),
    "take_failed": Message(
        _("Not recorded"),
        _("The film could not be started. Scan again. If it happens again, call the supervisor."),
    ),
    "no_camera_left": Message(
        _("Stop: no picture"), _("No camera sees this parcel. Leave it where it is and check the cable.")
    ),
    "camera_lost": Message(
        _("Camera lost"), _("{camera} gives no picture. The others go on. Check its cable.")
    ),
    "disk_full_filming": Message(
        _("Disk full"), _("Finish this parcel and call the supervisor before the next.")
    ),
    "order_cancelled": Message(
        _("Stop: order cancelled"), _("Do not ship this parcel. End the film and put the parcel aside.")
    ),
    "two_labels": Message(_("Two labels"), _("Take the other parcel's label out of view.")),
    "still_filming": Message(
        _("Still recording?"), _("Nothing has happened for a long time. Done? Then press End.")
    ),
    # the page's own
    "link_lost": Message(
        _("Station not answering"), _("Leave the parcel where it is. This screen tries again by itself.")
    ),
    "unknown": Message(_("Look here"), _("Call the supervisor and say: {key}")),
}

WARNINGS: Final[Mapping[str, str]] = {
    "camera_lost": _("{camera} gives no picture. Check its cable and power."),
    "camera_stalled": _("{camera} is connected but sends no picture. Check the network; restart the camera."),
    "camera_unauthorised": _("{camera} does not accept the password. Tell the supervisor."),
    "camera_refused": _("{camera} refuses the connection. Is it switched on? Tell the supervisor."),
    "camera_unreachable": _("No way leads to {camera}. Check its network cable, then tell the supervisor."),
    "camera_wrong_codec": _("{camera} sends what cannot be filmed. Tell the supervisor."),
    "camera_no_frames": _("{camera} answers but sends no picture. Restart the camera."),
    "camera_overloaded": _("This computer cannot carry {camera} as well. Tell the supervisor."),
    "camera_busy": _("{camera} is used by another program. Close that program."),
    "camera_not_allowed": _("This station may not open {camera}. Tell the supervisor."),
    "camera_no_device": _("{camera} is not there. Check its USB cable."),
    "camera_no_such_format": _("{camera} does not give the size or form that is set. Tell the supervisor."),
    "packets_lost": _("{camera}: the network loses pictures. Check its cable and switch; avoid Wi-Fi."),
    "film_not_kept": _(
        "{camera}: pictures could not be saved. The disk is too slow or full. Tell the supervisor."
    ),
    "label_unreadable": _(
        "Labels cannot be read in the film. Clean the lens; check focus, light and the label's angle."
    ),
    "no_sound": _("{camera} gives no sound. The picture is filmed. Tell the supervisor."),
    "few_pictures": _(
        "{camera} gives {given} pictures a second instead of {promised}. Is it too dark? Tell the supervisor."
    ),
    "encoder_behind": _(
        "{camera}: this computer is too slow for all its pictures. The film lacks some. Tell the supervisor."
    ),
    "second_stream_lost": _(
        "{camera}: its smaller stream is away. The film is looked at instead. Tell the supervisor."
    ),
    "no_camera": _("No camera gives a picture. Check cables and power."),
    "spool_gone": _("The disk with the films is not there. Nothing is filmed. Call the supervisor."),
    "disk_low": _("Little disk space is left. Tell the supervisor today."),
    "disk_full": _("The disk is full. Nothing more can be filmed until there is room."),
    "hub_away": _("The hub is not answering. Go on packing: films wait here and go up later."),
    "hub_refused": _("The hub refused a film. It is kept here. Tell the supervisor."),
    "clock_off": _("This station's clock is wrong. Films say so. Tell the supervisor."),
    "recorder_lost": _("The recorder starts again. The film has a gap of a few seconds."),
    "unknown": _("Tell the supervisor: {key}"),
}

PAGE: Final[Mapping[str, str]] = {
    "order": _("Order {number}"),
    "nothing_listed": _("This order lists no products."),
    "live_none": _("No camera is set up for this bench."),
    "live_lost": _("No picture from this camera"),
    "live_wait": _("Waiting for the picture"),
    "live_unsupported": _("This browser cannot show the live picture. Filming is not affected."),
    "last_none": _("The parcels filmed here will be listed at this place."),
    "film.waiting": _("Kept here"),
    "film.uploading": _("Uploading: {n} left"),
    "film.safe": _("Safe on the hub"),
    "film.discarded": _("Discarded"),
    "film.needs_help": _("Kept here: needs help"),
    "hub.online": _("Hub connected"),
    "hub.offline": _("Hub away"),
    "hub.none": _("No hub"),
    "disk.fine": _("{size} free"),
    "disk.low": _("Only {size} free"),
    "disk.full": _("Disk full"),
    "disk.hours": _("Room for {n} hours"),
    "disk.days": _("Room for {n} days"),
    "clock.ok": _("Clock right"),
    "clock.off": _("Clock off by {seconds} s"),
    "clock.unknown": _("Clock not checked"),
    "uploads": _("Parts to send: {n}"),
    "sound_on": _("Sound on"),
    "sound_off": _("Sound off"),
    "sound_touch": _("Touch for sound"),
    "not_heard": _("Not heard: the station is not answering. Scan again when this screen says Ready."),
}


def strings(translate: Callable[[str], str]) -> dict[str, object]:
    """Return all texts in one language, in the shape the page's script reads."""
    return {
        "messages": {
            key: {"title": translate(message.title), "advice": translate(message.advice)}
            for key, message in MESSAGES.items()
        },
        "warnings": {key: translate(text) for key, text in WARNINGS.items()},
        "page": {key: translate(text) for key, text in PAGE.items()},
    }
