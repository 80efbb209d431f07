"""What is missing from a film, in words: gaps, lost pictures, a label that could not be read. Pure, except
that texts come from gettext.

The station says it in the manifest and the hub keeps it with the take (``seal``). None of it is guessed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from packwitness.hub.recordings.layout import WHOLE, Window
from packwitness.hub.recordings.models import Outcome, Take

SHORT_MS: Final = 200
"""A gap that nobody would see: a few pictures."""
DRIFT_PPM: Final = 200
"""A camera's clock that runs less wrong than this is as good as any quartz."""
LISTED: Final = 200
"""Most gaps of one camera that are listed one by one, the longest."""

REASONS: dict[str, Promise] = {
    "reconnect": _("the connection to the camera broke and was made again"),
    "recorder": _("the recording program was started again"),
    "camera_lost": _("the camera was gone"),
    "camera_clock": _("the camera's clock jumped"),
    "stalled": _("the camera was connected and gave no picture"),
    "no_picture": _("the camera gave no picture"),
    "overflow": _("the station was too busy to keep up"),
    "write_failed": _("the station could not save the pictures"),
}
"""Why a film has a gap, as the station names it -> in words."""


@dataclass(frozen=True)
class Gap:
    """A hole: where it begins in the camera's film and how long it is, in seconds; why.

    ``left`` and ``width`` say where it stands on a line that is 1000 long.
    """

    at: float
    seconds: float
    why: str
    left: int
    width: int

    @property
    def clock(self) -> str:
        """``at`` as a person reads it, such as ``1:07``."""
        minutes, rest = divmod(int(self.at), 60)
        return f"{minutes}:{rest:02d}"

    @property
    def words(self) -> str:
        """How long, and why."""
        return gettext("%(seconds)s s without a picture: %(why)s.") % {
            "seconds": _seconds(self.seconds),
            "why": self.why,
        }


@dataclass(frozen=True)
class Losses:
    """What is missing from one camera's film. ``unlisted`` gaps are too many to be told one by one."""

    gaps: tuple[Gap, ...] = ()
    unlisted: int = 0
    sentences: tuple[str, ...] = ()
    legibility: str = ""

    @property
    def any(self) -> bool:
        """Whether there is something to say."""
        return bool(self.gaps or self.sentences or self.legibility)


def of_camera(take: Take, camera: str, window: Window = WHOLE) -> Losses:
    """Return what is missing from a camera's film within a window, in the active language.

    Counts over the whole take are left out where the window shows a part of it: they may be another parcel's.
    """
    facts = take.camera(camera) or {}
    length = max(1, take.duration_ms or 1)
    gaps = [
        _gap(one, facts, length)
        for one in facts.get("gap_list", ())
        if one["at_ms"] + one["duration_ms"] > window.from_ms
        and (window.to_ms is None or one["at_ms"] < window.to_ms)
    ]
    whole = window.from_ms <= 0 and (window.to_ms is None or window.to_ms >= length)
    return Losses(
        gaps=tuple(sorted(gaps, key=lambda gap: gap.at)),
        unlisted=max(0, int(facts.get("gaps", 0)) - len(facts.get("gap_list", ()))) if whole else 0,
        sentences=(*_absent(take), *_sentences(take, facts)) if whole else (),
        legibility=legibility(facts) if whole else "",
    )


def of_take(take: Take) -> str:
    """Return what a list says of a take in a few words: of the camera that lacks most. Empty where nothing
    is missing.
    """
    holes = [
        sum(one["duration_ms"] for one in camera.get("gap_list", ()) if one["duration_ms"] >= SHORT_MS)
        for camera in take.cameras
    ]
    if any(holes):
        return gettext("%(seconds)s s missing") % {"seconds": _seconds(max(holes) / 1000)}
    if any(camera.get("lost_packets") or camera.get("dropped_packets") for camera in take.cameras):
        return gettext("Pictures lost")
    if any(_unread(camera) for camera in take.cameras):
        return gettext("Label not readable")
    return ""


def calm(take: Take, camera: str, window: Window = WHOLE) -> str:
    """Return what a buyer reads about gaps in what their link shows, in a sentence or two; empty without."""
    return " ".join([*_absent(take), *filter(None, [_calm_of(take, camera, window)])])


def _absent(take: Take) -> list[str]:
    """A sentence for each camera of which the take has no picture."""
    return [
        gettext("%(camera)s gave no picture in the whole film.")
        % {"camera": camera.get("name", camera["id"])}
        for camera in take.cameras
        if not camera.get("parts", 1)
    ]


def _calm_of(take: Take, camera: str, window: Window) -> str:
    gaps = [gap for gap in of_camera(take, camera, window).gaps if gap.seconds * 1000 >= SHORT_MS]
    if not gaps:
        return ""
    if len(gaps) == 1:
        text = gettext(
            "At %(at)s the film lacks %(seconds)s s; the shop's signed record says so, and the rest is whole."
        )
        return text % {"at": gaps[0].clock, "seconds": _seconds(gaps[0].seconds)}
    text = gettext(
        "The film lacks %(seconds)s s in all, at %(count)d moments; the shop's signed record says so, and "
        "the rest is whole."
    )
    return text % {"count": len(gaps), "seconds": _seconds(sum(gap.seconds for gap in gaps))}


def legibility(facts: Mapping[str, Any]) -> str:
    """Return in how many looks the label could be read in the film; empty where nobody looked."""
    seen = facts.get("legibility")
    if not seen or not seen["looks"]:
        return ""
    text = ngettext(
        "The label could be read in %(readable)d of %(looks)d look.",
        "The label could be read in %(readable)d of %(looks)d looks.",
        seen["looks"],
    )
    return text % {"readable": seen["readable"], "looks": seen["looks"]}


def pre_roll_short(data: Mapping[str, Any]) -> str:
    """Return what the station's note ``pre_roll_short`` means."""
    there_ms = int(data.get("there_ms", 0))
    text = gettext("The film begins %(seconds)s s before the scan, later than usual: the camera was just up.")
    if there_ms < 0:
        text = gettext("The film begins %(seconds)s s after the scan: the camera gave no picture before.")
    return text % {"seconds": _seconds(abs(there_ms) / 1000)}


def _unread(facts: Mapping[str, Any]) -> bool:
    seen = facts.get("legibility")
    return bool(seen and seen["looks"] and not seen["readable"])


def _gap(one: Mapping[str, Any], facts: Mapping[str, Any], length: int) -> Gap:
    at_ms = max(0, one["at_ms"])
    left = min(995, at_ms * 1000 // length)
    return Gap(
        at=max(0, at_ms - int(facts.get("offset_ms", 0))) / 1000,
        seconds=one["duration_ms"] / 1000,
        why=str(REASONS.get(one["reason"], one["reason"])),
        left=left,
        width=max(5, min(1000 - left, one["duration_ms"] * 1000 // length)),
    )


def _sentences(take: Take, facts: Mapping[str, Any]) -> Sequence[str]:
    cut = gettext("The film ends before the parcel was done: the power, the station or the cameras failed.")
    found = [cut] if take.outcome == Outcome.INTERRUPTED else []
    found += [
        pre_roll_short(event["data"])
        for event in take.events
        if event["kind"] == "note"
        and event.get("data", {}).get("note") == "pre_roll_short"
        and event["data"].get("camera") == facts.get("id")
    ]
    lost, dropped = int(facts.get("lost_packets", 0)), int(facts.get("dropped_packets", 0))
    stalls, reconnects = int(facts.get("stalls", 0)), int(facts.get("reconnects", 0))
    if lost:
        text = ngettext(
            "%(count)d packet was lost on the way from the camera; a picture may show it.",
            "%(count)d packets were lost on the way from the camera; pictures may show it.",
            lost,
        )
        found.append(text % {"count": lost})
    if dropped:
        text = ngettext(
            "%(count)d picture reached the station and was not kept.",
            "%(count)d pictures reached the station and were not kept.",
            dropped,
        )
        found.append(text % {"count": dropped})
    if stalls:
        text = ngettext(
            "The camera stopped giving pictures %(count)d time, though it was connected.",
            "The camera stopped giving pictures %(count)d times, though it was connected.",
            stalls,
        )
        found.append(text % {"count": stalls})
    if reconnects:
        text = ngettext(
            "The connection to the camera broke %(count)d time and was made again.",
            "The connection to the camera broke %(count)d times and was made again.",
            reconnects,
        )
        found.append(text % {"count": reconnects})
    drift = facts.get("drift_ppm")
    if drift is not None and abs(drift) >= DRIFT_PPM:
        milliseconds = abs(drift) * 60 // 1000
        text = (
            gettext("The camera's clock runs fast by %(count)d ms a minute; times are by the station's.")
            if drift > 0
            else gettext("The camera's clock runs slow by %(count)d ms a minute; times are by the station's.")
        )
        found.append(text % {"count": milliseconds})
    return found


def _seconds(value: float) -> str:
    if value < 0.1:
        return f"{value:.2f}"
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
