"""The scanner trigger: a hand scanner's bursts, as the kiosk's page hands them over.

The page gathers the keys (``static/wedge.js``); what is left for this side is what a page cannot
know. A scanner whose
trigger is held sends the same code again within a few hundredths of a second, a kiosk open in two windows
hears each scan
twice: both would end a film that has only begun. So the same code again within ``BOUNCE_MS`` is one scan.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import anyio

from packwitness.station.kiosk.view import OnScan
from packwitness.station.workflow.codes import CodeRefused, normalise
from packwitness.station.workflow.effects import Answer
from packwitness.station.workflow.events import Source

BOUNCE_MS: Final = 300


@dataclass(slots=True)
class Bounces:
    """Remembers the last code. ``is_bounce`` is pure but for that memory: time is told to it."""

    bounce_ms: int = BOUNCE_MS
    _code: str = ""
    _ns: int = 0

    def is_bounce(self, raw: str, monotonic_ns: int) -> bool:
        """Say whether ``raw`` is the scan before it once more. A run of bounces is one scan however long
        it lasts."""
        try:
            code = normalise(raw).text
        except CodeRefused:
            code = raw.strip()
        bounced = code == self._code and monotonic_ns - self._ns < self.bounce_ms * 1_000_000
        self._code, self._ns = code, monotonic_ns
        return bounced


def without_bounces(on_scan: OnScan, *, clock_ns: Callable[[], int], bounce_ms: int = BOUNCE_MS) -> OnScan:
    """Wrap a bench's callback so that a scanner's bounces do not reach it; a bounce gets the answer its
    scan got."""
    bounces = Bounces(bounce_ms)
    one_by_one = anyio.Lock()
    last: Answer | None = None

    async def scan(raw: str, source: Source, ago_ms: int) -> Answer:
        nonlocal last
        bounced = source is Source.SCANNER and bounces.is_bounce(raw, clock_ns())
        async with one_by_one:  # a bounce may come before its scan has been answered
            if bounced and last is not None:
                return last
            last = None
            last = await on_scan(raw, source, ago_ms)
            return last

    return scan
