"""Reports on their way to an app that may be slow."""

import multiprocessing
import threading

from packwitness.station.recorder.messages import Beat, Frame
from packwitness.station.recorder.outbox import FRAME_LIMIT, Outbox


def frame(number: int, *, camera: str = "a") -> Frame:
    return Frame(camera, b"", number == 0, number % 10 == 1, "avc1.42c00d", number)


def test_a_slow_app_loses_live_pictures_but_no_report() -> None:
    ours, theirs = multiprocessing.Pipe()
    outbox = Outbox(ours)
    for number in range(200):
        outbox.put(frame(number))
        outbox.put(Beat(number, (), 0))
    outbox.put(frame(1, camera="b"))
    outbox.quit()
    sender = threading.Thread(target=outbox.run)
    sender.start()
    got = [theirs.recv() for _ in range(200 + FRAME_LIMIT + 1)]
    sender.join(10)
    assert [report.monotonic_ns for report in got if isinstance(report, Beat)] == list(range(200))
    numbers = [report.monotonic_ns for report in got if isinstance(report, Frame) and report.camera == "a"]
    assert numbers == list(range(FRAME_LIMIT))
    ours.close()
    theirs.close()


def test_pictures_begin_again_at_a_keyframe() -> None:
    ours, theirs = multiprocessing.Pipe()
    outbox = Outbox(ours)
    for number in range(FRAME_LIMIT + 5):
        outbox.put(frame(number))
    sender = threading.Thread(target=outbox.run)
    sender.start()
    got = [theirs.recv().monotonic_ns for _ in range(FRAME_LIMIT)]
    for number in range(FRAME_LIMIT + 5, FRAME_LIMIT + 25):
        outbox.put(frame(number))
    outbox.quit()
    sender.join(10)
    while theirs.poll(0):
        got.append(theirs.recv().monotonic_ns)
    assert got == [*range(FRAME_LIMIT), *range(FRAME_LIMIT + 11, FRAME_LIMIT + 25)]
    ours.close()
    theirs.close()


def test_it_ends_when_nobody_listens() -> None:
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    outbox = Outbox(ours)
    outbox.put(Beat(1, (), 0))
    outbox.run()
    ours.close()
