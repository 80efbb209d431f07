"""What this computer can encode: who is let in, who is refused, and what happens where it was too much."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import pytest

from packwitness.station.cameras import encoder
from packwitness.station.cameras.budget import LIMIT, Budget, Running, Share, cores_here
from packwitness.station.cameras.camera import CameraPacket, Overloaded, StreamInfo, TimedOut
from packwitness.station.cameras.encoder import SOFTWARE, Decoder, Form, best_encoder
from packwitness.station.cameras.http_mjpeg import HttpMjpegCamera
from packwitness.station.cameras.stills import WAITING_BYTES, WAITING_LIMIT, Inbox, Still
from packwitness.station.cameras.trial import Cost, cost_of
from tests.station.cameras.jpegs import Shown, jpegs, lasting, showing, then_flood

HOLD = """
import sys, pathlib
from packwitness.station.cameras.budget import Budget
share = Budget(pathlib.Path(sys.argv[1]), cores=4).take(2.0)
print(share, flush=True)
sys.stdin.read()
"""


def test_shares_add_up_and_are_given_back(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", cores=4)
    first, second = budget.take(1.2), budget.take(1.5)
    assert isinstance(first, Share)
    assert isinstance(second, Share)
    left = budget.take(0.4)
    assert left == pytest.approx(LIMIT * 4 - 2.7)
    first.set(1.0)  # it takes less in truth
    third = budget.take(0.4)
    assert isinstance(third, Share)
    for share in (first, second, third):
        share.close()
    assert not list((tmp_path / "budget").glob("*.share"))
    assert (tmp_path / "budget").stat().st_mode & 0o777 == 0o700


def test_a_link_that_somebody_laid_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "budget").symlink_to(tmp_path / "mine")
    with pytest.raises(PermissionError):
        Budget(tmp_path / "budget", cores=4).take(1.0)
    assert list((tmp_path / "mine").iterdir()) == []


def test_other_processes_count_as_long_as_they_live(tmp_path: Path) -> None:
    folder = tmp_path / "budget"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert b"Share" in other.stdout.readline()
    budget = Budget(folder, cores=4)
    assert budget.take(1.5) == pytest.approx(1.0)
    other.kill()
    other.communicate()
    with_it = budget.take(1.5)
    assert isinstance(with_it, Share)
    assert len(list(folder.glob("*.share"))) == 1, "what the dead one held is cleared away"
    with_it.close()


def test_a_share_follows_what_the_camera_takes(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", cores=4)
    running = Running(budget)
    assert running.take(1.0, rate=30.0)
    for number in range(200):
        running.used(0.08, number / 10)
    assert budget.take(1.0) == pytest.approx(LIMIT * 4 - 2.4, abs=0.01)
    assert not running.take(9.0, rate=30.0)
    assert budget.take(9.0) == pytest.approx(LIMIT * 4), "it has none any more"
    running.close()
    # Where nobody can be asked, filming goes on.
    lost = Budget(tmp_path / "no" / "such" / "place")
    assert Running(lost).take(9.0, rate=30.0)
    assert 0 < cores_here() <= 4096


def test_cores_and_threads_that_pictures_take() -> None:
    cost = Cost(0.010, 0.015)
    assert cost.cores(Fraction(30)) == pytest.approx(0.75)
    assert cost.threads(Fraction(30)) == 1
    assert cost.threads(Fraction(60)) == 3
    assert cost.threads(Fraction(100)) is None


def test_what_it_costs_is_measured_once() -> None:
    (data,) = jpegs(1, width=640, height=360)
    form = Form("mjpeg")
    picture = Decoder(form).decode(data)
    assert picture is not None
    cost = cost_of(form, picture, data)
    assert 0.0001 < cost.decode < 0.1
    assert 0.0001 < cost.encode < 0.1
    assert cost_of(form, picture, data) is cost
    assert best_encoder(picture, Fraction(30)) == cost.encoder == SOFTWARE  # no board with an encoder here


def test_a_picture_that_would_fill_the_memory_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    (data,) = jpegs(1)
    assert Decoder(Form("mjpeg")).decode(data) is not None
    at = data.index(b"\xff\xc0")
    assert Decoder(Form("mjpeg")).decode(data[: at + 5] + b"\xff\xf0\xff\xf0" + data[at + 9 :]) is None
    # One that is whole and too large, without the memory that it takes.
    monkeypatch.setattr(encoder, "PIXEL_LIMIT", 320 * 240 - 1)
    assert Decoder(Form("mjpeg")).decode(data) is None


def test_a_camera_too_many_is_refused_with_advice(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", cores=1)
    with showing(Shown(lasting(jpegs(10)))) as port:
        url = f"http://127.0.0.1:{port}/#rate=30"
        first = HttpMjpegCamera(url, budget=budget).stream(threading.Event())
        assert isinstance(next(first), StreamInfo)
        (share,) = (tmp_path / "budget").glob("*.share")
        assert 0 < float(share.read_text()) < 0.75
        whole = budget.take(0.75 - float(share.read_text()))
        assert isinstance(whole, Share)
        with pytest.raises(Overloaded) as caught:
            list(HttpMjpegCamera(url, budget=budget).stream(threading.Event()))
        assert (caught.value.code, caught.value.retry) == ("overloaded", True)
        assert "320 x 240 at 30 pictures a second" in caught.value.message
        assert "leave too little" in caught.value.message
        assert "H.264" in caught.value.advice
        # The one that runs goes on, and gives its share back at the end.
        assert isinstance(next(first), CameraPacket)
        first.close()  # type: ignore[attr-defined]  # it is a generator
        whole.close()
        again = HttpMjpegCamera(url, budget=budget).stream(threading.Event())
        assert isinstance(next(again), StreamInfo)
        again.close()  # type: ignore[attr-defined]


class Flood:
    """A source that sends as fast as it can."""

    form = Form("mjpeg")
    promised = Fraction(5)
    timing = "arrival"

    def __init__(self, data: bytes, count: int) -> None:
        self._data = data
        self._count = count
        self.sent = threading.Event()

    def read(self, over: threading.Event) -> Iterator[Still]:
        for number in range(self._count):
            yield Still(self._data, number, number)
        self.sent.set()
        over.wait()

    def close(self) -> None:
        """Nothing is open."""


def test_what_waits_is_bounded_and_what_is_let_go_is_counted() -> None:
    for size, most in ((1_000, WAITING_LIMIT), (WAITING_BYTES // 3, 3)):
        flood = Flood(bytes(size), 50)
        inbox = Inbox(flood, clock=time.monotonic_ns)
        assert flood.sent.wait(5)
        found = [inbox.take(0.1) for _ in range(most)]
        assert [(one[0].pts, one[1]) for one in found if one is not None] == [
            (50 - most + number, (50 - most) if number == 0 else 0) for number in range(most)
        ]
        assert inbox.take(0.01) is None
        inbox.close(1)


def test_pictures_for_which_there_is_no_time_are_counted(tmp_path: Path) -> None:
    """A camera that promised five pictures a second and sends what the line holds."""
    begun = threading.Event()
    packets: list[CameraPacket] = []
    with showing(Shown(then_flood(jpegs(4, width=1280, height=720), begun, count=300))) as port:
        budget = Budget(tmp_path / "budget", cores=64)
        camera = HttpMjpegCamera(f"http://127.0.0.1:{port}/#rate=5", budget=budget, silence_seconds=0.9)
        with suppress(TimedOut):  # once the flood is over
            for item in camera.stream(threading.Event()):
                if isinstance(item, CameraPacket):
                    begun.set()
                    packets.append(item)
    dropped = sum(packet.dropped for packet in packets)
    assert dropped > 50
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown_pictures = sum(len(decoder.decode(av.Packet(packet.data))) for packet in packets)
    assert shown_pictures + len(decoder.decode(None)) == len(packets)
