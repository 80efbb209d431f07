"""RTCP (RFC 3550, 6): what the camera's clock says, and our report of what came. Pure."""

import struct
from collections.abc import Iterator

SENDER_REPORT = 200
NTP_TO_UNIX = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""
OURS = 0x7061636B
"""Our own source number, which only has to differ from the camera's."""
EMPTY = struct.pack(">BBHI", 0x80, 201, 1, OURS)
"""A report of nothing: we are still here. Some cameras stop without it."""


def sender_reports(packet: bytes) -> Iterator[tuple[int, int]]:
    """Yield RTP time stamp and nanoseconds since 1970 of each sender report in a compound packet.

    A camera without a clock sends NTP time 0, which is no report.
    """
    at = 0
    while at + 8 <= len(packet):
        first, kind, words = struct.unpack_from(">BBH", packet, at)
        end = at + 4 * (words + 1)
        if first >> 6 != 2 or end > len(packet):
            return
        if kind == SENDER_REPORT and end - at >= 28:
            seconds, fraction, stamp = struct.unpack_from(">III", packet, at + 8)
            if seconds:
                # Seconds wrap in 2036; what lies before 1968 is then meant.
                era = 0 if seconds >= 0x80000000 else 1 << 32
                yield stamp, (seconds + era - NTP_TO_UNIX) * 10**9 + (fraction * 10**9 >> 32)
        at = end


class Reception:
    """What came of one source, for the reports that a camera may tune itself by (RFC 3550, A.3)."""

    def __init__(self) -> None:
        self._source: int | None = None
        self._first = self._highest = self._came = 0
        self._told = (0, 0)

    def note(self, packet: bytes | memoryview) -> None:
        """Count one RTP packet."""
        sequence, source = struct.unpack_from(">2xH4xI", packet)
        if source != self._source:
            self._source, self._first, self._highest, self._came = source, sequence, sequence, 0
            self._told = (0, 0)
        step = (sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
        self._highest += max(0, step)
        self._came += 1

    def report(self) -> bytes:
        """A receiver report; empty before anything came."""
        if self._source is None:
            return EMPTY
        expected = self._highest - self._first + 1
        lost = expected - self._came
        new, missing = expected - self._told[0], lost - self._told[1]
        self._told = (expected, lost)
        fraction = max(0, min(255, 256 * missing // new)) if new > 0 else 0
        total = max(-0x800000, min(0x7FFFFF, lost)) & 0xFFFFFF
        block = (self._source, fraction << 24 | total, self._highest & 0xFFFFFFFF, 0, 0, 0)
        return struct.pack(">BBHI6I", 0x81, 201, 7, OURS, *block)
