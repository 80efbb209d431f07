"""Reading films back, to hold them against their source."""

import io
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av

from packwitness.station.cameras.file import FileCamera, FilmOver
from packwitness.station.recorder import nal
from packwitness.station.recorder.intake import Intake
from packwitness.station.recorder.packets import Packet
from packwitness.station.recorder.source import is_picture, is_stream


@dataclass(frozen=True)
class Sample:
    """A packet as a demuxer gives it; times in seconds."""

    data: bytes
    pts: float
    dts: float
    key: bool


def samples(film: bytes | Path) -> list[Sample]:
    source: str | io.BytesIO = str(film) if isinstance(film, Path) else io.BytesIO(film)
    found = []
    with av.open(source, "r") as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.size:
                assert packet.pts is not None
                assert packet.dts is not None
                tick = float(stream.time_base)
                pts, dts = round(packet.pts * tick, 4), round(packet.dts * tick, 4)
                found.append(Sample(bytes(packet), pts, dts, packet.is_keyframe))
    return found


def units(sample: Sample, codec: str = "h264") -> list[bytes]:
    """The sample's units without parameter sets, access unit delimiters and SEI, which a server may add or
    leave.
    """
    drop = {"h264": {6, 7, 8, 9}, "hevc": {32, 33, 34, 35, 39, 40}}[codec]
    return [unit for unit in nal.prefixed_units(sample.data) if nal.unit_type(codec, unit) not in drop]


def decoded(film: bytes) -> int:
    """How many pictures decode."""
    with av.open(io.BytesIO(film), "r") as container:
        return sum(1 for _ in container.decode(video=0))


def packets_of(path: Path, *, connection: int = 1) -> list[Packet]:
    """A whole film as the ring would get it."""
    intake = Intake(connection)
    packets: list[Packet] = []
    # Only a film that was played to its end is over; any other error is the test's.
    with suppress(FilmOver):
        for item in FileCamera(path, realtime=False).stream(threading.Event()):
            if is_picture(item):
                packets += intake.push(item)
            elif is_stream(item):
                intake.begin(item)
    return packets + intake.release()
