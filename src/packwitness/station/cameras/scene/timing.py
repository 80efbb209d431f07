"""The one table of when things happen in a cycle, in seconds from its start."""

from typing import NamedTuple

FPS = 15
CYCLE_SECONDS = 14
FRAMES = FPS * CYCLE_SECONDS


class Span(NamedTuple):
    start: float
    end: float

    def share(self, t: float) -> float:
        """How far through the span `t` is, 0..1, gently started and stopped."""
        s = min(max((t - self.start) / (self.end - self.start), 0.0), 1.0)
        return s * s * s * (s * (s * 6 - 15) + 10)


TOTE_COMES = Span(0.80, 1.75)
LABEL_COMES = Span(1.05, 1.45)
LABEL_STILL = Span(1.50, 9.90)  # it lies on the pad, nothing over its barcode
HAND_LEAVES_LABEL = Span(1.53, 1.95)
BOX_COMES = Span(1.55, 2.20)
PACKING = Span(2.35, 6.15)  # the products, one by one, in equal shares
TOTE_GOES = Span(6.05, 7.05)
PAPER_DRAWN = Span(6.40, 6.80)
PAPER_IN = Span(6.80, 7.25)
SHORT_FLAPS = Span(7.45, 7.80)
LONG_FLAPS = Span(7.86, 8.26)
TAPE_FETCHED = Span(8.26, 9.00)
TAPE_GRIPPED = 8.62
TAPE_DRAWN = Span(9.02, 9.48)
TAPE_BACK = Span(9.50, 9.84)
HAND_AT_LABEL = 10.18
LABEL_MOVES = Span(10.24, 10.74)  # from the pad onto the box
PARCEL_GOES = Span(10.92, 11.44)
EMPTY_AGAIN = 11.46
