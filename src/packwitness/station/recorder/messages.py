"""What app and recorder say to each other through the pipe: frozen, small, picklable.

Moments are `time.monotonic_ns`. Media time counts in 90000ths of a second.
"""

from dataclasses import dataclass

TIMESCALE = 90_000
"""Ticks of media time in a second."""
PRE_ROLL_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """A camera to keep open, and the smaller stream of it to look at, if there is one. Both addresses may
    hold a password: never log them.
    """

    id: str
    url: str
    look_url: str | None = None


# --- app -> recorder ---


@dataclass(frozen=True, slots=True)
class StartTake:
    """Film `cameras` for `take` from the last keyframe at or before `t_start_ns - pre_roll_ns`.

    Sending the same take again changes nothing. The film goes on where the store has it, if it has any.
    """

    take: str
    cameras: tuple[str, ...]
    t_start_ns: int
    pre_roll_ns: int = PRE_ROLL_NS


@dataclass(frozen=True, slots=True)
class StopTake:
    """End `take` at the first packet at or after `t_stop_ns`, or 250 ms later. Answered by `TakeClosed`."""

    take: str
    t_stop_ns: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Send (or stop sending) `Frame`s of a camera."""

    camera: str
    on: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Decode a camera's pictures and read codes in them, sent as `Sighting`s (or stop).

    `region` is (left, top, right, bottom) as fractions of the picture; None is all of it. With `since_ns` the
    ring's pictures from then on are looked at as well, one each `interval_ns`, none skipped for being late.

    `second`: look at the camera's second stream (`CameraSpec.look_url`), and at the film while that gives no
    pictures. A camera can be looked at both ways at once; stopping one leaves the other.
    """

    camera: str
    on: bool
    region: tuple[float, float, float, float] | None = None
    interval_ns: int = 50_000_000
    since_ns: int | None = None
    second: bool = False


@dataclass(frozen=True, slots=True)
class Quit:
    """Close every take where it is and exit."""


Order = StartTake | StopTake | Watch | Look | Quit

# --- recorder -> app ---


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """A film's sound as a manifest names it. `codec` as in RFC 6381; `encoded_from` what the camera sent, if
    that had to be encoded anew.
    """

    codec: str
    sample_rate: int
    channels: int
    encoded_from: str | None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """A camera's stream as a manifest names it. `codec` as in RFC 6381; `encoded_from` what the camera sent,
    if its pictures had to be encoded.
    """

    codec: str
    width: int
    height: int
    timescale: int = TIMESCALE
    audio: SoundFacts | None = None
    encoded_from: str | None = None


@dataclass(frozen=True, slots=True)
class CameraUp:
    """The camera's first keyframe is in the ring: it can film."""

    camera: str
    facts: StreamFacts
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class CameraDown:
    """The camera gives no pictures, and says why; the recorder tries again unless `retry` is false.

    `code` is the camera's own error, or `stalled`: connected, but without pictures, or without keyframes.
    """

    camera: str
    code: str
    message: str
    advice: str
    retry: bool
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class SoundMissing:
    """Sound was asked for and is not kept, and why; the pictures are not touched by it. Told once for each
    reason.
    """

    camera: str
    message: str
    advice: str
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class SoundBack:
    """Sound that was told missing comes again."""

    camera: str
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class SoundSilent:
    """For so long no sound came, and this film holds silence in its place; told when it is over, or with the
    film's end, at `monotonic_ns`.
    """

    take: str
    camera: str
    duration_ms: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class FewPictures:
    """The camera gives clearly fewer pictures a second than it promised; told once, till `EnoughPictures`."""

    camera: str
    given: int
    promised: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class EnoughPictures:
    """The camera gives about as many pictures as it promised again."""

    camera: str
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class PartWritten:
    """A part is durable. `origin_ns` is the monotonic moment of the camera's media time 0 in this take."""

    take: str
    camera: str
    n: int
    init: int
    start: int
    duration: int
    key: bool
    size: int
    sha256: str
    chain: str
    origin_ns: int


@dataclass(frozen=True, slots=True)
class PacketsLost:
    """The network lost packets of this camera's; sent at most once a second, with their number since."""

    camera: str
    count: int


@dataclass(frozen=True, slots=True)
class PacketsDropped:
    """Pictures came and could not be kept, because the disk does not keep up."""

    camera: str
    count: int


@dataclass(frozen=True, slots=True)
class PicturesDropped:
    """Pictures came and could not be encoded in time; sent at most once a second, with their number since."""

    camera: str
    count: int


@dataclass(frozen=True, slots=True)
class WriteFailed:
    """The store refused; this camera's film has a hole from here on until the store takes parts again."""

    take: str
    camera: str
    message: str


@dataclass(frozen=True, slots=True)
class TakeClosed:
    """Nothing more comes for this take: all its parts are in the store."""

    take: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the look function found in the picture taken at `monotonic_ns`; sent for every picture looked at.

    `codes` are the look function's own objects; empty when it found none. `second`: it answers a `Look` that
    asked for the second stream; `film`: it was seen in the stream that is filmed.
    """

    camera: str
    codes: tuple[object, ...]
    monotonic_ns: int
    second: bool = False
    film: bool = True


@dataclass(frozen=True, slots=True)
class SecondStreamLost:
    """The stream that is only looked at gives no pictures, and why; the film is looked at instead."""

    camera: str
    code: str
    message: str
    advice: str
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class SecondStreamBack:
    """The stream that is only looked at gives pictures again."""

    camera: str
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class LookFailed:
    """The look function raised. It is called again with the next picture, but told only once for each
    streak.
    """

    camera: str
    message: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Live picture as fragmented MP4: one `init`, then fragments of which the first is a `key` one.

    `codec` as in RFC 6381, for MSE's `video/mp4; codecs="…"`. A new init may come at any time: append it.
    """

    camera: str
    data: bytes
    init: bool
    key: bool
    codec: str
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class Beat:
    """Sent every second. `cameras_up`: those giving pictures now; `waiting`: packets not yet written."""

    monotonic_ns: int
    cameras_up: tuple[str, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class RecorderLost:
    """From the supervisor: the process died (`exit_code` < 0: by that signal) and is started again."""

    exit_code: int | None
    monotonic_ns: int
    cameras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecorderBack:
    """From the supervisor: a new process took over, running takes and all."""

    monotonic_ns: int
    cameras: tuple[str, ...] = ()


Report = (
    CameraUp
    | CameraDown
    | SoundMissing
    | SoundBack
    | SoundSilent
    | FewPictures
    | EnoughPictures
    | PartWritten
    | PacketsLost
    | PacketsDropped
    | PicturesDropped
    | WriteFailed
    | TakeClosed
    | Sighting
    | SecondStreamLost
    | SecondStreamBack
    | LookFailed
    | Frame
    | Beat
    | RecorderLost
    | RecorderBack
)
