"""Cameras at this computer's USB: `usb:/dev/video0?size=1920x1080&rate=30&format=mjpeg`.

One that gives H.264 by itself is kept as it comes; JPEG and raw pictures are encoded once. Without a format
they are tried in that order. A driver's calls may hang for ever, so each is made by a thread that can be left
behind.
"""

import errno
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from packwitness.station.cameras.address import read_rate
from packwitness.station.cameras.budget import Budget
from packwitness.station.cameras.camera import (
    BadAddress,
    Busy,
    CameraError,
    CameraPacket,
    Clock,
    NoDevice,
    NoFrames,
    NoKeyframe,
    NoSuchFormat,
    NotAllowed,
    StreamInfo,
    TimedOut,
    WrongCodec,
)
from packwitness.station.cameras.device import RAW, Device, Feed, V4l2Device, Wish
from packwitness.station.cameras.encoded import CLOSE_SECONDS, SILENCE_SECONDS, WAKE_SECONDS, Encoding
from packwitness.station.cameras.encoder import CLOCK, Form
from packwitness.station.cameras.stills import Inbox, Still

OPEN_SECONDS = 8.0
"""Some cameras take seconds to wake up."""
KEYFRAME_SECONDS = 30.0
FORMATS = {"h264": "h264", "mjpeg": "mjpeg", "yuyv": "yuyv422"}
SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
USUAL_SIZE = (1920, 1080)
USUAL_RATE = 30
H264_WAITING = 1_000
_hanging: dict[str, "Opening"] = {}
"""By device: the opening that was left behind. Beside it there is no other, for where a driver hangs for ever
each try would leave one more thread.
"""
MISSING = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTTY, errno.EISDIR, errno.ENOTDIR)
FORBIDDEN = (errno.EACCES, errno.EPERM)


class NoPictures(NoFrames):
    """A device that is open and silent."""

    advice = (
        "Plug the camera in anew, into another USB socket if it has to share one with other cameras, or ask "
        "it for a smaller size or rate."
    )


class Hangs(TimedOut):
    """A driver that does not answer."""

    advice = "Unplug the camera and plug it in again."


@dataclass(frozen=True, slots=True)
class UsbAddress:
    """What the URL says; `size` and `rate` are None where it leaves them open, `format` is "" there."""

    path: str
    size: tuple[int, int] | None = None
    rate: int | None = None
    format: str = ""

    def wishes(self) -> list[Wish]:
        """What to ask the device for, one after the other."""
        width, height = self.size or USUAL_SIZE
        names = [self.format] if self.format else list(FORMATS)
        return [Wish(FORMATS[name], width, height, self.rate or USUAL_RATE) for name in names]


def parse_usb(path: str, options: dict[str, str]) -> UsbAddress:
    """Raises BadAddress."""
    if not path.startswith("/"):
        raise BadAddress("A USB camera is named by its device, as in usb:/dev/video0.")
    size = None
    if "size" in options:
        found = SIZE.fullmatch(options["size"])
        if found is None:
            raise BadAddress("A USB camera's size is written as 1920x1080.")
        size = int(found[1]), int(found[2])
    if options.get("format", "h264") not in FORMATS:
        raise BadAddress(f"A USB camera's format is {', '.join(FORMATS)}.")
    rate = read_rate(options["rate"]) if "rate" in options else None
    return UsbAddress(path, size, rate, options.get("format", ""))


class UsbCamera:
    """A device of this computer. `device` is what stands behind it."""

    def __init__(
        self,
        address: UsbAddress,
        *,
        device: Device | None = None,
        clock: Clock = time.monotonic_ns,
        open_seconds: float = OPEN_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        budget: Budget | None = None,
    ) -> None:
        self._address = address
        self._device = device or V4l2Device(address.path)
        self._place = f"The USB camera {address.path}"
        self._clock = clock
        self._open_seconds = open_seconds
        self._silence_seconds = silence_seconds
        self._budget = budget or Budget()

    def stream(self, stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        """See `Camera.stream`."""
        feed = self._open(stop)
        if feed is None:
            return
        promised = Fraction(self._address.rate) if self._address.rate else feed.rate
        stills = UsbStills(feed, self._place, promised, clock=self._clock)
        if feed.codec == "h264":
            yield from self._passed_on(stills, stop)
            return
        yield from Encoding(
            stills,
            place=self._place,
            clock=self._clock,
            budget=self._budget,
            silence_seconds=self._silence_seconds,
            no_frames=NoPictures,
        ).items(stop)

    def _open(self, stop: threading.Event) -> Feed | None:
        """Ask for one format after the other; None: told to stop.

        Raises:
            CameraError: of the kind that fits.
        """
        path, wishes = self._address.path, self._address.wishes()
        for wish in wishes:
            if path in _hanging and _hanging[path].hangs:
                raise Hangs(f"{self._place} does not answer.")
            _hanging.pop(path, None)
            opening = Opening(self._device, wish)
            try:
                feed = opening.wait(self._open_seconds, stop)
            except TimeoutError:
                raise Hangs(f"{self._place} does not answer.") from None
            # FFmpeg's errors are ValueErrors, too.
            except (OSError, ValueError) as error:
                if getattr(error, "errno", None) == errno.EINVAL and wish is not wishes[-1]:
                    continue
                raise self._fault(error) from None
            finally:
                if opening.hangs:
                    _hanging[path] = opening
            if feed is not None:
                try:
                    self._check(feed)
                except CameraError:
                    feed.close()
                    raise
            return feed
        raise AssertionError("there is always one wish")

    def _check(self, feed: Feed) -> None:
        if feed.codec not in ("h264", "mjpeg", RAW):
            raise WrongCodec(f"{self._place} gives pictures coded as {feed.codec}.")
        asked = self._address.size
        if asked is not None and (feed.width, feed.height) != asked:
            raise NoSuchFormat(
                f"{self._place} gives {feed.width}x{feed.height} where {asked[0]}x{asked[1]} is asked for."
            )

    def _fault(self, error: Exception) -> CameraError:
        number = getattr(error, "errno", None)
        if number in MISSING:
            return NoDevice(f"{self._place} is not there, or is no camera.")
        if number in FORBIDDEN:
            return NotAllowed(f"The system does not let this program open {self._there}.")
        if number == errno.EBUSY:
            return Busy(f"{self._place} is used by another program.")
        if number == errno.EINVAL:
            asked = self._address
            width, height = asked.size or USUAL_SIZE
            kind = asked.format or " or ".join(FORMATS)
            return NoSuchFormat(
                f"{self._place} does not give {kind} of {width}x{height} at {asked.rate or USUAL_RATE} "
                "pictures a second."
            )
        return CameraError(f"{self._place} cannot be opened (error {number}).")

    @property
    def _there(self) -> str:
        return self._place[0].lower() + self._place[1:]

    def _passed_on(self, stills: "UsbStills", stop: threading.Event) -> Iterator[StreamInfo | CameraPacket]:
        """H.264 as the camera gives it."""
        inbox = Inbox(stills, clock=self._clock, limit=H264_WAITING)
        began = heard = time.monotonic()
        lost, shown, readable = 0, False, False
        try:
            yield stills.info()
            while not stop.is_set():
                came = inbox.take(WAKE_SECONDS)
                now = time.monotonic()
                if came is None and now - heard > self._silence_seconds:
                    if not shown:
                        raise NoPictures(f"{self._place} is open, but sends no picture.")
                    raise TimedOut(f"{self._place} went silent.")
                if not readable and now - began > KEYFRAME_SECONDS:
                    raise NoKeyframe(
                        f"{self._place} sends pictures, but no keyframe for a film to begin with."
                    )
                if came is None:
                    continue
                still, dropped = came
                heard, shown, lost = now, True, lost + dropped
                # Behind a hole nothing can be read before the next keyframe.
                readable = still.key or (readable and not dropped)
                if readable:
                    yield CameraPacket(still.data, still.pts, None, 0, still.key, still.arrival_ns, 0, lost)
                    lost = 0
                else:
                    lost += 1
        finally:
            inbox.close(CLOSE_SECONDS)


class UsbStills:
    """Implements `Stills` on a device's feed; its times are the driver's."""

    timing = "stream"

    def __init__(self, feed: Feed, place: str, promised: Fraction | None, *, clock: Clock) -> None:
        self._feed = feed
        self._place = place
        self._clock = clock
        self.promised = promised
        raw = feed.codec == RAW
        self.form = Form("rawvideo", feed.pixels, feed.width, feed.height) if raw else Form("mjpeg")

    def info(self) -> StreamInfo:
        """Of pictures that are passed on as they are."""
        size = self._feed.width, self._feed.height
        base = Fraction(1, CLOCK)
        return StreamInfo("h264", *size, b"", base, self.promised, 0, self.timing)

    def read(self, over: threading.Event) -> Iterator[Still]:
        """See `Stills.read`."""
        try:
            for picture in self._feed.pictures(over):
                yield Still(picture.data, int(picture.seconds * CLOCK), self._clock(), key=picture.key)
        except (OSError, ValueError):
            raise NoDevice(f"{self._place} is gone.") from None
        if not over.is_set():
            raise NoDevice(f"{self._place} gives no more pictures.")

    def close(self) -> None:
        """See `Stills.close`."""
        self._feed.close()


class Opening:
    """A device that is being opened, by a thread of its own."""

    def __init__(self, device: Device, wish: Wish) -> None:
        self._device = device
        self._wish = wish
        self._feed: Feed | None = None
        self._error: Exception | None = None
        self._left = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="open device", daemon=True)
        self._thread.start()

    def wait(self, seconds: float, stop: threading.Event) -> Feed | None:
        """Return the open feed; None if told to stop meanwhile.

        Raises:
            TimeoutError: the driver does not answer.
            Exception: what the device raised.
        """
        until = time.monotonic() + seconds
        while not stop.is_set() and time.monotonic() < until and self._thread.is_alive():
            self._thread.join(0.1)
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._feed is not None:
                return self._feed
            self._left = True
        if stop.is_set():
            return None
        raise TimeoutError

    @property
    def hangs(self) -> bool:
        """Whether nobody waits for it any more and it goes on."""
        return self._left and self._thread.is_alive()

    def _run(self) -> None:
        try:
            feed = self._device.open(self._wish)
        except Exception as error:  # it belongs to who waits
            self._error = error
            return
        with self._lock:
            if not self._left:
                self._feed = feed
                return
        feed.close()  # nobody waits any more; the device must be free for the next try
