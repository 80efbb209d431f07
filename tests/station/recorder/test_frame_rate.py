"""A camera that gives fewer pictures than it promised: judged by time told, and through a real recorder."""

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue

import av
import pytest

from packwitness.station.cameras.camera import CameraPacket, StreamInfo
from packwitness.station.recorder.channel import Channel
from packwitness.station.recorder.frame_rate import Rate, RateWatch
from packwitness.station.recorder.messages import (
    CameraSpec,
    CameraUp,
    EnoughPictures,
    FewPictures,
    PacketsDropped,
    PartWritten,
    PicturesDropped,
    Report,
    StartTake,
)
from packwitness.station.recorder.reader import Reader
from packwitness.station.recorder.ring import Ring
from packwitness.station.recorder.writer import Writer
from tests.station.cameras.films import make_film
from tests.station.cameras.jpegs import Shown, jpegs, lasting, showing, then_flood
from tests.station.recorder.folder_store import FolderStore
from tests.station.recorder.reading import decoded, samples
from tests.station.recorder.recording import SECOND, recording

MS = 1_000_000


class Camera:
    """Time and pictures that come at a rate of their own, ten ticks a second."""

    def __init__(self, promised: Fraction | None) -> None:
        self.watch = RateWatch()
        self.watch.begin(promised)
        self.now = 0
        self.owed = Fraction(0)

    def give(self, rate: float, seconds: float) -> list[tuple[float, Rate]]:
        """What was told, and how many seconds after the beginning."""
        begin, told = self.now, []
        for _ in range(round(seconds * 10)):
            self.now += 100 * MS
            self.owed += Fraction(rate) / 10
            self.watch.picture(int(self.owed))
            self.owed -= int(self.owed)
            if (found := self.watch.tick(self.now)) is not None:
                told.append(((self.now - begin) / SECOND, found))
        return told


def test_ten_instead_of_thirty_is_told_soon_and_over_when_mended() -> None:
    camera = Camera(Fraction(30))
    assert camera.give(30, 20) == []
    ((after, few),) = camera.give(10, 20)
    assert (few.few, few.promised) == (True, 30)
    assert 10 <= few.given <= 21
    assert after <= 5.1
    ((after, enough),) = camera.give(30, 20)
    assert (enough.few, enough.promised) == (False, 30)
    assert after <= 5.1


def test_from_the_beginning_it_takes_a_window() -> None:
    ((after, few),) = Camera(Fraction(30)).give(10, 10)
    assert few == Rate(True, 10, 30)
    assert 5.0 <= after <= 5.3


@pytest.mark.parametrize("rate", [29.97, 25, 22])
def test_a_little_fewer_is_no_reason(rate: float) -> None:
    assert Camera(Fraction(30)).give(rate, 30) == []


def test_what_lies_between_does_not_flap() -> None:
    camera = Camera(Fraction(30))
    assert len(camera.give(15, 10)) == 1
    # Between the two marks, to and fro.
    assert [told for rate in (23, 20, 24, 21, 25, 20) for told in camera.give(rate, 6)] == []
    assert len(camera.give(28, 10)) == 1
    assert [told for rate in (23, 25, 22, 24) for told in camera.give(rate, 6)] == []


@pytest.mark.parametrize("promised", [None, Fraction(0), Fraction(90_000)])
def test_who_promises_nothing_or_nonsense_breaks_nothing(promised: Fraction | None) -> None:
    assert Camera(promised).give(3, 20) == []


def test_a_slow_camera_and_a_process_that_stood_still() -> None:
    assert Camera(Fraction(1)).give(1, 30) == []
    camera = Camera(Fraction(30))
    camera.give(30, 10)
    camera.now += 30 * SECOND  # nobody ticked; what came meanwhile comes now
    camera.watch.picture(60)
    assert camera.give(30, 10) == []


def test_what_a_camera_did_before_it_was_gone_is_forgotten() -> None:
    camera = Camera(Fraction(30))
    assert len(camera.give(10, 10)) == 1
    camera.watch.forget()
    assert camera.give(30, 10) == [], "that it gave few was told of another connection"
    ((after, _),) = camera.give(10, 10)
    assert after <= 5.1


def test_what_was_told_is_over_when_a_stream_is_described_anew() -> None:
    """Within a connection, where nothing else would take the warning back."""
    camera = Camera(Fraction(30))
    assert len(camera.give(10, 10)) == 1
    assert not camera.watch.begin(Fraction(30)), "the same promise: it is as few as before"
    assert camera.give(10, 10) == []
    ((_, enough),) = camera.give(30, 10)
    assert not enough.few

    assert len(camera.give(10, 10)) == 1
    assert camera.watch.begin(Fraction(10))
    assert not camera.watch.begin(None)
    assert camera.give(10, 10) == []


def test_a_camera_by_http_is_filmed_and_told_slow(tmp_path: Path) -> None:
    """Real HTTP, a real recorder process: encoded once, whole parts, and the bench hears that it is slow."""
    with showing(Shown(lasting(jpegs(30), rate=10))) as port:
        url = f"http://127.0.0.1:{port}/video#rate=30"
        with recording(tmp_path, {"a": url}) as it:
            up = it.wait(CameraUp)
            facts = up.facts
            assert (facts.codec[:5], facts.width, facts.height, facts.encoded_from) == (
                "avc1.",
                320,
                240,
                "mjpeg",
            )
            it.supervisor.send(StartTake("t", ("a",), time.monotonic_ns(), 0))
            few = it.wait(FewPictures)
            assert (few.camera, few.promised) == ("a", 30)
            assert 5 <= few.given <= 12
            assert few.monotonic_ns - up.monotonic_ns < 12 * SECOND
            it.stop("t")
            it.check("t", "a")
            assert decoded(it.store.film("t", "a")) >= 40
            assert it.store.gaps("t", "a") == []
            assert it.store.timing("t", "a")[0] == "arrival"
            assert it.of(PicturesDropped) == []
            assert it.of(PacketsDropped) == []
            assert it.store.dropped("t", "a") == 0


def test_pictures_for_which_there_was_no_time_are_told_and_stated(tmp_path: Path) -> None:
    begun = threading.Event()
    flood = then_flood(jpegs(4, width=1280, height=720), begun, count=600)
    with (
        showing(Shown(flood)) as port,
        recording(tmp_path, {"a": f"http://127.0.0.1:{port}/#rate=20"}) as it,
    ):
        it.supervisor.send(StartTake("t", ("a",), time.monotonic_ns(), 0))
        it.wait(PartWritten)
        begun.set()
        told = it.wait(PicturesDropped)
        assert (told.camera, told.count > 0) == ("a", True)
        it.wait(PartWritten, after=len(it.reports))
        it.stop("t")
        assert it.store.dropped("t", "a") > 0
        assert decoded(it.store.film("t", "a")) > 8


class Fed:
    """A source that gives a picture when it is told to, ten a second, each after some that were dropped. It
    describes its stream again after six seconds, as of the rate `then`.
    """

    def __init__(self, film: Path, dropped: int, *, then: Fraction | None = None) -> None:
        self._pictures = samples(film)
        with av.open(str(film)) as container:
            self._sets = container.streams.video[0].codec_context.extradata or b""
        self._dropped = dropped
        self._then = then
        self.wanted: SimpleQueue[bool] = SimpleQueue()
        self.given = threading.Semaphore(0)

    def stream(self, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        yield StreamInfo("h264", 320, 240, self._sets, Fraction(1, 90_000), Fraction(30))
        number = 0
        while self.wanted.get():
            if number == 60 and self._then:
                yield StreamInfo("h264", 320, 240, self._sets, Fraction(1, 90_000), self._then)
            one = self._pictures[number % len(self._pictures)]
            now = time.monotonic_ns()
            yield CameraPacket(one.data, number * 9_000, None, 0, number % 15 == 0, now, 0, self._dropped)
            number += 1
            self.given.release()


@pytest.mark.parametrize(
    ("dropped", "then", "told"),
    [(0, None, (1, 0)), (2, None, (0, 0)), (0, Fraction(10), (1, 1)), (0, Fraction(30), (1, 0))],
)
def test_what_we_had_no_time_for_the_camera_gave(
    tmp_path: Path, dropped: int, then: Fraction | None, told: tuple[int, int]
) -> None:
    """Also where it promises something else later: then it is no longer too few."""
    source = Fed(make_film(tmp_path / "film.mp4", seconds=1, gop=15), dropped, then=then)
    reports: list[Report] = []
    writer = Writer("a", FolderStore(tmp_path), reports.append)
    channel = Channel(
        CameraSpec("a", "any"),
        open_camera=lambda _: source,
        reader=Reader(lambda: False),
        writer=writer,
        report=reports.append,
        ring=Ring(),
    )
    stop = threading.Event()
    thread = threading.Thread(target=channel.run, args=(stop,))
    thread.start()
    try:
        for number in range(70):
            source.wanted.put(True)
            assert source.given.acquire(timeout=5)
            channel.tick((number + 1) * 100 * MS)
    finally:
        stop.set()
        channel.hang_up()
        source.wanted.put(False)
        thread.join(5)
    kinds = [type(report) for report in reports]
    assert (kinds.count(FewPictures), kinds.count(EnoughPictures)) == told
