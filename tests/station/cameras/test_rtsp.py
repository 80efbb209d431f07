"""RTSP cameras: what they give, and what is said when they do not."""

import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from packwitness.station.cameras.camera import (
    BadAddress,
    Broken,
    CameraClock,
    CameraError,
    CameraPacket,
    NoFrames,
    NotFound,
    NoVideo,
    Refused,
    StreamInfo,
    TimedOut,
    Unauthorised,
    WrongCodec,
)
from packwitness.station.cameras.rtsp import RtspCamera
from packwitness.station.recorder import nal
from tests.station.cameras.films import make_film
from tests.station.cameras.rtsp_server import answering, sdp_answers, serve_films
from tests.station.recorder.reading import samples

VIDEO = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP {format}\r\na=control:track1\r\n"
SOUND = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\na=control:track1\r\n"


def status(line: str, header: str = "") -> Callable[[str], str | None]:
    return lambda _request: f"RTSP/1.0 {line}\r\nCSEQ\r\n{header}\r\n"


@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "hevc")])
def test_gives_stream_then_packets_as_they_come(tmp_path: Path, encoder: str, codec: str) -> None:
    film = make_film(tmp_path / "film.mp4", codec=encoder)
    stop = threading.Event()
    with serve_films(tmp_path) as server:
        items = RtspCamera(server.url(film)).stream(stop)
        info = next(items)
        told: list[CameraClock] = []
        pictures: list[CameraPacket] = []
        while len(pictures) < 45:
            match next(items):
                case CameraClock() as clock:
                    told.append(clock)
                case CameraPacket() as picture:
                    pictures.append(picture)
        stop.set()
        assert list(items) == []
    assert isinstance(info, StreamInfo)
    assert (info.codec, info.length_size) == (codec, 4)
    assert info.extradata.startswith(b"\x00\x00\x00\x01")
    assert {packet.lost for packet in pictures} == {0}
    # The server's clock is ours.
    assert told
    for clock in told:
        taken = clock.utc_ns + (pictures[0].pts - clock.pts) * 100_000 // 9
        assert abs(taken - (time.time_ns() - time.monotonic_ns() + pictures[0].arrival_ns)) < 10**9
    # From the first picture on, which is a keyframe, as they are sent: 30 a second.
    assert [packet.pts - pictures[0].pts for packet in pictures] == [3000 * count for count in range(45)]
    assert [count for count, packet in enumerate(pictures) if packet.key] == [0, 15, 30]
    assert {packet.dts for packet in pictures} == {None}
    assert 1.3 < (pictures[-1].arrival_ns - pictures[0].arrival_ns) / 1e9 < 2.5
    units = [nal.prefixed_units(packet.data) for packet in pictures]
    source = [nal.prefixed_units(sample.data) for sample in samples(film)]
    kinds = {"h264": (1, 5), "hevc": range(32)}[codec]
    for ours, theirs in zip(units, source[:45], strict=True):
        slices = [unit for unit in ours if nal.unit_type(codec, unit) in kinds]
        assert slices == [unit for unit in theirs if nal.unit_type(codec, unit) in kinds]


FAULTS: list[tuple[type[CameraError], Callable[[str], str | None]]] = [
    (Unauthorised, status("401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="y"\r\n')),
    (Unauthorised, status("403 Forbidden")),
    (NotFound, status("404 Not Found")),
    (Refused, status("503 Service Unavailable")),
    (NoVideo, sdp_answers(SOUND)),
    (WrongCodec, sdp_answers(VIDEO.format(format=26))),
    (NoFrames, sdp_answers(VIDEO.format(format=96) + "a=rtpmap:96 H264/90000\r\n")),
    (TimedOut, lambda _request: ""),
    (Broken, lambda _request: None),
]


@pytest.mark.parametrize(("fault", "answer"), FAULTS)
def test_faults_are_told_apart(fault: type[CameraError], answer: Callable[[str], str | None]) -> None:
    with answering(answer) as port:
        camera = RtspCamera(
            f"rtsp://admin:geheim@127.0.0.1:{port}/live", connect_seconds=0.7, silence_seconds=0.7
        )
        with pytest.raises(CameraError) as caught:
            list(camera.stream(threading.Event()))
    assert type(caught.value) is fault
    assert caught.value.retry
    assert str(port) in str(caught.value)


def test_nobody_listens_or_there_is_no_such_host() -> None:
    with pytest.raises(Refused):
        list(RtspCamera("rtsp://127.0.0.1:1/live").stream(threading.Event()))
    with pytest.raises(NotFound):
        list(RtspCamera("rtsp://camera.invalid/live").stream(threading.Event()))


def test_no_error_holds_the_password() -> None:
    with answering(status("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"\r\n')) as port:
        camera = RtspCamera(f"rtsp://admin:geheim@127.0.0.1:{port}/live")
        with pytest.raises(Unauthorised) as caught:
            list(camera.stream(threading.Event()))
    told = "".join(traceback.format_exception(caught.value))
    assert "geheim" not in told
    assert "admin" not in told


def test_a_camera_that_hangs_up(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4")
    with serve_films(tmp_path) as server:
        url = server.url(film).replace("play_count_0", "play_count_1")
        with pytest.raises(CameraError) as caught:
            list(RtspCamera(url).stream(threading.Event()))
    assert caught.value.code in ("ended", "refused")


def test_connecting_gives_up_in_time() -> None:
    with answering(lambda _request: "") as port:
        began = time.monotonic()
        with pytest.raises(TimedOut):
            list(RtspCamera(f"rtsp://127.0.0.1:{port}/", connect_seconds=0.5).stream(threading.Event()))
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("url", ["rtsp://", "rtsp:///live", "rtsp://host:port/live", "rtsp://[::1/live"])
def test_bad_addresses(url: str) -> None:
    with pytest.raises(BadAddress):
        RtspCamera(url)
