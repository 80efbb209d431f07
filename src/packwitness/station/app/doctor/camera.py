"""A camera as the recorder would have it, watched for some seconds over a connection of its own."""

import threading
import time
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median

from packwitness.station.app.doctor.verdict import Verdict, fail, ok, warn
from packwitness.station.cameras.camera import (
    Busy,
    CameraClock,
    CameraError,
    CameraPacket,
    CameraSound,
    Ended,
    Item,
    NoSound,
    Overloaded,
    SoundInfo,
    StreamInfo,
)
from packwitness.station.cameras.kinds import open_camera, with_sound
from packwitness.station.recorder.intake import Intake
from packwitness.station.recorder.looker import Looker
from packwitness.station.recorder.messages import LookFailed, Sighting, StreamFacts
from packwitness.station.recorder.nal import BadStream
from packwitness.station.triggers.reading import CodeReader

SECONDS = 3.0
KEYFRAME_SECONDS = 12.0
"""How long the second keyframe is waited for."""
SETTLED_NS = 500_000_000
"""Cameras begin with a burst of what they had."""
LOOK_NS = 200_000_000
SLOW = 0.9
"""Below so much of the promised rate pictures are missing."""
LONG_GROUP_S = 4.0
CLOCK_APART_MS = 2_000
READ_WIDTH = 640
RUNNING_ADVICE = " The station is running and holds a connection to it: some cameras allow no other."


@dataclass(slots=True)
class Watched:
    """What came. ``pictures``: presentation time in seconds, arrival, whether a keyframe, bytes."""

    promised: float | None = None
    timing: str = ""
    tick: float = 0.0
    facts: StreamFacts | None = None
    pictures: list[tuple[float, int, bool, int]] = field(default_factory=list)
    lost: int = 0
    dropped: list[int] = field(default_factory=list)
    """Before each picture: how many came that this computer could not encode in time."""
    clock_ms: int | None = None
    sound: str = ""
    no_sound: str = ""
    looks: int = 0
    reads: int = 0
    look_failed: str = ""
    error: CameraError | None = None
    broken: str = ""

    @property
    def settled(self) -> list[tuple[float, int, bool, int]]:
        """The pictures after the burst at the beginning."""
        begun = self.pictures[0][1] + SETTLED_NS if self.pictures else 0
        return [one for one in self.pictures if one[1] >= begun]

    @property
    def span_s(self) -> float:
        settled = self.settled
        return (settled[-1][1] - settled[0][1]) / 1e9 if len(settled) > 1 else 0.0

    @property
    def rate(self) -> float:
        """Pictures a second as they came, also those that were dropped."""
        return (len(self.settled) - 1 + self.too_many) / self.span_s if self.span_s else 0.0

    @property
    def too_many(self) -> int:
        """Pictures that were dropped after the burst at the beginning."""
        return sum(self.dropped[len(self.pictures) - len(self.settled) + 1 :])

    @property
    def bytes_per_s(self) -> float:
        return sum(one[3] for one in self.settled[1:]) / self.span_s if self.span_s else 0.0

    @property
    def stamped_rate(self) -> float:
        """Pictures a second as most of their time stamps say."""
        steps = [after[0] - before[0] for before, after in pairwise(sorted(self.pictures))]
        usual = median(steps) if steps else 0.0
        return 1 / usual if usual > 0 else 0.0

    @property
    def group_s(self) -> float | None:
        """The longest time from keyframe to keyframe; None where there was one only."""
        keys = [one[0] for one in self.pictures if one[2]]
        return max((after - before for before, after in pairwise(keys)), default=None)


def watch(
    url: str, *, sound: bool, look: bool, region: tuple[float, float, float, float] | None, seconds: float
) -> Watched:
    """Watch a camera for `seconds` from its first picture on, or longer until its second keyframe came; with
    `look` have codes read in it.
    """
    seen = Watched()
    looker = None
    if look:
        looker = Looker("doctor", CodeReader, partial(_looked, seen), region=region, interval_ns=LOOK_NS)
    looking = threading.Thread(target=looker.run, daemon=True) if looker else None
    if looking:
        looking.start()
    stop = threading.Event()
    intake, first_ns = Intake(1), 0
    try:
        for item in open_camera(with_sound(url) if sound else url).stream(stop):
            _note(seen, item, intake, looker)
            if isinstance(item, CameraPacket):
                first_ns = first_ns or time.monotonic_ns()
                passed = (time.monotonic_ns() - first_ns) / 1e9
                keys = sum(one[2] for one in seen.pictures)
                if passed >= seconds and (keys > 1 or passed >= KEYFRAME_SECONDS):
                    break
    except CameraError as error:
        seen.error = error
    except BadStream as error:
        seen.broken = str(error)
    finally:
        stop.set()
        if looker and looking:
            time.sleep(0.2)
            looker.quit()
            looking.join(2)
    return seen


def _note(seen: Watched, item: Item, intake: Intake, looker: Looker | None) -> None:
    match item:
        case StreamInfo():
            seen.promised = float(item.frame_rate) if item.frame_rate else None
            seen.timing, seen.tick = item.timing, float(item.time_base)
            intake.begin(item)
        case CameraPacket():
            seen.pictures.append((item.pts * seen.tick, item.arrival_ns, item.key, len(item.data)))
            seen.lost += item.lost
            seen.dropped.append(item.dropped)
            for packet in intake.push(item):
                seen.facts = packet.track.facts
                if looker:
                    looker.push(packet)
        case CameraClock():
            seen.clock_ms = (item.utc_ns - time.time_ns()) // 1_000_000
        case SoundInfo():
            seen.sound = item.sound_codec
        case NoSound():
            seen.no_sound = f"{item.no_sound} {item.advice}"
        case CameraSound():
            pass


def _looked(seen: Watched, report: Sighting | LookFailed) -> None:
    if isinstance(report, Sighting):
        seen.looks += 1
        seen.reads += bool(report.codes)
    else:
        seen.look_failed = report.message


def judge(name: str, seen: Watched, *, sound: bool, look: bool, running: bool) -> list[Verdict]:
    """Say what was seen of the camera called `name`. `running`: whether a station has it open as well."""
    held = RUNNING_ADVICE if running else ""
    over = isinstance(seen.error, Ended) and seen.span_s >= 1  # a film that was played to its end
    if running and isinstance(seen.error, Busy | Overloaded):
        return [
            warn(
                "camera",
                f"Could not be tried: the running station is likely to be using it. {seen.error.message}",
                "The kiosk shows whether it is filmed. To try it, stop the station and run this again.",
                subject=name,
                facts={"error": seen.error.code},
            )
        ]
    if seen.error is not None and not over:
        return [
            fail(
                "camera",
                seen.error.message,
                seen.error.advice + held,
                subject=name,
                facts={"error": seen.error.code},
            )
        ]
    if seen.broken or seen.facts is None or not seen.span_s:
        why = seen.broken or "no whole picture came in the time"
        return [
            fail(
                "camera",
                f"Its stream cannot be recorded: {why}.",
                "Check the camera's encoder "
                "settings: H.264 or H.265, a keyframe every 1 or 2 seconds." + held,
                subject=name,
            )
        ]
    judged = [_picture(name, seen, seen.facts), _keyframes(name, seen), _time(name, seen)]
    if sound:
        judged.append(
            ok("sound", f"{seen.sound} comes.", subject=name)
            if seen.sound
            else warn("sound", seen.no_sound or "No sound came.", "The picture is filmed.", subject=name)
        )
    if look:
        judged.append(_codes(name, seen, max(seen.facts.width, seen.facts.height)))
    return judged


def _picture(name: str, seen: Watched, stream: StreamFacts) -> Verdict:
    promised = seen.promised or seen.stamped_rate
    text = (
        f"{stream.codec} {stream.width}x{stream.height}, {seen.rate:.1f} pictures/s of "
        f"{promised:.3g}, {seen.bytes_per_s * 8 / 1e6:.1f} Mbit/s."
    )
    facts = {
        "codec": stream.codec,
        "width": stream.width,
        "height": stream.height,
        "rate": round(seen.rate, 2),
        "promised_rate": round(promised, 2),
        "bytes_per_s": round(seen.bytes_per_s),
        "lost": seen.lost,
        "dropped": seen.too_many,
    }
    if seen.too_many:
        return warn(
            "camera",
            f"{text} This computer is too slow: it dropped {seen.too_many} pictures.",
            "Choose a smaller size or rate, or a camera that gives H.264 by itself.",
            subject=name,
            facts=facts,
        )
    if seen.lost:
        return warn(
            "camera",
            f"{text} The network lost {seen.lost} packets.",
            "Check its cable and switch; avoid Wi-Fi.",
            subject=name,
            facts=facts,
        )
    if seen.rate < promised * SLOW:
        return warn(
            "camera",
            f"{text} It gives fewer pictures than it promises.",
            "Many cameras halve the "
            "rate in the dark (set the exposure to 1/30 s at most), or are overloaded by further "
            "streams.",
            subject=name,
            facts=facts,
        )
    return ok("camera", text, subject=name, facts=facts)


def _keyframes(name: str, seen: Watched) -> Verdict:
    group = seen.group_s
    advice = "Set its keyframe interval (I-frame interval, GOP) to 1 or 2 seconds, and smart codecs off."
    if group is None:
        says = f"In {seen.span_s:.0f} s it gave no second keyframe: films begin much earlier than asked."
        return warn("keyframes", says, advice, subject=name)
    facts = {"seconds": round(group, 2)}
    if group > LONG_GROUP_S:
        says = f"{group:.1f} s from one to the next: films begin up to so much earlier than asked."
        return warn("keyframes", says, advice, subject=name, facts=facts)
    return ok("keyframes", f"one every {group:.1f} s.", subject=name, facts=facts)


def _time(name: str, seen: Watched) -> Verdict:
    if seen.timing == "arrival":
        return ok("time stamps", "It gives none; pictures are stamped as they come.", subject=name)
    steps = [after[0] - before[0] for before, after in pairwise(seen.settled)]
    leap = max(abs(step) for step in steps)
    if leap > 2:
        says = f"They leap by {leap:.1f} s: the film has a gap at each leap."
        return warn("time stamps", says, "Restart the camera; give it a time server.", subject=name)
    if seen.clock_ms is not None and abs(seen.clock_ms) > CLOCK_APART_MS:
        says = f"Its clock is {seen.clock_ms / 1000:+.1f} s from this computer's. Films keep the station's."
        return warn(
            "time stamps",
            says,
            "Give the camera a time server, or its picture shows a wrong time.",
            subject=name,
            facts={"clock_ms": seen.clock_ms},
        )
    return ok("time stamps", "They go on evenly.", subject=name)


def _codes(name: str, seen: Watched, wide: int) -> Verdict:
    facts = {"looks": seen.looks, "reads": seen.reads}
    if seen.look_failed or not seen.looks:
        why = seen.look_failed or "its pictures could not be decoded"
        return fail(
            "labels",
            f"Codes cannot be read: {why}.",
            "Set the camera to H.264, main profile.",
            subject=name,
            facts=facts,
        )
    if wide < READ_WIDTH:
        return warn(
            "labels",
            f"{wide} pixels are few to read a label in.",
            "Choose a larger stream.",
            subject=name,
            facts=facts,
        )
    if not seen.reads:
        return ok(
            "labels",
            "Pictures can be looked at. No code was in view: lay a label there and run this "
            "again to know whether it can be read.",
            subject=name,
            facts=facts,
        )
    return ok("labels", f"A code was read in {seen.reads} of {seen.looks} looks.", subject=name, facts=facts)
