"""From what a camera sends to what the ring holds: one framing, whole time stamps, one line of time."""

from bisect import insort
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from packwitness.station.recorder import nal
from packwitness.station.recorder.clock import Anchor
from packwitness.station.recorder.messages import TIMESCALE
from packwitness.station.recorder.muxer import open_track
from packwitness.station.recorder.packets import Packet, Run, Track, nanoseconds
from packwitness.station.recorder.source import CameraClock, Picture, Stream

JUMP = 2 * TIMESCALE
"""A time stamp that leaps so far ahead of the clock on the wall has jumped."""
BACK = TIMESCALE // 5
"""A decode time that falls back by more has jumped; by less, it is a stutter and gets smoothed."""
REORDER = 4
"""Pictures a stream may hold back, if it gives no decode times: more than any camera does."""
CALM_PACKETS = 3
"""Packets in a row that come no earlier than those before, by CALM_NS: the burst at the beginning is over."""
CALM_NS = 8_000_000
HELD_LIMIT = 120


@dataclass(frozen=True, slots=True)
class _Taken:
    """A picture in MP4's framing, its times in 90000ths of a second; `given` is the decode time, if there is
    one.
    """

    data: bytes
    pts: int
    given: int | None
    duration: int
    key: bool
    arrival_ns: int
    track: Track
    lost: int
    dropped: int
    late_ns: int


class Intake:
    """One connection of one camera."""

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._codec = ""
        self._length_size = 0
        self._sets: tuple[bytes, ...] = ()
        self._track: Track | None = None
        self._factor = Fraction(1)
        self._usual = TIMESCALE // 25
        self._source = "stream"
        self._lost = self._dropped = 0
        self._prompt = Anchor()
        self._before: tuple[int, int] | None = None  # order and arrival of the picture before
        self._run = Run(connection)
        # The beginning of a run, until it has settled.
        self._settled = False
        self._held: list[_Taken] = []
        self._calm = 0
        self._earliest = 0
        # Decode times: `_gives` where the stream says them, though perhaps not each.
        self._gives = True
        self._last_dts: int | None = None
        self._last_pts = 0
        self._waiting: list[int] | None = None  # sorted pts, where decode times are made from order
        self._made = 0
        self._first_pts = 0

    def begin(self, stream: Stream) -> None:
        """Take note of how to read what follows.

        Raises:
            nal.BadStream: codec or extradata cannot be read.
        """
        if stream.codec not in nal.SETS:
            raise nal.BadStream(f"coded as {stream.codec}")
        self._codec, self._source = stream.codec, stream.timing
        self._run.source = stream.timing
        self._factor = stream.time_base * TIMESCALE
        if stream.frame_rate:
            self._usual = int(TIMESCALE / stream.frame_rate) or 1
        if nal.is_annexb(stream.extradata):
            self._length_size = 0
            units = nal.annexb_units(stream.extradata)
        else:
            self._length_size = nal.length_size(self._codec, stream.extradata)
            units = nal.record_units(self._codec, stream.extradata)
        if stream.length_size is not None:
            self._length_size = stream.length_size
        self._sets = nal.parameter_sets(self._codec, units)
        self._track = None

    def push(self, picture: Picture) -> list[Packet]:
        """Return the packets that may go on: none before the first keyframe, nor while a run begins.

        A camera, or FFmpeg while it probes, holds the first packets back and hands them over in a burst. Only
        the burst's end tells when they were taken, and a take must not begin with the error. The first
        packets also tell whether pictures come out of order.

        Raises:
            nal.BadStream: the packet is none of this codec's.
        """
        data = self._framed(picture.data)
        self._lost += picture.lost
        self._dropped += picture.dropped
        if picture.key:
            self._adopt(data)
        if self._track is None:
            return []
        pts = self._scaled(picture.pts)
        given = None if picture.dts is None else self._scaled(picture.dts)
        order = pts if given is None else given
        out: list[Packet] = []
        if self._jumped(order, picture.arrival_ns, tolerance=JUMP if given is None else BACK):
            out = self.release()
            self._begin_run()
        self._before = (order, picture.arrival_ns)
        duration = self._scaled(picture.duration)
        taken = _Taken(
            *(data, pts, given, duration, picture.key, picture.arrival_ns, self._track),
            lost=self._lost,
            dropped=self._dropped,
            late_ns=self._lateness(picture.arrival_ns, nanoseconds(order)) if self._settled else 0,
        )
        self._lost = self._dropped = 0
        self._run.anchor.add(picture.arrival_ns, nanoseconds(pts))
        if self._settled:
            out.append(self._timed(taken))
            return out
        self._held.append(taken)
        late = picture.arrival_ns - nanoseconds(order)
        if len(self._held) == 1 or late < self._earliest - CALM_NS:
            self._earliest, self._calm = late, 0
        else:
            self._calm += 1
        if self._calm >= CALM_PACKETS or len(self._held) >= HELD_LIMIT:
            out += self.release()
        return out

    def clock(self, reading: CameraClock) -> None:
        """Take note of what the camera's own clock says."""
        if self._settled:
            moment = self._run.anchor.moment(nanoseconds(self._scaled(reading.pts)))
            self._run.offset.add(reading.utc_ns, moment)

    def _lateness(self, arrival_ns: int, order_ns: int) -> int:
        """How much later than the promptest picture of this run. What a burst at its beginning held back does
        not count.
        """
        self._run.drift.add(arrival_ns, order_ns)
        self._prompt.add(arrival_ns, order_ns)
        return max(0, arrival_ns - self._prompt.moment(order_ns))

    def release(self) -> list[Packet]:
        """Hand over what is held back, settled or not."""
        held, self._held = self._held, []
        if not held:
            return []
        self._settled = True
        out_of_order = any(after.pts < before.pts for before, after in pairwise(held))
        self._gives = held[0].given is not None
        if out_of_order and not self._gives:
            self._make_times(held[0].pts)
        return [self._timed(taken) for taken in held]

    def _begin_run(self) -> None:
        self._new_run()
        self._settled = False
        self._last_dts = self._waiting = None
        self._calm = 0

    def _new_run(self) -> None:
        self._run, self._prompt = Run(self._connection, self._source), Anchor()

    def _jumped(self, order: int, arrival_ns: int, *, tolerance: int) -> bool:
        """Whether the camera's clock was set: the time stamp falls back, or leaps ahead of the time that
        passed.
        """
        if self._before is None:
            return False
        step = order - self._before[0]
        waited = nanoseconds(JUMP) + arrival_ns - self._before[1]
        return step < -tolerance or (step > JUMP and nanoseconds(step) > waited)

    def _framed(self, data: bytes) -> bytes:
        if self._length_size == 4:
            return data
        if self._length_size == 0:
            return nal.prefixed(nal.annexb_units(data))
        return nal.prefixed(nal.prefixed_units(data, self._length_size))

    def _adopt(self, data: bytes) -> None:
        """Follow the parameter sets that came with a keyframe."""
        inband = nal.parameter_sets(self._codec, nal.prefixed_units(data))
        track = self._track
        if track is not None and all(unit in track.sets for unit in inband):
            return
        kinds = {nal.unit_type(self._codec, unit) for unit in inband}
        kept = [unit for unit in self._sets if nal.unit_type(self._codec, unit) not in kinds]
        sets = nal.parameter_sets(self._codec, [*kept, *inband])
        if {nal.unit_type(self._codec, unit) for unit in sets} != set(nal.SETS[self._codec]):
            return  # not all there yet: a later keyframe brings them
        self._sets = sets
        self._track = open_track(self._codec, sets)

    def _scaled(self, count: int) -> int:
        if self._factor == 1:
            return count
        return count * self._factor.numerator // self._factor.denominator

    # --- decode times ---

    def _timed(self, taken: _Taken) -> Packet:
        """The packet with a decode time that grows and is never above `pts`."""
        pts = taken.pts
        last = self._last_dts
        bare = self._waiting is None and not self._gives and last is not None
        if bare and pts < self._last_pts - self._usual // 2:
            # Out of order after all: go on on a new line, which lies a few pictures later.
            self._new_run()
            self._run.anchor.add(taken.arrival_ns, nanoseconds(pts))
            self._make_times(pts)
            last = None
        if self._waiting is not None:
            dts = self._made_time(self._waiting, pts)
        elif taken.given is not None:
            dts = taken.given
        elif self._gives and last is not None:
            dts = min(pts, last + self._usual)
        else:
            dts = pts
        if last is not None:
            dts = max(dts, last + 1)
            if not taken.duration and dts - last <= TIMESCALE:
                self._usual = dts - last
        self._last_dts, self._last_pts = dts, pts
        duration = taken.duration or self._usual
        return Packet(
            *(taken.data, max(pts, dts), dts, duration, taken.key, self._run, taken.track),
            late_ns=taken.late_ns,
            lost=taken.lost,
            dropped=taken.dropped,
        )

    def _make_times(self, first_pts: int) -> None:
        self._waiting, self._first_pts, self._made = [], first_pts, 0

    def _made_time(self, waiting: list[int], pts: int) -> int:
        """Decode times from order alone: the presentation times in ascending order, REORDER pictures later.

        If no more than REORDER pictures are held back, the result grows and stays at or below `pts`.
        """
        insort(waiting, pts)
        self._made += 1
        if self._made <= REORDER:
            return self._first_pts - (REORDER - self._made + 1) * self._usual
        return waiting.pop(0)
