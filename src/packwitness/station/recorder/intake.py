"""From what a camera sends to what the ring holds: one framing, whole time stamps, one line of time."""

from bisect import insort
from fractions import Fraction

from packwitness.station.recorder import nal
from packwitness.station.recorder.decoder import picture_size
from packwitness.station.recorder.messages import TIMESCALE
from packwitness.station.recorder.muxer import open_track
from packwitness.station.recorder.packets import Packet, Run, Track, nanoseconds
from packwitness.station.recorder.source import Picture, Stream

JUMP = 2 * TIMESCALE
"""A time stamp that leaps so far ahead of the clock on the wall has jumped."""
BACK = TIMESCALE // 5
"""A decode time that falls back by more has jumped; by less, it is a stutter and gets smoothed."""
REORDER = 4
"""Pictures a stream may hold back, if it gives no decode times: more than any camera does."""
CALM_PACKETS = 3
"""Packets in a row that do not move the anchor by more than CALM_NS: it has settled."""
CALM_NS = 8_000_000
HELD_LIMIT = 120


class Intake:
    """One connection of one camera."""

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._run = Run(connection)
        self._codec = ""
        self._size = (0, 0)
        self._annexb = True
        self._length_size = 4
        self._sets: tuple[bytes, ...] = ()
        self._track: Track | None = None
        self._factor = Fraction(1)
        self._usual = TIMESCALE // 25
        self._last: tuple[int, int] | None = None  # dts and arrival of the packet before
        self._waiting: list[int] | None = None  # sorted pts, while decode times are made from order
        self._first_pts = 0
        self._made = 0
        self._settled: Run | None = None
        self._held: list[Packet] = []
        self._calm = 0
        self._calm_from = 0

    def begin(self, stream: Stream) -> None:
        """Take note of how to read what follows.

        Raises:
            nal.BadStream: codec or extradata cannot be read.
        """
        if stream.codec not in nal.SETS:
            raise nal.BadStream(f"coded as {stream.codec}")
        self._codec = stream.codec
        self._size = (stream.width, stream.height)
        self._annexb = nal.is_annexb(stream.extradata)
        self._factor = stream.time_base * TIMESCALE
        if stream.frame_rate:
            self._usual = int(TIMESCALE / stream.frame_rate) or 1
        if self._annexb:
            units = nal.annexb_units(stream.extradata)
        else:
            units = nal.record_units(self._codec, stream.extradata)
            self._length_size = nal.length_size(self._codec, stream.extradata)
        self._sets = nal.parameter_sets(self._codec, units)
        self._track = None

    def push(self, picture: Picture) -> list[Packet]:
        """Return the packets that may go on: none before the first keyframe, nor while the run's anchor
        settles.

        A camera, or FFmpeg while it probes, holds the first packets back and hands them over in a burst. Only
        the burst's end tells when they were taken, and a take must not begin with the error.

        Raises:
            nal.BadStream: the packet is none of this codec's.
        """
        packet = self._packet(picture)
        if packet is None:
            return []
        if self._settled is packet.run:
            return [packet]
        self._held.append(packet)
        # By decode times, which B-frames do not toss about.
        late = picture.arrival_ns - nanoseconds(packet.dts)
        if len(self._held) == 1 or late < self._calm_from - CALM_NS:
            self._calm_from, self._calm = late, 0
        else:
            self._calm += 1
        if self._calm < CALM_PACKETS and len(self._held) < HELD_LIMIT:
            return []
        return self.release()

    def release(self) -> list[Packet]:
        """Hand over what is held back, settled or not."""
        held, self._held = self._held, []
        self._settled = self._run
        return held

    def _packet(self, picture: Picture) -> Packet | None:
        data = self._framed(picture.data)
        if picture.key:
            self._adopt(data)
        track = self._track
        if track is None:
            return None
        pts, dts = self._times(picture)
        self._run.anchor.add(picture.arrival_ns, nanoseconds(pts))
        duration = self._scaled(picture.duration) or self._usual
        return Packet(data, pts, dts, duration, picture.key, self._run, track)

    def _framed(self, data: bytes) -> bytes:
        if self._annexb:
            return nal.prefixed(nal.annexb_units(data))
        if self._length_size != 4:
            return nal.prefixed(nal.prefixed_units(data, self._length_size))
        return data

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
        if track is not None or not all(self._size):
            self._size = picture_size(self._codec, sets, data)
        self._sets = sets
        self._track = open_track(self._codec, sets, width=self._size[0], height=self._size[1])

    def _scaled(self, count: int) -> int:
        if self._factor == 1:
            return count
        return count * self._factor.numerator // self._factor.denominator

    def _times(self, picture: Picture) -> tuple[int, int]:
        """Presentation and decode time on the run's line; a new run where the camera's clock jumped."""
        pts = self._scaled(picture.pts)
        given = None if picture.dts is None else self._scaled(picture.dts)
        if self._last is not None:
            step = (pts if given is None else given) - self._last[0]
            waited = nanoseconds(JUMP) + picture.arrival_ns - self._last[1]
            back = JUMP if given is None else BACK
            if step < -back or (step > JUMP and nanoseconds(step) > waited):
                self._run = Run(self._connection)
                self._last = self._waiting = None
                self._calm = 0
        if self._last is None and given is None:
            self._waiting, self._first_pts, self._made = [], pts, 0
        if self._waiting is not None:
            dts = self._made_time(self._waiting, pts)
        elif given is not None:
            dts = given
        else:
            dts = min(pts, self._usual + (self._last[0] if self._last else pts))
        if self._last is not None:
            dts = max(dts, self._last[0] + 1)
        self._last = (dts, picture.arrival_ns)
        return max(pts, dts), dts

    def _made_time(self, waiting: list[int], pts: int) -> int:
        """Decode times from order alone: the presentation times in ascending order, REORDER pictures later.

        If no more than REORDER pictures are held back, the result grows and stays at or below `pts`.
        """
        insort(waiting, pts)
        self._made += 1
        if self._made <= REORDER:
            return self._first_pts - (REORDER - self._made + 1) * self._usual
        return waiting.pop(0)
