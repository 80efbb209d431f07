"""A label laid in a camera's view: sightings become ``Scanned`` once and ``Lifted`` once.

Two things disturb a camera's reading: a code misread for one frame, and a hand over the label for some. So
a label is
*there* after ``hits`` sightings within ``hit_window_ms``, and *gone* after ``gone_ms`` without one.

Gone is judged only by pictures that were looked at. While a camera gives none, nobody can say the label
was lifted: the
wait for it begins anew with the first picture after the hole. And at least two looks must miss it, so that
a machine too busy
to look more than once a second does not end films.

Of two cameras that look, one is slower, and its pictures come after newer ones of the other. Such a picture
counts for what it shows, not for what it lacks; and it cannot bring back a label that was lifted after it.

Pure: time is told to it, nothing is read or sent.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from packwitness.station.triggers.heard import WHOLE, Region, SeenCode
from packwitness.station.workflow.codes import COMMAND_PREFIX, CodeRefused, normalise
from packwitness.station.workflow.events import Lifted, Scanned, Source

type IsLabel = Callable[[str, str], bool]
"""``is_label(normalised code, symbology)``: ``LabelFilter.accepts`` of the running logic."""

_MISSES = 2
_LATE_NS = 10_000_000_000
"""A picture that comes later than this after a newer one is not looked at."""


@dataclass(slots=True)
class _Label:
    """A code that was seen lately by one or more of the bench's cameras."""

    symbology: str
    hits_ns: list[int] = field(default_factory=list)
    there: bool = False
    last_ns: int = 0
    misses: int = 0


@dataclass(slots=True)
class CodeInView:
    """The code-in-view trigger of one bench, over all cameras of it that look for labels.

    ``region`` (fractions of the picture): codes whose centre lies outside do not count. ``gap_ms``: a
    longer time between
    two looks is a hole, and nothing is concluded from it.
    """

    is_label: IsLabel
    hits: int = 2
    hit_window_ms: int = 600
    gone_ms: int = 1_000
    gap_ms: int = 2_000
    region: Region = WHOLE
    _labels: dict[str, _Label] = field(default_factory=dict)
    _looked_ns: int | None = None
    _lifted_ns: dict[str, int] = field(default_factory=dict)

    def look(
        self, codes: Iterable[SeenCode], *, monotonic_ns: int, utc: datetime
    ) -> tuple[Scanned | Lifted, ...]:
        """Take one picture's codes (none, if none was seen) and return what has become of the labels.

        Labels that left come before labels that arrived. ``monotonic_ns`` is the picture's moment, ``utc``
        the same one; of a
        picture older than the one before only what it shows is taken.
        """
        seen = self._labels_among(codes)
        events: list[Scanned | Lifted] = []
        if self._looked_ns is None or monotonic_ns >= self._looked_ns:
            self._bridge_hole(monotonic_ns)
            events += self._gone(seen, monotonic_ns, utc)
        elif self._looked_ns - monotonic_ns > _LATE_NS:
            return ()
        for code, symbology in seen.items():
            if monotonic_ns <= self._lifted_ns.get(code, -1):
                continue
            label = self._labels.setdefault(code, _Label(symbology))
            if self._hit(label, monotonic_ns):
                events.append(
                    Scanned(
                        code=code,
                        source=Source.CAMERA,
                        symbology=label.symbology,
                        utc=utc,
                        monotonic_ns=monotonic_ns,
                    )
                )
        return tuple(events)

    def _gone(self, seen: Container[str], now_ns: int, utc: datetime) -> list[Lifted]:
        """Forget the labels that have been missed for long enough, and return those that lay there."""
        gone: list[Lifted] = []
        for code, label in list(self._labels.items()):
            if code not in seen and self._missed(label, now_ns):
                del self._labels[code]
                if label.there:
                    gone.append(Lifted(code=code, utc=utc, monotonic_ns=now_ns))
        recent = {code: at for code, at in self._lifted_ns.items() if now_ns - at <= _LATE_NS}
        self._lifted_ns = recent | {label.code: now_ns for label in gone}
        return gone

    def _labels_among(self, codes: Iterable[SeenCode]) -> dict[str, str]:
        left, top, right, bottom = self.region
        labels: dict[str, str] = {}
        for seen in codes:
            x, y = seen.centre
            if not (left <= x <= right and top <= y <= bottom):
                continue
            try:
                code = normalise(seen.text)
            except CodeRefused:  # somebody's matrix code with binary in it: not ours, and nobody scanned it
                continue
            if not code.text.startswith(COMMAND_PREFIX) and self.is_label(code.text, seen.symbology):
                labels[code.text] = seen.symbology
        return labels

    def _hit(self, label: _Label, now_ns: int) -> bool:
        # A late picture is the newest its camera has: the wait for gone begins at the newest look of all.
        label.last_ns, label.misses = now_ns if self._looked_ns is None else max(now_ns, self._looked_ns), 0
        if label.there:
            return False
        window_ns = self.hit_window_ms * 1_000_000
        # A camera's newer sightings are kept while a slower one's older ones come in.
        label.hits_ns = [hit for hit in label.hits_ns if label.last_ns - hit <= _LATE_NS]
        label.hits_ns.append(now_ns)
        label.there = sum(abs(hit - now_ns) <= window_ns for hit in label.hits_ns) >= self.hits
        return label.there

    def _missed(self, label: _Label, now_ns: int) -> bool:
        label.misses += 1
        # One that is not there yet waits for its further sightings, which may come from a slower camera.
        patience_ns = self.gone_ms * 1_000_000 if label.there else _LATE_NS
        return label.misses >= _MISSES and now_ns - label.last_ns >= patience_ns

    def _bridge_hole(self, now_ns: int) -> None:
        if self._looked_ns is not None and now_ns - self._looked_ns > self.gap_ms * 1_000_000:
            for label in self._labels.values():
                label.last_ns, label.misses = now_ns, 0
        self._looked_ns = now_ns
