"""What the single probes find, and how it is judged."""

import os
import pty
import subprocess
import sys
import termios
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from packwitness.station.app.clock import Measurement
from packwitness.station.app.doctor import camera, clock, disk, hub, load, scanner
from packwitness.station.app.doctor.verdict import Level, Verdict
from packwitness.station.cameras.camera import Busy, Overloaded
from packwitness.station.config import CameraSettings
from packwitness.station.recorder.messages import StreamFacts
from packwitness.station.spool.guard import Disk, Room

ROOT = Path(__file__).resolve().parents[4]
GIB = 1 << 30
FULL = """
import ctypes, os, sys
from pathlib import Path
from packwitness.station.app.doctor.disk import judge_speed, kind_of, try_writing
try:
    os.unshare(os.CLONE_NEWNS)
except PermissionError:
    os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNS)
libc = ctypes.CDLL(None, use_errno=True)
MS_REC_PRIVATE = 16384 | 262144
assert libc.mount(b"none", b"/", None, MS_REC_PRIVATE, None) == 0, os.strerror(ctypes.get_errno())
folder = Path(sys.argv[1])
assert libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, b"size=2m") == 0, os.strerror(ctypes.get_errno())
verdict = judge_speed(try_writing(folder), need=1.0)
print(kind_of(folder), verdict.level.value, verdict.advice, os.listdir(folder))
"""


def test_a_disk_that_runs_full_is_told_and_nothing_stays_on_it(tmp_path: Path) -> None:
    """On a file system of two megabytes, in a mount namespace of the test's own."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )

    assert done.stdout == "tmpfs fail Make room on it. []\n", done.stderr


def test_writing_is_measured_and_bounded(tmp_path: Path) -> None:
    began = time.monotonic()
    written = disk.try_writing(tmp_path, parts=4, seconds=2)

    assert time.monotonic() - began < 10
    assert written.bytes_per_s > 0
    assert written.slowest_s > 0
    assert list(tmp_path.iterdir()) == []
    assert disk.try_writing(tmp_path / "none").trouble
    assert disk.kind_of(tmp_path)


def level(verdict: Verdict) -> str:
    return verdict.level.value


def test_a_disk_serves_if_it_is_faster_than_the_cameras_by_far() -> None:
    fast = disk.Written(100e6, 0.02)

    assert [level(disk.judge_speed(fast, need=need)) for need in (10e6, 50e6, 200e6)] == [
        "ok",
        "warn",
        "fail",
    ]
    assert level(disk.judge_speed(disk.Written(100e6, 0.8), need=1e6)) == "warn"
    assert [level(disk.judge_kind(kind)) for kind in ("ext4", "", "tmpfs", "nfs4", "vfat")] == [
        "ok", "ok", "warn", "warn", "warn",
    ]  # fmt: skip


def test_room_lasts_for_hours_of_filming() -> None:
    def room(found: Disk, *, budget: bool = False) -> Verdict:
        return disk.judge_room(found, need=GIB / 3600, full_bytes=GIB, budget=budget)

    assert room(Disk(Room.FINE, 11 * GIB)) == Verdict(
        "room", Level.OK,
        "11.0 GiB are free, for 10.0 hours of filming without a pause, if nothing went up to the hub.",
        facts={"free_bytes": 11 * GIB, "hours": 10.0},
    )  # fmt: skip
    assert level(room(Disk(Room.LOW, 2 * GIB))) == "warn"
    small = room(Disk(Room.FULL, GIB // 2), budget=True)
    assert (level(small), small.facts["hours"]) == ("fail", 0.0)
    assert "of the budget" in small.says
    assert level(room(Disk(Room.FULL, 0, gone=True))) == "fail"


def test_the_systems_clock_is_asked_and_not_set() -> None:
    before = time.time()
    assert clock.synchronised() in (True, False, None)
    assert time.time() - before < 5

    def levels(in_step: bool | None, offset: Measurement | None) -> list[str]:
        return [level(one) for one in clock.judge(in_step, offset, limit_ms=2_000)]

    assert levels(True, Measurement(100, 600, 0)) == ["ok", "ok"]
    assert levels(False, Measurement(2_500, 600, 0)) == ["warn", "ok"], "it may still be within"
    assert levels(None, Measurement(-2_700, 600, 0)) == ["ok", "fail"]
    assert levels(True, None) == ["ok"]


def test_a_date_in_whole_seconds_is_as_good_as_that() -> None:
    date = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
    sent_ms = date.timestamp() * 1000 + 900

    assert hub.against(date, sent_ms=sent_ms, took_ms=100) == Measurement(450, 550, int(sent_ms) + 100)


def watched(*, rate: float = 30, seconds: float = 4, gop: int = 30, **more: object) -> camera.Watched:
    seen = camera.Watched(promised=30, timing="rtp", facts=StreamFacts("avc1.64001f", 1280, 720))
    for number in range(int(seconds * rate)):
        at = number / rate
        seen.pictures.append((at, int(at * 1e9), number % gop == 0, 10_000))
    for name, value in more.items():
        setattr(seen, name, value)
    return seen


@pytest.mark.parametrize(
    ("seen", "levels"),
    [
        (watched(), "camera ok, keyframes ok, time stamps ok, labels ok"),
        (watched(rate=20, gop=20), "camera warn, keyframes ok, time stamps ok, labels ok"),
        (watched(lost=3), "camera warn, keyframes ok, time stamps ok, labels ok"),
        (watched(seconds=12, gop=150), "camera ok, keyframes warn, time stamps ok, labels ok"),
        (watched(gop=9_999), "camera ok, keyframes warn, time stamps ok, labels ok"),
        (watched(clock_ms=-90_000), "camera ok, keyframes ok, time stamps warn, labels ok"),
        (watched(looks=0), "camera ok, keyframes ok, time stamps ok, labels fail"),
        (watched(facts=None), "camera fail"),
        (watched(broken="odd"), "camera fail"),
    ],
)
def test_a_camera_is_judged_by_what_came(seen: camera.Watched, levels: str) -> None:
    if seen.looks == 0 and "labels ok" in levels:
        seen.looks = 9
    judged = camera.judge("c", seen, sound=False, look=True, running=False)

    assert ", ".join(f"{one.check} {level(one)}" for one in judged) == levels


def test_what_the_station_uses_is_no_failure() -> None:
    """It holds the device, or the part of the processor that this camera takes."""
    for error in (Busy("It is used."), Overloaded("Too little is left.")):
        for running, expected in ((True, "warn"), (False, "fail")):
            seen = camera.Watched(error=error)
            (one,) = camera.judge("c", seen, sound=False, look=True, running=running)
            assert (level(one), error.message in one.line) == (expected, True)


def test_pictures_that_this_computer_drops_are_not_the_cameras_fault() -> None:
    seen = watched(rate=15, gop=15, looks=9, dropped=[0, 1] * 30)
    first, *_ = camera.judge("c", seen, sound=False, look=True, running=False)
    assert (level(first), "This computer is too slow" in first.line) == ("warn", True)
    assert 20 < seen.rate < 24


def test_the_processor_that_cameras_need() -> None:
    urls = ("rtsp://h/1", "usb:0", "http://h/mjpeg")
    cameras = [CameraSettings(id=f"c{number}", url=url) for number, url in enumerate(urls)]
    small = CameraSettings(id="s", url="rtsp://h/1", look="rtsp://h/2")

    assert load.need_of(cameras, [cameras[0]], matrix=False) == pytest.approx(1.80)
    assert load.need_of([small], [small], matrix=True) == pytest.approx(0.2)
    assert [level(load.judge(need, cores=2, busy=0.1)) for need in (1.0, 1.8, 2.5)] == ["ok", "warn", "fail"]
    assert level(load.judge(1.0, cores=2, busy=7.1)) == "warn"


def test_what_is_plugged_in_is_named(tmp_path: Path) -> None:
    (tmp_path / "ttyACM0").touch()
    (tmp_path / "devices").write_text(
        'I: Bus=0003\nN: Name="Honeywell 1900"\nH: Handlers=sysrq kbd event3\n\n'
        'I: Bus=0003\nN: Name="Mouse"\nH: Handlers=mouse0 event4\n'
    )
    found = scanner.plugged_in(devices=tmp_path / "devices", dev=tmp_path)

    assert found.facts == {"keyboards": ["Honeywell 1900"], "serial_ports": ["ttyACM0"]}
    assert "only a scan at the kiosk's page tells" in found.says
    assert "no keyboard" in scanner.plugged_in(devices=tmp_path / "none", dev=tmp_path / "none").says


@pytest.mark.parametrize(
    ("typed", "expected", "word"),
    [
        (b"607812345678\n", "ok", "12 characters"),
        (b"607812345678", "warn", "does not end with Enter"),
        (b"", "fail", "Nothing was scanned"),
        (b"\x07\n", "fail", "no code"),
    ],
)
def test_a_scan_at_the_terminal(typed: bytes, expected: str, word: str) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    try:
        if typed:
            threading.Timer(0.1, os.write, (ours, typed)).start()
        found = scanner.scan_here(0.5, source=theirs)
        assert termios.tcgetattr(theirs) == before, "the terminal is left as it was"
    finally:
        time.sleep(0.15)
        os.close(ours)
        os.close(theirs)
    assert level(found) == expected
    assert word in found.says
    with (ROOT / "pyproject.toml").open() as file:
        assert level(scanner.scan_here(1, source=file.fileno())) == "fail"
