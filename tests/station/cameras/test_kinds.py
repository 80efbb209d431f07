"""Which camera a URL names."""

import threading
from pathlib import Path

import pytest

from packwitness.station.cameras.camera import BadAddress, NoSound
from packwitness.station.cameras.file import FileCamera
from packwitness.station.cameras.http_mjpeg import HttpMjpegCamera
from packwitness.station.cameras.kinds import KINDS, URL_LIMIT, Mute, open_camera, with_sound
from packwitness.station.cameras.rtsp import RtspCamera
from packwitness.station.cameras.scene_camera import SceneCamera
from packwitness.station.cameras.usb import UsbAddress, UsbCamera


def test_kinds_by_url(tmp_path: Path) -> None:
    assert isinstance(open_camera("rtsp://user:secret@10.0.0.4:8554/live"), RtspCamera)
    assert isinstance(open_camera("RTSPS://10.0.0.4/live"), RtspCamera)
    camera = open_camera(f"file:{tmp_path}/a%20film.mp4?loop=1&realtime=0")
    assert isinstance(camera, FileCamera)
    assert vars(camera)["_path"] == tmp_path / "a film.mp4"
    assert (vars(camera)["_loop"], vars(camera)["_realtime"]) == (True, False)
    assert isinstance(open_camera("http://user:secret@10.0.0.4/video.mjpg#rate=15"), HttpMjpegCamera)
    assert isinstance(open_camera(f"https://10.0.0.4/video#sha256={'AB:' * 31}AB"), HttpMjpegCamera)
    usb = open_camera("usb:/dev/v4l/by-id/usb-Cam%201?size=1280x720&rate=25&format=mjpeg")
    assert isinstance(usb, UsbCamera)
    assert vars(usb)["_address"] == UsbAddress("/dev/v4l/by-id/usb-Cam 1", (1280, 720), 25, "mjpeg")
    scene = open_camera(f"scene:label?folder={tmp_path}&epoch=12.5")
    assert isinstance(scene, SceneCamera)
    assert (vars(scene)["_folder"], vars(scene)["_epoch"]) == (tmp_path, 12.5)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/dev/video0",
        "ftp://camera/live",
        "http:",
        "http://camera/live#transport=tcp",
        "http://camera/live#rate=0",
        "https://camera/live#sha256=12",
        "rtsp://camera/live#rate=300",
        "http://camera/a live",
        "usb:",
        "usb:video0",
        "usb:/dev/video0?size=1080p",
        "usb:/dev/video0?rate=fast",
        "usb:/dev/video0?format=theora",
        "usb:/dev/video0?fps=30",
        "file:",
        "file:/film.mp4?lopp=1",
        "file:/film.mp4?loop=yes",
        "rtsp:",
        "scene:overhead",
        "scene:underneath?folder=/tmp",
        "scene:label?folder=/tmp&epoch=soon",
        "scene:label?folder=/tmp&epoch=nan",
        "rtsp://camera/" + "x" * URL_LIMIT,
    ],
)
def test_bad_addresses_say_what_to_write_and_quote_nothing(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        open_camera(url)
    assert not caught.value.retry
    assert "Write rtsp://" in str(caught.value)


def test_every_kind_is_named_in_the_advice() -> None:
    for kind in set(KINDS) - {"rtsps", "https"}:
        assert f"{kind}:" in BadAddress.advice


@pytest.mark.parametrize(
    "url", ["http://camera/live", "https://camera/live#rate=5", "usb:/dev/video0?rate=30"]
)
def test_sound_asked_of_a_camera_without_any(url: str) -> None:
    camera = open_camera(with_sound(url))
    assert isinstance(camera, Mute)
    told = next(iter(camera.stream(threading.Event())))
    assert isinstance(told, NoSound)
    assert told.no_sound.endswith("camera gives no sound.")
