"""What a camera is to the station: encoded packets in decode order, or an error that says what to do.

CameraError
    Refused            nobody listens at that address
    Unauthorised       wrong user name or password
    Unreachable        no way leads there from this machine
    NotFound           the path, file or folder does not exist
        UnknownHost        the host's name is not known
    NoDevice           the device is not there, or is no camera
    NotAllowed         the system does not let this user open the device
    Busy               another program uses the device
    NoSuchFormat       the device does not give pictures in the form that is asked for
    Overloaded         this computer cannot encode one camera more
    BadCertificate     nobody vouches for the camera's certificate, or it is another than the one expected
    TimedOut           connected, but nothing came for too long
        NoFrames           it said it plays, but no picture ever came
        NoKeyframe         pictures come, but none that a film can begin with
    NoVideo            there is a stream, but no picture in it
    WrongCodec         the picture is neither H.264 nor H.265
        NotMjpeg           what comes by HTTP is no stream of JPEG pictures
    Broken             what came is no film, or is cut short
    Ended              the stream came to its end
    BadAddress         the camera's URL cannot be understood
"""

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Protocol

Clock = Callable[[], int]
"""Monotonic nanoseconds, as `time.monotonic_ns` gives them."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """How to read the packets that follow.

    `codec` is "h264" or "hevc"; `width` and `height` are 0 where only the pictures say them; `extradata` an
    avcC/hvcC record or Annex B parameter sets, perhaps none; `time_base` the seconds of one tick of `pts` and
    `dts`. `length_size`: bytes of the length before each NAL unit of a packet, 0 if they are Annex B, None if
    packets are framed as the extradata is. `timing`: where the time stamps come from, `rtp` (the camera, over
    the network), `stream` (a file's, a device's) or `arrival` (ours, when the picture came). `frame_rate`:
    what the camera promises, None where it promises nothing. `encoded_from`: what the camera sent ("mjpeg",
    "yuyv422" …) where the packets are our own encoding of it, None where they are the camera's.
    """

    codec: str
    width: int
    height: int
    extradata: bytes
    time_base: Fraction
    frame_rate: Fraction | None
    length_size: int | None = None
    timing: str = "stream"
    encoded_from: str | None = None


@dataclass(frozen=True, slots=True)
class CameraPacket:
    """One encoded picture; times in ticks of `StreamInfo.time_base`, `arrival_ns` monotonic.

    `dts` is None where the stream does not say it; `duration` is 0 where it is unknown. `lost`: packets of
    the network that were sent and did not come, since the picture before up to the end of this one, as their
    sequence numbers tell; 0 where nothing is numbered. `dropped`: pictures that came before this one and
    could not be encoded in time.
    """

    data: bytes
    pts: int
    dts: int | None
    duration: int
    key: bool
    arrival_ns: int
    lost: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class CameraClock:
    """What the camera's own clock said: at `utc_ns` (since 1970) it took the picture stamped `pts`, which is
    on the packets' line of time and need not be one that came. `arrival_ns`: when it said so, monotonic.

    Comes now and then, between packets, where a camera tells it (RTCP sender reports). A camera whose clock
    was never set says anything, as a rule 1970 or 2000.
    """

    pts: int
    utc_ns: int
    arrival_ns: int


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """The sound that follows, where it was asked for; comes before the first picture.

    `sound_codec` is "aac", "pcm_mulaw" or "pcm_alaw"; `config` AAC's AudioSpecificConfig, else empty.
    """

    sound_codec: str
    sample_rate: int
    channels: int
    config: bytes


@dataclass(frozen=True, slots=True)
class CameraSound:
    """One frame of AAC, or samples of G.711. `pts` counts samples, on a line of its own; `arrival_ns`
    monotonic.
    """

    sound: bytes
    pts: int
    arrival_ns: int


@dataclass(frozen=True, slots=True)
class NoSound:
    """Sound was asked for and there is none that can be kept. The pictures come all the same."""

    no_sound: str
    advice: str


Item = StreamInfo | CameraPacket | CameraClock | SoundInfo | CameraSound | NoSound


class Camera(Protocol):
    """A source of one video stream; one connection for each call of `stream`."""

    def stream(self, stop: threading.Event) -> Iterator[Item]:
        """Connect; yield a `StreamInfo` first and whenever it changes, packets in decode order, and between
        them what the camera's clock says, if it does.

        Returns within about a second once `stop` is set. Never ends otherwise: a stream that is over raises.

        Raises:
            CameraError: see the tree above; no message holds a user name or a password.
        """
        ...


class FlowingCamera(Camera, Protocol):
    """A camera of which many can be read in one thread."""

    def flow(self, stop: threading.Event) -> Generator[Item | None, None, None]:
        """As `stream`; but where it can, it does not wait for pictures once they flow, and yields None when
        no more is there. It is to be asked again some times a second. What came meanwhile bears the moment
        when it came all the same.
        """
        ...


class CameraError(Exception):
    """`code` for programs, `message` what happened, `advice` what to do, `retry` whether it may come back."""

    code: ClassVar[str] = "camera_failed"
    advice: ClassVar[str] = "Look at the camera and its cable."
    retry: ClassVar[bool] = True

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} {self.advice}"


class Refused(CameraError):
    code = "refused"
    advice = "Check that the camera is on, and its address and port."


class Unauthorised(CameraError):
    code = "unauthorised"
    advice = "Check the user name and password in the camera's URL."
    # Cameras lock an account after a few wrong passwords, yet the password may be set right while we wait.
    retry = True


class NotFound(CameraError):
    code = "not_found"
    advice = "Check the host name and the path in the camera's URL."


class UnknownHost(NotFound):
    code = "unknown_host"
    advice = "Check the host name in the camera's URL, or write the camera's IP address."


class Unreachable(CameraError):
    code = "unreachable"
    advice = "Check that station and camera are in the same network, and the camera's IP address."


class BadCertificate(CameraError):
    code = "bad_certificate"
    advice = (
        "Compare it with the one on the camera's own web page. If they are the same, write #sha256= and the "
        "fingerprint at the end of the camera's URL."
    )


class TimedOut(CameraError):
    code = "timeout"
    advice = "Check the network between the station and the camera."


class NoFrames(TimedOut):
    code = "no_frames"
    advice = (
        "Check on the camera's web page that this stream is switched on and how many viewers it allows, and "
        "that no firewall keeps UDP away if the URL asks for it; restart the camera."
    )


class NoKeyframe(TimedOut):
    code = "no_keyframe"
    advice = "Set the camera's keyframe interval (I-frame interval, GOP) to 2 seconds, and smart codecs off."


class NoVideo(CameraError):
    code = "no_video"
    advice = "Choose a stream of the camera that has a picture."


class WrongCodec(CameraError):
    code = "wrong_codec"
    advice = "Set the camera to H.264 or H.265."


class NotMjpeg(WrongCodec):
    advice = (
        "Find the address of the camera's MJPEG stream in its manual and write that; its page and its single "
        "pictures have other addresses. Does the camera offer RTSP? Then use that instead."
    )


class NoDevice(CameraError):
    code = "no_device"
    advice = "Plug the camera in, and see with v4l2-ctl --list-devices which name it has."


class NotAllowed(CameraError):
    code = "not_allowed"
    advice = (
        "Put the user that runs the station into the group video (usermod -aG video USER) and log in anew."
    )


class Busy(CameraError):
    code = "busy"
    advice = "Close what else uses the camera: a browser, a video call, another station or entry for it."


class NoSuchFormat(CameraError):
    code = "no_such_format"
    advice = (
        "See with v4l2-ctl --list-formats-ext what the camera offers, and write size, rate and format at the "
        "end of its URL as it says."
    )


class Overloaded(CameraError):
    code = "overloaded"
    advice = (
        "Choose a smaller size or a lower rate, a camera that gives H.264 by itself, or a faster computer."
    )


class Broken(CameraError):
    code = "broken"
    advice = "Check that the address leads to a video, and that it is whole."


class Ended(CameraError):
    code = "ended"
    advice = "The station connects again by itself."


class BadAddress(CameraError):
    code = "bad_address"
    advice = (
        "Write rtsp://host/path, http://host/path, usb:/dev/video0, file:/path?loop=1 or "
        "scene:overhead?folder=/path."
    )
    retry = False
