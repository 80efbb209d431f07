"""One thread that reads many cameras."""

import gc
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from packwitness.station.cameras.camera import StreamInfo
from packwitness.station.recorder.channel import Channel
from packwitness.station.recorder.messages import CameraDown, CameraSpec, Report
from packwitness.station.recorder.reader import PAUSE_SECONDS, Reader
from packwitness.station.recorder.ring import Ring
from packwitness.station.recorder.source import SourceItem
from packwitness.station.recorder.writer import Writer
from tests.station.recorder.folder_store import FolderStore


@pytest.fixture
def hurried() -> threading.Event:
    return threading.Event()


@pytest.fixture
def reader(hurried: threading.Event) -> Iterator[Reader]:
    with reading(Reader(hurried.is_set, first_seconds=0)) as reader:
        yield reader


@contextmanager
def reading(reader: Reader) -> Iterator[Reader]:
    over = threading.Event()

    def run() -> None:
        while not over.is_set():
            reader.read()
            reader.pause()

    thread = threading.Thread(target=run)
    thread.start()
    yield reader
    over.set()
    thread.join()


class Pump:
    """Says when and by whom it was asked; over after `times`."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.asked: list[tuple[float, str]] = []
        self._times, self._error = times, error

    def __call__(self) -> bool:
        self.asked.append((time.monotonic(), threading.current_thread().name))
        if len(self.asked) < self._times:
            return True
        if self._error is not None:
            raise self._error
        return False


def test_carries_until_it_is_over(reader: Reader) -> None:
    pump = Pump(3)
    reader.carry(pump)
    names = [name for _, name in pump.asked]
    # First by the camera's own thread, which may have to connect; then by the reader's.
    assert names[0] == threading.current_thread().name
    assert len(names) == 3
    assert threading.current_thread().name not in names[1:]


def test_what_one_camera_raises_reaches_its_own_thread_and_stops_no_other(reader: Reader) -> None:
    other = Pump(8)
    carrying = threading.Thread(target=reader.carry, args=(other,))
    carrying.start()
    with pytest.raises(OSError, match="the cable"):
        reader.carry(Pump(3, OSError("the cable")))
    carrying.join(10)
    assert not carrying.is_alive()
    assert len(other.asked) == 8


def test_a_camera_that_never_flows_is_not_carried(reader: Reader) -> None:
    with pytest.raises(OSError, match="no way"):
        reader.carry(Pump(1, OSError("no way")))
    reader.carry(Pump(1))


def test_pauses_less_where_somebody_waits(reader: Reader, hurried: threading.Event) -> None:
    calm, busy = Pump(12), Pump(12)
    reader.carry(calm)
    hurried.set()
    reader.carry(busy)
    assert _lasted(calm) > 9 * PAUSE_SECONDS
    assert _lasted(busy) < 0.7 * _lasted(calm)


def test_does_not_finish_its_pause_when_told_to_look(reader: Reader) -> None:
    told = Pump(40)

    def tell() -> None:
        while len(told.asked) < 40:
            reader.look()
            time.sleep(0.005)

    threading.Thread(target=tell, daemon=True).start()
    reader.carry(told)
    assert _lasted(told) < 20 * PAUSE_SECONDS


def test_reads_a_new_connection_hurriedly_at_first() -> None:
    with reading(Reader(lambda: False, first_seconds=5)) as reader:
        first = Pump(12)
        reader.carry(first)
    assert _lasted(first) < 7 * PAUSE_SECONDS


class Odd:
    """A camera whose stream cannot be recorded. Says when its connection is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def stream(self, stop: threading.Event) -> Iterator[SourceItem]:
        return (item for item in self.flow(stop) if item is not None)

    def flow(self, stop: threading.Event) -> Generator[SourceItem | None, None, None]:
        try:
            yield None
            yield StreamInfo("vp9", 640, 480, b"", Fraction(1, 90_000), None)
            yield None
        finally:
            self.closed.set()


def test_a_connection_is_closed_when_what_it_brought_cannot_be_recorded(reader: Reader) -> None:
    odd = Odd()
    told: list[Report] = []
    channel = Channel(
        CameraSpec("a", "odd"),
        open_camera=lambda _url: odd,
        writer=Writer("a", FolderStore(Path("unused")), told.append),
        report=told.append,
        ring=Ring(),
        reader=reader,
    )
    stop = threading.Event()
    thread = threading.Thread(target=channel.run, args=(stop,))
    gc.disable()
    try:
        thread.start()
        assert odd.closed.wait(5)
    finally:
        gc.enable()
        stop.set()
        thread.join()
    assert [(type(report), report.code) for report in told if isinstance(report, CameraDown)] == [
        (CameraDown, "bad_stream")
    ]


def _lasted(pump: Pump) -> float:
    return pump.asked[-1][0] - pump.asked[0][0]
