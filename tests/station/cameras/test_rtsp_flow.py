"""RTSP cameras that share a thread: nothing is waited for, and what came bears its own moment."""

import struct
import threading
import time
from pathlib import Path
from statistics import median

from packwitness.station.cameras.camera import CameraPacket, StreamInfo
from packwitness.station.cameras.rtp import Picture
from packwitness.station.cameras.rtsp import TURN_READS, RtspCamera, arrivals
from packwitness.station.cameras.rtsp_talk import READ_BYTES
from tests.station.cameras.films import make_film
from tests.station.cameras.rtsp_server import serve_films
from tests.station.cameras.scripted_camera import Script, playing

PAUSE = 0.2
SDP = (
    "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:video\r\n"
)


def test_says_when_pictures_came_however_late_it_is_asked(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    stop = threading.Event()
    pictures: list[CameraPacket] = []
    pauses = 0
    with serve_films(tmp_path) as server:
        items = RtspCamera(server.url(film)).flow(stop)
        while len(pictures) < 60:
            item = next(items)
            if item is None:
                pauses += 1
                time.sleep(PAUSE)
            elif isinstance(item, CameraPacket):
                pictures.append(item)
        stop.set()
        assert [item for item in items if item is not None] == []
    assert 5 <= pauses <= 15
    assert [picture.pts - pictures[0].pts for picture in pictures] == [3000 * count for count in range(60)]
    moments = [picture.arrival_ns for picture in pictures]
    assert moments == sorted(moments)
    late = [picture.arrival_ns - picture.pts * 100_000 // 9 for picture in pictures]
    # Read when asked, the pictures of a pause would be late by half of it.
    assert (median(late) - min(late)) / 1e9 < PAUSE / 4


def test_a_camera_that_is_hung_up_on_ends_at_once(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    stop = threading.Event()
    with serve_films(tmp_path) as server:
        items = RtspCamera(server.url(film)).flow(stop)
        while next(items) is not None:
            pass
        stop.set()
        began = time.monotonic()
        assert [item for item in items if item is None] == []
        assert time.monotonic() - began < 1


def test_no_picture_comes_before_those_before_it_though_the_time_of_day_is_set(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    began = time.monotonic_ns()

    def clock() -> int:
        # What a moment looks like whose age was told by a time of day that leapt ahead meanwhile.
        now = time.monotonic_ns()
        return now - 1_500_000_000 if 10**9 < now - began < 1.2 * 10**9 else now

    stop = threading.Event()
    moments: list[int] = []
    with serve_films(tmp_path) as server:
        items = RtspCamera(server.url(film), clock=clock).flow(stop)
        while len(moments) < 60:
            item = next(items)
            if item is None:
                time.sleep(0.05)
            elif isinstance(item, CameraPacket):
                moments.append(item.arrival_ns)
        items.close()
    assert moments == sorted(moments)


def test_a_camera_that_floods_leaves_the_others_their_turn() -> None:
    size = 1_000
    slice_of = b"\x65\x88" + bytes(size - 18)
    packets = [
        b"$\0" + struct.pack(">HBBHII", size - 4, 0x80, 0xE0, number, number * 3_000, 1) + slice_of
        for number in range(4_000)
    ]
    with playing(Script(SDP, [], flood=b"".join(packets))) as port:
        items = RtspCamera(f"rtsp://127.0.0.1:{port}/flood").flow(threading.Event())
        assert isinstance(next(items), StreamInfo)
        time.sleep(0.5)  # all buffers on the way are full
        turns = [sum(1 for _ in iter(lambda: next(items), None)) for _ in range(3)]
        items.close()
    assert all(0 < turn <= TURN_READS * READ_BYTES / size for turn in turns)


def test_pictures_read_at_one_go_lie_as_far_apart_as_they_were_taken() -> None:
    three = [Picture(b"", stamp, key=False) for stamp in (9_000, 12_600, 15_300)]
    assert arrivals(three, before=0, last=500_000_000) == [430_000_000, 470_000_000, 500_000_000]
    # None came before what was read before, and none after the last.
    assert arrivals(three, before=450_000_000, last=500_000_000) == [450_000_000, 470_000_000, 500_000_000]
    shuffled = [three[2], three[0], three[1]]
    assert arrivals(shuffled, before=0, last=500_000_000) == [500_000_000, 460_000_000, 500_000_000]
    assert arrivals([], before=0, last=500_000_000) == []
