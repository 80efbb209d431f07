"""Cameras that send JPEG pictures by HTTP, against a real server."""

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from packwitness.station.cameras.budget import Budget
from packwitness.station.cameras.camera import (
    BadCertificate,
    Broken,
    CameraError,
    CameraPacket,
    Ended,
    NoFrames,
    NotFound,
    NotMjpeg,
    Refused,
    StreamInfo,
    TimedOut,
    Unauthorised,
    UnknownHost,
    Unreachable,
)
from packwitness.station.cameras.http_mjpeg import HttpMjpegCamera
from packwitness.station.cameras.multipart import PICTURE_LIMIT
from tests.station.cameras.jpegs import Shown, jpegs, lasting, showing
from tests.station.cameras.test_rtsp_ways import certificate

PICTURES = jpegs(30)


@pytest.fixture
def budget(tmp_path: Path) -> Budget:
    return Budget(tmp_path / "budget", cores=64)


def items_of(
    port: int, budget: Budget, count: int, *, user: str = "", scheme: str = "http", more: str = "#rate=30"
) -> list[StreamInfo | CameraPacket]:
    """The first items of the camera at that port."""
    camera = HttpMjpegCamera(
        f"{scheme}://{user}127.0.0.1:{port}/video.mjpg?channel=1{more}",
        connect_seconds=0.7,
        silence_seconds=0.7,
        budget=budget,
    )
    stop = threading.Event()
    found: list[StreamInfo | CameraPacket] = []
    for item in camera.stream(stop):
        found.append(item)
        if len(found) == count:
            stop.set()
    return found


def fault(port: int, budget: Budget, **more: str) -> CameraError:
    with pytest.raises(CameraError) as caught:
        items_of(port, budget, 99, **more)
    return caught.value


@pytest.mark.parametrize(
    "shown",
    [
        Shown(),
        Shown(length=False),
        Shown(chunked=True),
        Shown(content_type="multipart/x-mixed-replace;boundary=--frame", length=False),
        Shown(boundary="--frame", content_type="Multipart/X-Mixed-Replace; Boundary=--frame"),
    ],
    ids=["length", "no length", "chunks", "dashes", "more dashes"],
)
def test_each_picture_is_encoded_once_in_order(shown: Shown, budget: Budget) -> None:
    shown.items = lasting(PICTURES)
    with showing(shown) as port:
        info, *packets = items_of(port, budget, 17)
    assert info == StreamInfo(
        *("h264", 320, 240, b"", Fraction(1, 90_000), Fraction(30), 0), timing="arrival", encoded_from="mjpeg"
    )
    assert all(isinstance(packet, CameraPacket) for packet in packets)
    assert shown.asked[0].startswith("GET /video.mjpg?channel=1 HTTP/1.1\r\n")
    times = [packet.pts for packet in packets if isinstance(packet, CameraPacket)]
    assert times == sorted(set(times))
    assert 0.4 < (times[-1] - times[0]) / 90_000 < 2.0
    # What was encoded is what the camera saw: the bright square stands where it stood, as bright.
    places = [place(picture) for picture in decoded(packets)]
    assert len(places) == len(packets)
    steps = {(after - before) % 30 for before, after in pairwise(places)}
    assert steps <= {1, 2, 3}, "no picture twice, and none out of order"


def test_a_keyframe_each_second_however_many_pictures_come(budget: Budget) -> None:
    with showing(Shown(lasting(PICTURES, rate=12))) as port:
        _, *packets = items_of(port, budget, 17)
    keys = [packet.pts for packet in packets if isinstance(packet, CameraPacket) and packet.key]
    assert keys[0] == packets[0].pts  # type: ignore[union-attr]  # only the first is an info
    assert [1.0 <= (after - before) / 90_000 < 1.3 for before, after in pairwise(keys)] == [True]


def decoded(packets: list[StreamInfo | CameraPacket]) -> Iterator[np.ndarray]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    for packet in packets:
        assert isinstance(packet, CameraPacket)
        for frame in decoder.decode(av.Packet(packet.data)):
            assert frame.color_range == 2  # as bright as it was: full range stays full range
            yield frame.to_ndarray(format="gray")
    for frame in decoder.decode(None):
        yield frame.to_ndarray(format="gray")


def place(picture: np.ndarray) -> int:
    """How far the square has moved."""
    bright = np.flatnonzero(picture[:40].mean(axis=0) > 180)
    assert 44 <= len(bright) <= 52
    return int(bright[0]) - 16


def test_a_camera_that_says_no_rate_promises_none(budget: Budget) -> None:
    with showing(Shown(lasting(PICTURES, rate=20))) as port:
        info, *packets = items_of(port, budget, 4, more="")
    assert isinstance(info, StreamInfo)
    assert info.frame_rate is None
    assert len(packets) == 3


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_the_password_is_told_as_the_camera_wants_it(auth: str, budget: Budget) -> None:
    shown = Shown(lasting(PICTURES), auth=auth)
    with showing(shown) as port:
        assert len(items_of(port, budget, 3, user="admin:pa%3Ass%20w%25d@")) == 3
        assert "Authorization" not in shown.asked[0]
        assert len(shown.asked) == 2
        for user in ("", "admin:wrong@"):
            error = fault(port, budget, user=user)
            assert isinstance(error, Unauthorised)
            assert "wrong" not in f"{error}"


def test_where_it_sends_us_the_password_follows_only_to_the_same_camera(budget: Budget) -> None:
    there = Shown(lasting(PICTURES), auth="basic")
    with showing(there) as port:
        moved = Shown(status="302 Found", headers=(f"Location: http://127.0.0.1:{port}/x",))
        with showing(moved) as first:
            assert len(items_of(first, budget, 2, user="admin:pa%3Ass%20w%25d@")) == 2
        away = Shown(status="302 Found", headers=(f"Location: http://localhost:{port}/x",))
        with showing(away) as first:
            assert isinstance(fault(first, budget, user="admin:pa%3Ass%20w%25d@"), Unauthorised)
        assert not any("Authorization" in request for request in there.asked[2:])
    loop = Shown(status="302 Found", headers=("Location: /again",))
    with showing(loop) as port:
        assert isinstance(fault(port, budget), NotFound)
        assert len(loop.asked) == 4


@pytest.mark.parametrize(
    ("shown", "kind", "said"),
    [
        (Shown(content_type="text/html", raw=b"<html>"), NotMjpeg, "a web page"),
        (Shown(content_type="image/jpeg", raw=PICTURES[0]), NotMjpeg, "a single picture"),
        (Shown(content_type="video/mp4"), NotMjpeg, "video/mp4"),
        (Shown(content_type="multipart/x-mixed-replace"), NotMjpeg, "what stands between"),
        (Shown(status="404 Not Found"), NotFound, "does not have that stream"),
        (Shown(status="503 Busy"), Refused, "error 503"),
        (Shown(stays=False), NoFrames, "without a picture"),
        (Shown(), NoFrames, "sends no picture"),
        (Shown([PICTURES[0], 0.01] * 20, stays=False), Ended, "ended its stream"),
        (Shown(lasting(PICTURES, seconds=0.5)), TimedOut, "went silent"),
        (Shown([PICTURES[0][:-900]] * 60), Broken, "cut short"),
        (Shown([b"\xff\xd8" + b"nonsense" * 99 + b"\xff\xd9"] * 60), Broken, "cannot be read"),
        (Shown(raw=b"--frame\r\nContent-Length: 99999999\r\n\r\n"), Broken, "more than 16 MB"),
        (Shown(raw=b"--frame\r\n\r\n" + bytes(PICTURE_LIMIT + 4_000_000)), Broken, "more than 16 MB"),
        (Shown(raw=b"--frame\r\nX-Pad: " + b"x" * 20_000), Broken, "no boundary"),
        (Shown(chunked=True, raw=b"zz\r\nwhat\r\n"), Broken, "no HTTP"),
        (Shown(headers=("X-Pad: " + "x" * 99_000,)), Broken, "does not speak HTTP"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_goes_wrong_is_said_plainly(
    shown: Shown, kind: type[CameraError], said: str, budget: Budget
) -> None:
    with showing(shown) as port:
        error = fault(port, budget)
    assert isinstance(error, kind), error
    assert said in error.message
    assert error.advice


def test_nobody_listens_or_does_not_answer(budget: Budget) -> None:
    with showing(Shown()) as port:
        pass
    assert isinstance(fault(port, budget), Refused)
    for host, kind in (("127.255.255.255", Unreachable), ("camera.invalid", UnknownHost)):
        with pytest.raises(kind):
            list(HttpMjpegCamera(f"http://{host}/", budget=budget).stream(threading.Event()))
    silent = Shown(items=[])
    with showing(silent) as port:
        began = time.monotonic()
        assert isinstance(fault(port, budget, scheme="https"), TimedOut | Refused)
        assert time.monotonic() - began < 5


def test_pictures_that_are_cut_short_are_left_out_and_counted(budget: Budget) -> None:
    cut: list[bytes | float] = [PICTURES[0][:-700], 0.05, PICTURES[1][:-700], 0.05]
    shown: list[bytes | float] = [*lasting(PICTURES, seconds=0.7), *cut, *lasting(PICTURES)]
    with showing(Shown(shown)) as port:
        _, *packets = items_of(port, budget, 30)
    lost = [packet.lost for packet in packets if isinstance(packet, CameraPacket)]
    assert sum(lost) == 2
    assert max(lost) == 2
    assert len(list(decoded(packets))) == len(packets)


def test_another_size_in_mid_stream(budget: Budget) -> None:
    wide = jpegs(10, width=512, height=289)
    small = list(lasting(PICTURES, seconds=0.7))
    shown: list[bytes | float] = [*small, *lasting(wide)]
    with showing(Shown(shown)) as port:
        found = items_of(port, budget, 30)
    infos = [number for number, item in enumerate(found) if isinstance(item, StreamInfo)]
    assert len(infos) == 2
    begin = found[infos[1]]
    assert isinstance(begin, StreamInfo)
    assert (begin.width, begin.height) == (512, 288)
    first = found[infos[1] + 1]
    assert isinstance(first, CameraPacket)
    assert first.key


def test_a_certificate_of_its_own_making_is_let_in_by_its_fingerprint(budget: Budget, tmp_path: Path) -> None:
    context, _, fingerprint = certificate(tmp_path)
    with showing(Shown(lasting(PICTURES), tls=context)) as port:
        error = fault(port, budget, scheme="https")
        assert isinstance(error, BadCertificate)
        assert fingerprint in error.message
        found = items_of(port, budget, 3, scheme="https", more=f"#sha256={fingerprint}&rate=30")
        assert len(found) == 3
        wrong = fault(port, budget, scheme="https", more=f"#sha256={'0' * 64}")
        assert isinstance(wrong, BadCertificate)
        out = Shown(status="302 Found", headers=(f"Location: http://127.0.0.1:{port}/",), tls=context)
        with showing(out) as first:
            moved = fault(first, budget, scheme="https", more=f"#sha256={fingerprint}")
        assert isinstance(moved, Refused)
        assert "without TLS" in moved.message


def test_it_ends_within_a_second(budget: Budget) -> None:
    stop = threading.Event()
    with showing(Shown()) as port:
        camera = HttpMjpegCamera(f"http://127.0.0.1:{port}/", budget=budget)
        threading.Timer(0.2, stop.set).start()
        began = time.monotonic()
        assert list(camera.stream(stop)) == []
        assert time.monotonic() - began < 1.5
