"""The kinds of camera: one line each in `KINDS`."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from packwitness.station.cameras.camera import BadAddress, Camera, Clock, Item, NoSound
from packwitness.station.cameras.rtsp import RtspCamera

URL_LIMIT = 2_000
EPOCH_LIMIT = 1e9


def open_camera(url: str, *, clock: Clock = time.monotonic_ns) -> Camera:
    """Return the camera that `url` names. Nothing is connected yet.

    Raises:
        BadAddress: the URL cannot be understood; the text does not quote it.
    """
    if len(url) > URL_LIMIT:
        raise BadAddress(f"The camera's URL is longer than {URL_LIMIT} characters.")
    kind = url.partition(":")[0].lower()
    if kind not in KINDS:
        raise BadAddress(f"The camera's URL begins with none of {', '.join(KINDS)}.")
    return KINDS[kind](url, clock)


def with_sound(url: str) -> str:
    """The URL of the same camera with its sound. Cameras that never have any say so when they are opened."""
    if url.partition(":")[0].lower() in ("rtsp", "rtsps", "http", "https"):
        return f"{url}{'&' if '#' in url else '#'}sound=1"
    return f"{url}{'&' if '?' in url else '?'}sound=1"


class Mute:
    """A camera that was asked for sound and has none."""

    def __init__(self, camera: Camera, kind: str) -> None:
        self._camera = camera
        self._kind = kind

    def stream(self, stop: threading.Event) -> Iterator[Item]:
        """See `Camera.stream`."""
        yield NoSound(f"A {self._kind} camera gives no sound.", "Write audio = false for this camera.")
        yield from self._camera.stream(stop)


def _rtsp(url: str, clock: Clock) -> Camera:
    return RtspCamera(url, clock=clock)


def _http(url: str, clock: Clock) -> Camera:
    # FFmpeg costs 20 MB, and cameras that give H.264 over the network do without.
    from packwitness.station.cameras.http_mjpeg import HttpMjpegCamera

    camera = HttpMjpegCamera(url, clock=clock)
    return Mute(camera, "HTTP") if camera.sound else camera


def _usb(url: str, clock: Clock) -> Camera:
    # As above.
    from packwitness.station.cameras.usb import UsbCamera, parse_usb

    path, options = _parts(url, allowed=("size", "rate", "format", "sound"))
    camera = UsbCamera(parse_usb(path, options), clock=clock)
    return Mute(camera, "USB") if _flag(options, "sound", default=False) else camera


def _file(url: str, clock: Clock) -> Camera:
    # FFmpeg costs 20 MB, and cameras on the network do without.
    from packwitness.station.cameras.file import FileCamera

    path, options = _parts(url, allowed=("loop", "realtime", "sound"))
    camera = FileCamera(
        Path(path),
        loop=_flag(options, "loop", default=False),
        realtime=_flag(options, "realtime", default=True),
        clock=clock,
    )
    return Mute(camera, "file") if _flag(options, "sound", default=False) else camera


def _scene(url: str, clock: Clock) -> Camera:
    # OpenCV and the drawings cost 60 MB that only a demo needs to pay.
    from packwitness.station.cameras.scene import View
    from packwitness.station.cameras.scene_camera import SceneCamera

    name, options = _parts(url, allowed=("folder", "epoch", "sound"))
    views: dict[str, View] = {view: view for view in get_args(View)}
    if name not in views or not options.get("folder"):
        raise BadAddress(f"A scene camera shows {' or '.join(views)} and needs a folder to draw in.")
    try:
        epoch = float(options.get("epoch", "0"))
    except ValueError:
        raise BadAddress("A scene camera's epoch is a number of seconds.") from None
    if not abs(epoch) < EPOCH_LIMIT:
        raise BadAddress("A scene camera's epoch is out of range.")
    camera = SceneCamera(Path(options["folder"]), views[name], epoch=epoch, clock=clock)
    return Mute(camera, "scene") if _flag(options, "sound", default=False) else camera


def _parts(url: str, *, allowed: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Split `kind:path?name=value&…` into the path and its options."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        raise BadAddress("The camera's URL cannot be read.") from None
    path = unquote(parts.netloc + parts.path)
    if not path:
        raise BadAddress("The camera's URL names nothing after its kind.")
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise BadAddress(f"A {parts.scheme} camera knows no option {unknown[0]}, only {', '.join(allowed)}.")
    return path, options


def _flag(options: dict[str, str], name: str, *, default: bool) -> bool:
    value = options.get(name, str(int(default)))
    if value not in ("0", "1"):
        raise BadAddress(f"The camera's option {name} is 0 or 1.")
    return value == "1"


KINDS: dict[str, Callable[[str, Clock], Camera]] = {
    "rtsp": _rtsp,
    "rtsps": _rtsp,
    "http": _http,
    "https": _http,
    "usb": _usb,
    "file": _file,
    "scene": _scene,
}
