"""A label laid in a camera's view: sightings become ``Scanned`` once and ``Lifted`` once.

Two things disturb a camera's reading: a code misread for one frame, and a hand over the label for some. So
a label is
*there* after ``hits`` sightings within ``hit_window_ms``, and *gone* after ``gone_ms`` without one.

Gone is judged only by pictures that were looked at. While a camera gives none, nobody can say the label
was lifted: the
wait for it begins anew with the first picture after the hole. And at least two looks must miss it, so that
a machine too busy
to look more than once a second does not end films.

Pure: time is told to it, nothing is read or sent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from packwitness.station.triggers.heard import WHOLE, Region, SeenCode
from packwitness.station.workflow.codes import COMMAND_PREFIX, CodeRefused, normalise
from packwitness.station.workflow.events import Lifted, Scanned, Source

type IsLabel = Callable[[str, str], bool]
"""``is_label(normalised code, symbology)``: ``LabelFilter.accepts`` of the running logic."""

_MISSES = 2


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

    def look(
        self, codes: Iterable[SeenCode], *, monotonic_ns: int, utc: datetime
    ) -> tuple[Scanned | Lifted, ...]:
        """Take one picture's codes (none, if none was seen) and return what has become of the labels.

        Labels that left come before labels that arrived. ``monotonic_ns`` is the picture's moment, ``utc``
        the same one; a
        picture older than the one before is not looked at.
        """
        if self._looked_ns is not None and monotonic_ns < self._looked_ns:
            return ()
        self._bridge_hole(monotonic_ns)
        seen = self._labels_among(codes)
        events: list[Scanned | Lifted] = []
        for code, label in list(self._labels.items()):
            if code not in seen and self._missed(label, monotonic_ns):
                del self._labels[code]
                if label.there:
                    events.append(Lifted(code=code, utc=utc, monotonic_ns=monotonic_ns))
        for code, symbology in seen.items():
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
        label.last_ns, label.misses = now_ns, 0
        if label.there:
            return False
        since_ns = now_ns - self.hit_window_ms * 1_000_000
        label.hits_ns = [hit_ns for hit_ns in label.hits_ns if hit_ns >= since_ns]
        label.hits_ns.append(now_ns)
        label.there = len(label.hits_ns) >= self.hits
        return label.there

    def _missed(self, label: _Label, now_ns: int) -> bool:
        label.misses += 1
        patience_ns = (self.gone_ms if label.there else self.hit_window_ms) * 1_000_000
        return label.misses >= _MISSES and now_ns - label.last_ns >= patience_ns

    def _bridge_hole(self, now_ns: int) -> None:
        if self._looked_ns is not None and now_ns - self._looked_ns > self.gap_ms * 1_000_000:
            for label in self._labels.values():
                label.last_ns, label.misses = now_ns, 0
        self._looked_ns = now_ns
