"""Cameras at this computer's USB. No machine that runs tests has one, so a fake stands in for the device."""

import errno
import os
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest

from packwitness.station.cameras.budget import Budget
from packwitness.station.cameras.camera import (
    BadAddress,
    Busy,
    CameraError,
    CameraPacket,
    NoDevice,
    NoFrames,
    NoSuchFormat,
    NotAllowed,
    StreamInfo,
    TimedOut,
    WrongCodec,
)
from packwitness.station.cameras.device import Device, V4l2Device, Wish
from packwitness.station.cameras.fake_device import FakeDevice
from packwitness.station.cameras.usb import Hangs, UsbAddress, UsbCamera, parse_usb
from tests.station.cameras.films import make_film

SIZE = (320, 240)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A film in each form that a device may send: H.264 in Annex B, JPEG pictures, raw ones."""
    folder = tmp_path_factory.mktemp("device")
    whole = make_film(folder / "film.mp4", seconds=1, gop=10)
    found = {"h264": folder / "film.ts", "mjpeg": folder / "film.avi", "yuyv422": folder / "film.nut"}
    with av.open(str(whole)) as film, av.open(str(found["h264"]), "w") as out:
        copy = out.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(film.streams.video[0]):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    for name, codec, pixels in (("mjpeg", "mjpeg", "yuvj422p"), ("yuyv422", "rawvideo", "yuyv422")):
        with av.open(str(whole)) as film, av.open(str(found[name]), "w") as out:
            stream = out.add_stream(codec, rate=30)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = *SIZE, pixels
            for frame in film.decode(video=0):
                out.mux(stream.encode(frame.reformat(format=pixels)))
            out.mux(stream.encode(None))
    return found


@pytest.fixture
def budget(tmp_path: Path) -> Budget:
    return Budget(tmp_path / "budget", cores=64)


def camera(device: Device, budget: Budget, address: UsbAddress | None = None) -> UsbCamera:
    return UsbCamera(
        address or UsbAddress("/dev/video0"),
        device=device,
        open_seconds=0.5,
        silence_seconds=0.5,
        budget=budget,
    )


def items_of(one: UsbCamera, count: int) -> list[StreamInfo | CameraPacket]:
    stop = threading.Event()
    found: list[StreamInfo | CameraPacket] = []
    for item in one.stream(stop):
        found.append(item)
        if len(found) == count:
            stop.set()
    return found


def fault(one: UsbCamera) -> CameraError:
    with pytest.raises(CameraError) as caught:
        items_of(one, 9_999)
    assert caught.value.advice
    return caught.value


def test_h264_from_the_camera_is_kept_as_it_comes(films: dict[str, Path], budget: Budget) -> None:
    info, *packets = items_of(camera(FakeDevice(films), budget), 46)
    assert info == StreamInfo("h264", *SIZE, b"", Fraction(1, 90_000), Fraction(30), 0)
    theirs = [packet.data for packet in packets if isinstance(packet, CameraPacket)]
    with av.open(str(films["h264"])) as film:
        whole = [bytes(packet) for packet in film.demux(video=0) if packet.size]
    assert theirs == [whole[number % 30] for number in range(45)]
    steps = [(packet.pts, packet.key) for packet in packets if isinstance(packet, CameraPacket)]
    assert steps == [(number * 3_000, number % 10 == 0) for number in range(45)]
    assert not list((budget._folder).glob("*.share")), "what is not encoded costs nothing"


def test_pictures_that_nothing_can_begin_with_are_left_out_and_counted(
    films: dict[str, Path], budget: Budget, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.ts"
    with av.open(str(films["h264"])) as film, av.open(str(cut), "w") as out:
        copy = out.add_stream_from_template(film.streams.video[0])
        for number, packet in enumerate(film.demux(film.streams.video[0])):
            if packet.size and number >= 6:
                packet.stream = copy
                out.mux(packet)
    _, first, *packets = items_of(camera(FakeDevice({"h264": cut}), budget), 8)
    assert isinstance(first, CameraPacket)
    assert (first.key, first.dropped) == (True, 4)
    assert [packet.dropped for packet in packets if isinstance(packet, CameraPacket)] == [0] * 6


@pytest.mark.parametrize(("form", "told"), [("mjpeg", "mjpeg"), ("yuyv422", "yuyv422")])
def test_other_pictures_are_encoded_once(
    films: dict[str, Path], budget: Budget, form: str, told: str
) -> None:
    device = FakeDevice({form: films[form]})
    info, *packets = items_of(camera(device, budget), 16)
    assert info == StreamInfo(*("h264", *SIZE, b"", Fraction(1, 90_000), Fraction(30), 0), encoded_from=told)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    shown = 0
    for packet in packets:
        assert isinstance(packet, CameraPacket)
        shown += len(decoder.decode(av.Packet(packet.data)))
    shown += len(decoder.decode(None))
    assert shown == 15


def test_what_the_device_says_is_said_plainly(films: dict[str, Path], budget: Budget, tmp_path: Path) -> None:
    whole = {"mjpeg": films["mjpeg"]}
    strange = tmp_path / "strange.avi"
    with av.open(str(films["mjpeg"])) as film, av.open(str(strange), "w") as out:
        stream = out.add_stream("mpeg4", rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for frame in film.decode(video=0):
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
    mute = tmp_path / "mute.wav"
    with av.open(str(mute), "w") as out:
        sound = out.add_stream("pcm_s16le", rate=8_000)
        assert isinstance(sound, av.AudioStream)
        silence = av.AudioFrame(format="s16", layout="mono", samples=800)
        silence.sample_rate = 8_000
        out.mux(sound.encode(silence))
    found = [
        (type(error), error.code)
        for error in [
            fault(camera(FakeDevice(whole, error=errno.ENOENT), budget)),
            fault(camera(FakeDevice(whole, error=errno.EACCES), budget)),
            fault(camera(FakeDevice(whole, error=errno.EBUSY), budget)),
            fault(camera(FakeDevice({}), budget)),
            fault(camera(FakeDevice(whole), budget, UsbAddress("/dev/video0", format="h264"))),
            fault(camera(FakeDevice(whole), budget, UsbAddress("/dev/video0", size=(1280, 720)))),
            fault(camera(FakeDevice({"mjpeg": strange}), budget)),
            fault(camera(FakeDevice({"h264": mute}), budget)),
            fault(camera(FakeDevice(whole, error=errno.EIO), budget)),
        ]
    ]
    assert found == [
        (NoDevice, "no_device"),
        (NotAllowed, "not_allowed"),
        (Busy, "busy"),
        (NoSuchFormat, "no_such_format"),
        (NoSuchFormat, "no_such_format"),
        (NoSuchFormat, "no_such_format"),
        (WrongCodec, "wrong_codec"),
        (NoDevice, "no_device"),
        (CameraError, "camera_failed"),
    ]
    assert "group video" in NotAllowed.advice


@pytest.mark.parametrize("form", ["h264", "mjpeg"])
def test_pulled_out_or_silent(films: dict[str, Path], budget: Budget, form: str) -> None:
    film = {form: films[form]}
    gone = fault(camera(FakeDevice(film, unplugged_after=9), budget))
    assert (type(gone), gone.message) == (NoDevice, "The USB camera /dev/video0 is gone.")
    assert isinstance(fault(camera(FakeDevice(film, silent_after=0), budget)), NoFrames)
    late = fault(camera(FakeDevice(film, silent_after=9), budget))
    assert (type(late), late.code) == (TimedOut, "timeout")


def test_a_driver_that_hangs_keeps_nobody_waiting(films: dict[str, Path], budget: Budget) -> None:
    began = time.monotonic()
    hung = fault(camera(FakeDevice(films, hangs=1.0), budget))
    assert time.monotonic() - began < 0.95
    assert "plug it in again" in hung.advice
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    began = time.monotonic()
    slow = UsbCamera(UsbAddress("/dev/video1"), device=FakeDevice(films, hangs=1.0), budget=budget)
    assert list(slow.stream(stop)) == []
    assert time.monotonic() - began < 0.9


def test_a_driver_that_hangs_is_waited_for_by_one_thread(films: dict[str, Path], budget: Budget) -> None:
    place = UsbAddress("/dev/video2")
    before = threading.enumerate()

    def left() -> list[threading.Thread]:
        return [one for one in threading.enumerate() if one not in before]

    began = time.monotonic()
    for _ in range(5):
        assert isinstance(fault(camera(FakeDevice(films, hangs=1.2), budget, place)), Hangs)
    assert len(left()) == 1
    assert time.monotonic() - began < 1.0, "only the first one waits"
    while left():
        time.sleep(0.02)
    assert len(items_of(camera(FakeDevice(films), budget, place), 3)) == 3, "it answers again"


def test_the_system_says_what_is_no_camera(tmp_path: Path) -> None:
    """Through FFmpeg's own V4L2, as far as a machine without a camera goes."""
    for path in (tmp_path / "nothing", tmp_path, Path(os.devnull)):
        one = UsbCamera(UsbAddress(str(path)), device=V4l2Device(str(path)))
        assert isinstance(fault(one), NoDevice)


def test_addresses() -> None:
    assert parse_usb("/dev/video0", {}) == UsbAddress("/dev/video0")
    said = {"size": "1280x720", "rate": "25", "format": "yuyv"}
    address = parse_usb("/dev/v4l/by-id/x", said)
    assert address.wishes() == [Wish("yuyv422", 1280, 720, 25)]
    assert [wish.format for wish in UsbAddress("/dev/video0").wishes()] == ["h264", "mjpeg", "yuyv422"]
    for path, options in [
        ("video0", {}),
        ("/dev/video0", {"size": "big"}),
        ("/dev/video0", {"rate": "0"}),
        ("/dev/video0", {"rate": "fast"}),
        ("/dev/video0", {"format": "webm"}),
    ]:
        with pytest.raises(BadAddress):
            parse_usb(path, options)
