"""What a watch page shows, put together from recordings, orders and the link.

It decides nothing about access: that is the link's and the span's business.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext

from packwitness.evidence.canonical import parse_time
from packwitness.hub.orders.models import Order
from packwitness.hub.recordings import captions, losses
from packwitness.hub.recordings.layout import Window
from packwitness.hub.recordings.models import Outcome, Recording, Span, Take, TakeState
from packwitness.hub.watch.names import camera_name


@dataclass(frozen=True)
class Chapter:
    """A moment worth going to; ``at`` in seconds of the film's own time line."""

    at: float
    text: str

    @property
    def clock(self) -> str:
        """``at`` as a person reads it, such as ``1:07``."""
        return clock(self.at)


@dataclass(frozen=True)
class View:
    """One camera of a take. ``offset_ms``: where its film begins after the take's ``film_from``."""

    id: str
    name: str
    offset_ms: int

    @property
    def title(self) -> str:
        """The camera's name in the active language."""
        return camera_name(self.id, self.name)


@dataclass(frozen=True)
class Showing:
    """The part of one take that belongs to this page's parcel."""

    take: Take
    window: Window
    views: tuple[View, ...]

    @property
    def running(self) -> bool:
        """Whether the parcel is being filmed right now."""
        return self.take.state == TakeState.RECORDING

    @property
    def deleted(self) -> bool:
        """Whether the film is gone, by rule or by a person."""
        return self.take.state == TakeState.DELETED

    @property
    def playable(self) -> bool:
        """Whether a film can be played at once."""
        return self.take.state == TakeState.SEALED and bool(self.views)

    @property
    def interrupted(self) -> bool:
        """Whether the film ends before the packing did."""
        return self.take.outcome == Outcome.INTERRUPTED

    def view(self, wanted: str | None) -> View | None:
        """Return the camera of this id, else the first."""
        return next((view for view in self.views if view.id == wanted), self.views[0] if self.views else None)

    def losses(self, view: View) -> str:
        """Return the one sentence about gaps in what this link shows; empty if there are none."""
        return losses.calm(self.take, view.id, self.window) if self.playable else ""

    def chapters(self, view: View) -> list[Chapter]:
        """Return the chapters of one camera's film, in the active language."""
        window = self.window
        return [
            Chapter(at=max(0, event["at_ms"] - view.offset_ms) / 1000, text=text)
            for event in self.take.events
            if event["kind"] in captions.CHAPTERS
            and window.from_ms <= max(0, event["at_ms"])
            and (window.to_ms is None or event["at_ms"] <= window.to_ms)
            and (text := captions.words(event))
        ]


def clock(seconds: float) -> str:
    """Return a length as a person reads it, such as ``1:07``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def showings(recording: Recording) -> list[Showing]:
    """Return what belongs to the parcel, the one to play first: running, then completed, newest first."""
    spans: Iterable[Span] = recording.spans.select_related("take").exclude(take__outcome=Outcome.DISCARDED)
    found = [_showing(span) for span in spans]
    return sorted(found, key=_importance, reverse=True)


def order_of(recording: Recording) -> Order | None:
    """Return the parcel's order, if it is known."""
    return recording.shipment.order if recording.shipment else None


@dataclass(frozen=True)
class Line:
    """One line of the verify panel: ``state`` is good, warn or bad."""

    state: str
    title: str
    text: str


def verdict_lines(take: Take, fingerprint: str) -> list[Line]:
    """Return the three lines of the check at the seal in plain words (docs/design/evidence.md, "Verdict").

    The page comes from the shop's own hub, so it must not vouch for the shop's key: it names it and says how
    to compare.
    """
    verdict: dict[str, Any] = take.verdict or {}
    integrity, time = verdict.get("integrity", {}), verdict.get("time", {})
    unchanged = bool(integrity.get("unchanged"))
    return [
        Line(
            "good" if unchanged else "bad",
            gettext("Unchanged since it was sealed") if unchanged else gettext("Changed after it was sealed"),
            gettext("Sealed by the packing bench with key %(key)s.")
            % {"key": shortened(integrity.get("key", ""))},
        ),
        Line(
            "warn",
            gettext("The shop's key: compare it yourself"),
            gettext(
                "This page comes from the shop, so it cannot vouch for the shop. Its fingerprint is %(key)s."
            )
            % {"key": shortened(fingerprint)},
        ),
        _time_line(time),
    ]


def shortened(key: str) -> str:
    """Return a key id's beginning and end, enough to compare by eye."""
    digits = key.partition(":")[2] or key
    return f"{digits[:8]}…{digits[-8:]}" if len(digits) > 20 else digits


def _time_line(time: dict[str, Any]) -> Line:
    if time.get("trusted"):
        return Line(
            "good",
            gettext("The time is vouched for"),
            gettext("Not later than %(moment)s, says %(authority)s.")
            % {"moment": _spoken(time["moment"]), "authority": time["authority"]},
        )
    return Line(
        "warn",
        gettext("The time is the packing bench's own word"),
        gettext("No independent authority has stamped it."),
    )


def _spoken(moment: str) -> str:
    at = localtime(parse_time(moment))
    return f"{date_format(at, 'DATETIME_FORMAT')} {at.tzname() or ''}".strip()


def _showing(span: Span) -> Showing:
    take = span.take
    views = tuple(
        View(id=one["id"], name=one.get("name") or one["id"], offset_ms=int(one.get("offset_ms", 0)))
        for one in take.cameras
        # A sealed camera that gave nothing has no part to show.
        if take.state != TakeState.SEALED or one.get("parts", 0)
    )
    return Showing(take=take, window=Window(span.from_ms, span.to_ms), views=views)


def _importance(showing: Showing) -> tuple[bool, bool, datetime]:
    take = showing.take
    return showing.running, take.outcome == Outcome.COMPLETED and not showing.deleted, take.started_at
