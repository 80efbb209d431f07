"""What cameras send, made whole: decode times, jumps, parameter sets, the burst at the beginning."""

import threading
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from packwitness.station.cameras.file import FileCamera
from packwitness.station.recorder import nal
from packwitness.station.recorder.intake import Intake
from packwitness.station.recorder.packets import Packet
from packwitness.station.recorder.source import is_picture, is_stream
from tests.station.cameras.films import make_film
from tests.station.recorder.reading import packets_of

SECOND = 1_000_000_000
TICK = Fraction(1, 90_000)


@dataclass(frozen=True)
class Stream:
    codec: str
    extradata: bytes
    width: int = 320
    height: int = 240
    time_base: Fraction = TICK
    frame_rate: Fraction | None = Fraction(30)
    length_size: int | None = None
    timing: str = "stream"
    encoded_from: str | None = None


@dataclass(frozen=True)
class Picture:
    data: bytes
    pts: int
    dts: int | None
    duration: int
    key: bool
    arrival_ns: int
    lost: int = 0
    dropped: int = 0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4", seconds=4, gop=30, b_frames=3)


def played(path: Path) -> tuple[Stream, list[Picture]]:
    """A film as a camera's stream in 90000ths of a second, sent when each picture's decode time comes."""
    stream: Stream | None = None
    pictures: list[Picture] = []
    items = FileCamera(path, loop=True, realtime=False, clock=lambda: 0).stream(threading.Event())
    for item in items:
        if is_stream(item):
            stream = Stream(item.codec, item.extradata, item.width, item.height)
            factor = item.time_base / TICK
        elif is_picture(item):
            assert item.dts is not None
            times = int(item.pts * factor), int(item.dts * factor), int(item.duration * factor)
            pictures.append(Picture(item.data, *times, item.key, item.arrival_ns))
            if len(pictures) == 120:
                break
    assert stream is not None
    return stream, pictures


def taken(stream: Stream, pictures: list[Picture]) -> list[Packet]:
    intake = Intake(1)
    intake.begin(stream)
    return [packet for picture in pictures for packet in intake.push(picture)] + intake.release()


def well_ordered(packets: list[Packet]) -> bool:
    return all(a.dts < b.dts for a, b in pairwise(packets)) and all(p.dts <= p.pts for p in packets)


def test_decode_times_made_from_order(film: Path) -> None:
    stream, pictures = played(film)
    packets = taken(stream, [replace(picture, dts=None) for picture in pictures])
    assert [packet.data for packet in packets] == [picture.data for picture in pictures]
    assert [packet.pts for packet in packets] == [picture.pts for picture in pictures]
    assert well_ordered(packets)
    # Steady, so that no part grows or shrinks by it.
    assert {b.dts - a.dts for a, b in pairwise(packets)} == {3000}


def test_one_missing_decode_time_is_filled_in(film: Path) -> None:
    stream, pictures = played(film)
    pictures[50] = replace(pictures[50], dts=None)
    packets = taken(stream, pictures)
    assert len(packets) == 120
    assert well_ordered(packets)
    assert [p.dts for p in packets[:50] + packets[51:]] == [p.dts for p in pictures[:50] + pictures[51:]]


def test_a_stutter_is_smoothed_and_a_jump_begins_a_new_line(film: Path) -> None:
    stream, pictures = played(film)
    stutter = [*pictures]
    stutter[40] = replace(stutter[40], dts=stutter[39].dts)
    packets = taken(stream, stutter)
    assert well_ordered(packets)
    assert len({packet.run for packet in packets}) == 1

    hour = 3600 * 90_000
    for jump in (hour, -hour, -90_000):
        moved = pictures[:60] + [
            replace(picture, pts=picture.pts + jump, dts=(picture.dts or 0) + jump)
            for picture in pictures[60:]
        ]
        packets = taken(stream, moved)
        assert [packet.data for packet in packets] == [picture.data for picture in moved]
        assert len({packet.run for packet in packets}) == 2
        before, after = packets[59], packets[60]
        step = after.run.moment(after.dts) - before.run.moment(before.dts)
        assert abs(step - SECOND // 30) < 150_000_000


def test_a_silence_is_no_jump(film: Path) -> None:
    stream, pictures = played(film)
    late = pictures[:60] + [
        replace(
            picture,
            pts=picture.pts + 900_000,
            dts=(picture.dts or 0) + 900_000,
            arrival_ns=picture.arrival_ns + 10 * SECOND,
        )
        for picture in pictures[60:]
    ]
    assert len({packet.run for packet in taken(stream, late)}) == 1


def test_the_burst_at_the_beginning_does_not_bend_time(film: Path) -> None:
    stream, pictures = played(film)
    # FFmpeg probed for 0.6 s: eighteen pictures come at once.
    probed = [replace(picture, arrival_ns=max(picture.arrival_ns, 600_000_000)) for picture in pictures]
    intake = Intake(1)
    intake.begin(stream)
    out: list[Packet] = []
    for number, picture in enumerate(probed):
        out += intake.push(picture)
        if number < 18:
            assert out == []
        if out:
            # Whoever maps the first packet now, does it right, but for what B-frames make ambiguous.
            first = out[0]
            assert abs(first.run.moment(first.pts) - pictures[0].arrival_ns) <= 100_000_000
            break
    assert len(out) >= 18


def test_nothing_before_the_first_keyframe(film: Path) -> None:
    stream, pictures = played(film)
    packets = taken(stream, pictures[7:])
    assert packets[0].key
    assert packets[0].data == next(picture.data for picture in pictures[7:] if picture.key)


def test_parameter_sets_in_band_only_and_a_size_found_out(film: Path) -> None:
    stream, pictures = played(film)
    sets = nal.record_units("h264", stream.extradata)
    bare = Stream("h264", b"", width=0, height=0)
    annexb = [
        replace(p, data=nal.annexb([*(sets if p.key and p.pts > 0 else []), *nal.prefixed_units(p.data)]))
        for p in pictures
    ]
    packets = taken(bare, annexb)
    assert packets[0].data == nal.prefixed([*sets, *nal.prefixed_units(pictures[30].data)])
    assert (packets[0].track.facts.width, packets[0].track.facts.height) == (320, 240)
    assert packets[0].track.init == packets_of(film)[0].track.init


def test_a_camera_that_changes_its_resolution(film: Path, tmp_path: Path) -> None:
    stream, pictures = played(film)
    other_stream, other = played(make_film(tmp_path / "other.mp4", seconds=1, gop=30, size=(640, 480)))
    sets = nal.record_units("h264", other_stream.extradata)
    after = [
        replace(
            p,
            data=nal.prefixed([*(sets if p.key else []), *nal.prefixed_units(p.data)]),
            pts=p.pts + 360_000,
            dts=(p.dts or 0) + 360_000,
            arrival_ns=p.arrival_ns + 4 * SECOND,
        )
        for p in other[:30]
    ]
    packets = taken(stream, pictures + after)
    tracks = list(dict.fromkeys(packet.track for packet in packets))
    assert [(track.facts.width, track.facts.height) for track in tracks] == [(320, 240), (640, 480)]
    assert packets.index(next(p for p in packets if p.track is tracks[1])) == 120
    assert packets[120].key


def test_short_nal_lengths_become_four_bytes(film: Path) -> None:
    stream, pictures = played(film)
    record = bytearray(stream.extradata)
    record[4] = (record[4] & 0xFC) | 2
    short = [
        replace(p, data=b"".join(len(u).to_bytes(3, "big") + u for u in nal.prefixed_units(p.data)))
        for p in pictures
    ]
    packets = taken(replace(stream, extradata=bytes(record)), short)
    assert [packet.data for packet in packets] == [picture.data for picture in pictures]


@pytest.mark.parametrize(
    "stream", [Stream("vp9", b""), Stream("h264", b"\x01\x42"), Stream("hevc", b"\x01" + bytes(30) + b"\x09")]
)
def test_streams_that_cannot_be_read(stream: Stream) -> None:
    if stream.codec == "hevc":
        Intake(1).begin(stream)  # an hvcC without sets is allowed: they may come in band
        return
    with pytest.raises(nal.BadStream):
        Intake(1).begin(stream)


def test_packets_that_are_none(film: Path) -> None:
    stream, pictures = played(film)
    intake = Intake(1)
    intake.begin(stream)
    with pytest.raises(nal.BadStream):
        intake.push(replace(pictures[0], data=b"\x00\x00\xff\xffno unit"))
    sets = (b"\x67\x00", b"\x68\x00")
    bad = replace(pictures[0], data=nal.prefixed([*sets, b"\x65\x00"]))
    intake = Intake(1)
    intake.begin(Stream("h264", b"\x01\x42\xc0\x0d\xff\xe0\x00", width=0, height=0))
    with pytest.raises(nal.BadStream):
        intake.push(bad)


def test_lost_packets_are_told_with_the_next_picture_kept(film: Path) -> None:
    stream, pictures = played(film)
    keys = [number for number, picture in enumerate(pictures) if picture.key]
    begin = keys[0] + 5
    # Begun in the middle of a group: what comes before the first keyframe is let go, its losses are not.
    sent = [
        replace(picture, lost=3 if number in (begin, keys[1] + 9) else 0)
        for number, picture in enumerate(pictures)
    ]
    packets = taken(stream, sent[begin:])
    assert [(packet.key, packet.lost) for packet in packets if packet.lost] == [(True, 3), (False, 3)]


def test_a_late_picture_is_measured_against_the_promptest(film: Path) -> None:
    stream, pictures = played(film)
    late = [
        replace(p, arrival_ns=p.arrival_ns + (70_000_000 if n == 60 else 0)) for n, p in enumerate(pictures)
    ]
    found = {
        number: packet.late_ns
        for number, packet in enumerate(taken(stream, late))
        if packet.late_ns > 1_000_000
    }
    assert list(found) == [60]
    assert abs(found[60] - 70_000_000) < 1_000_000
