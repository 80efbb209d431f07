"""One camera's film in one take: where media time 0 is, where the holes are. Pure.

Media time 0 is the decode time of the camera's first packet in the take; a picture shown at media time p was
taken at `origin_ns` + p. A reconnected camera goes on on the same line, so a gap is a hole in the film and
not a shift.
"""

from dataclasses import dataclass, replace

from packwitness.station.recorder.clock import Timing
from packwitness.station.recorder.cutter import Cut, Cutter
from packwitness.station.recorder.packets import Packet, Run, ticks
from packwitness.station.recorder.sound_part import SoundPart

PATIENCE_NS = 250_000_000
"""How long a stopped take waits for the packet that would end it."""
OPEN_NS = 1_300_000_000
"""A part that stays open longer has no successor coming: the camera stalls."""
SAY_NS = 10_000_000_000
"""How often the film's times are noted, so that a take cut short has them too."""
SHORT_HOLE = 9_000
"""A hole shorter than 100 ms is jitter of a stream or between connections, not a gap worth a line."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part to be written. `start` and `duration` in media time; `offset` leads there from the packets'
    line.
    """

    packets: tuple[Packet, ...]
    start: int
    duration: int
    offset: int
    origin_ns: int
    sound: SoundPart | None = None

    @property
    def key(self) -> bool:
        return self.packets[0].key

    @property
    def size(self) -> int:
        heard = self.sound.frames if self.sound is not None else ()
        return sum(len(packet.data) for packet in self.packets) + sum(len(data) for _, data in heard)


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole from `at` on, in media time."""

    at: int
    duration: int
    reason: str
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be added to the counts of this film, and how its times are now."""

    lost: int = 0
    dropped: int = 0
    stalls: int = 0
    reconnects: int = 0
    timing: Timing | None = None


type Item = Piece | Gap | Said


class Reel:
    """`t_start_ns` monotonic. `origin_ns` and `end` continue what a recorder before this one wrote."""

    def __init__(self, *, t_start_ns: int, origin_ns: int | None = None, end: int = 0) -> None:
        self.t_start_ns = t_start_ns
        self.t_stop_ns: int | None = None
        self.end = end
        self._begun = origin_ns is not None
        self._origin_ns = origin_ns or 0
        self._run: Run | None = None
        self._offset = 0
        self._floor = 0
        self._cutter = Cutter()
        self._opened_ns = 0
        self._arrived_ns = 0
        self._lost = "recorder" if self._begun else "camera_lost"
        self._stalled = False
        self._packets_lost = self._dropped = 0
        self._late_ns = 0
        self._said_ns: int | None = None

    def push(self, packet: Packet, now_ns: int) -> list[Item]:
        """Add the next packet; return what can be written now."""
        done: list[Item] = []
        self._arrived_ns = now_ns
        first = self._run is None
        if packet.run is not self._run:
            done += self.flush()
            done += self._enter(packet)
        packet = self._after(packet)
        if not first:
            # What came before the first is missing from another film.
            self._packets_lost += packet.lost
            self._dropped += packet.dropped
        self._late_ns = max(self._late_ns, packet.late_ns)
        if self._cutter.empty:
            self._opened_ns = now_ns
        cut = self._cutter.push(packet)
        if cut is not None:
            self._opened_ns = now_ns
            done += self._piece(cut)
            done += self._say(now_ns)
        return done

    def stalled(self) -> list[Item]:
        """The camera stalls: what is missing from here on is missing for that."""
        self._stalled, self._lost = True, "stalled"
        return [Said(stalls=1)]

    def flush(self) -> list[Item]:
        """Close the open part, as when the connection is lost."""
        cut = self._cutter.flush()
        return [] if cut is None else self._piece(cut)

    def flush_stale(self, now_ns: int) -> list[Item]:
        """Close the open part if no packet comes to close it."""
        if self._cutter.empty or now_ns - self._opened_ns < OPEN_NS:
            return []
        return self.flush()

    def over(self, packet: Packet) -> bool:
        """Whether the take ends before this packet."""
        return self.t_stop_ns is not None and packet.run.moment(packet.dts) >= self.t_stop_ns

    def overdue(self, now_ns: int) -> bool:
        """Whether the take was stopped and the packet that would end it does not come."""
        if self.t_stop_ns is None:
            return False
        return now_ns - max(self.t_stop_ns, self._arrived_ns) >= PATIENCE_NS

    def close(self) -> list[Item]:
        """End the film; say so if it ends earlier than the take."""
        done = self.flush()
        if self._run is not None:
            done.append(self._saying(self._run))
        if self.t_stop_ns is None:
            return done
        if not self._begun:
            missing = ticks(max(0, self.t_stop_ns - self.t_start_ns))
            return [*done, Gap(0, missing, "no_picture")]
        missing = ticks(self.t_stop_ns - self._origin_ns) - self.end
        if missing >= SHORT_HOLE:
            done.append(Gap(self.end, missing, self._lost))
        return done

    def _enter(self, packet: Packet) -> list[Item]:
        """Lay a new run's line of time onto this film's."""
        moment = packet.run.moment(packet.dts)
        before, self._run = self._run, packet.run
        self._lost = "camera_lost"
        if not self._begun:
            self._begun, self._origin_ns = True, moment
            self._offset = -packet.dts
            return []
        end, begin = self.end, ticks(moment - self._origin_ns)
        self._offset = begin - packet.dts
        # A camera may begin with what it had: times that the film holds already.
        self._floor = end
        self.end = max(end, begin)
        if before is None:
            return [Gap(end, self.end - end, "recorder")]
        anew = before.connection != packet.run.connection
        done: list[Item] = [Said(reconnects=1)] if anew else []
        if self.end - end >= SHORT_HOLE:
            done.append(Gap(end, self.end - end, self._reason("reconnect" if anew else "camera_clock")))
        self._stalled = False
        return done

    def _after(self, packet: Packet) -> Packet:
        """The packet, no earlier than what the film holds: where a new connection begins with older pictures,
        they pass in a blink, so that none is missing and what follows is where it belongs.
        """
        behind = self._floor - (packet.dts + self._offset)
        if behind <= 0:
            return packet
        self._floor += 1
        dts = packet.dts + behind
        return replace(packet, dts=dts, pts=max(packet.pts, dts), duration=1)

    def _reason(self, usual: str) -> str:
        """Why there is a hole; once told, a stall is over."""
        if not self._stalled:
            return usual
        self._stalled, self._lost = False, "camera_lost"
        return "stalled"

    def _say(self, now_ns: int) -> list[Item]:
        """What is known at once of lost packets, and now and then of the times."""
        if self._run is None:
            return []
        if self._packets_lost or self._dropped or self._said_ns is None or now_ns - self._said_ns >= SAY_NS:
            self._said_ns = now_ns
            return [self._saying(self._run)]
        return []

    def _saying(self, run: Run) -> Said:
        lost, self._packets_lost = self._packets_lost, 0
        dropped, self._dropped = self._dropped, 0
        return Said(lost=lost, dropped=dropped, timing=run.timing(self._late_ns))

    def _piece(self, cut: Cut) -> list[Item]:
        start = cut.start + self._offset
        end, self.end = self.end, start + cut.duration
        piece = Piece(cut.packets, start, cut.duration, self._offset, self._origin_ns)
        if start - end >= SHORT_HOLE:
            return [Gap(end, start - end, self._reason("no_picture")), piece]
        if self._stalled:  # what was late has come after all
            self._stalled, self._lost = False, "camera_lost"
        return [piece]
