"""Decoding and encoding. The only module of ours beside the station's that loads FFmpeg.

A picture keeps its time to a tick. It lies in the part of the copy that answers to the part of the original
in which it lay: where the original may be cut, so may the copy, and what a cut leaves out of the one it
leaves out of the other. There are no B-pictures in a copy, so that pictures come in the order of their times.

Behind a keyframe of an open GOP come pictures that are shown before it and need the part before as well. A
cut there shows them on neither side, and so no part of a copy may hold them: they are left out.
"""

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

import av
import av.error
from av.codec.context import Flags
from av.video.frame import PictureType

from packwitness.converter import mp4
from packwitness.converter.contract import Done, Settings

SIDE_LIMIT = 8192
"""Pixels. No camera over a bench has more, and a decoder's memory grows with them."""


class Impossible(Exception):
    """It cannot be done; ``reason`` is one of ``contract.Failure``'s."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class Conversion:
    """One film on its way. ``send(kind, body)`` gets what the converter answers."""

    def __init__(self, settings: Settings, send: Callable[[bytes, bytes], None]) -> None:
        self._settings, self._send = settings, send
        self._init = b""
        self._decoder: av.VideoCodecContext | None = None
        self._encoder: Encoder | None = None
        self._timescale = 0
        self._cuts = list[int]()
        self._ends = list[int]()
        self._keys = set[int]()
        # The part of the original in which a picture lay, and the one at whose keyframe its decoding begins.
        self._places = dict[int, int]()
        self._groups = list[int]()
        # The part of the copy for which a picture is being encoded.
        self._encoding = dict[int, int]()
        self._sound = dict[int, list[tuple[int, mp4.Sample]]]()
        self._sound_track = 0
        self._ready = list[tuple[int, bytes, bool]]()
        self._sent = 0
        self._last = -1
        self._newest = -1
        self._unreadable = 0
        self._pictures = 0

    def init(self, data: bytes) -> None:
        """Take the original's next init: what follows is decoded anew."""
        self._drain()
        self._init, self._decoder = data, None

    def part(self, start: int, duration: int, key: bool, data: bytes) -> None:
        """Take the original's next part."""
        number = len(self._cuts)
        video, sound = self._demux(data, number)
        cut = video[0].pts if key and video and video[0].pts is not None else start
        self._cuts.append(max(cut, self._cuts[-1] if self._cuts else 0))
        self._ends.append(start + duration)
        if key:
            self._keys.add(number)
        self._groups.append(number if key or not self._groups else self._groups[-1])
        self._places.update((packet.pts, number) for packet in video if packet.pts is not None)
        self._sound[number] = sound
        for packet in video:
            self._decode(packet)

    def end(self) -> Done:
        """Finish; every part that was taken has then been answered.

        Raises:
            Impossible: not one picture could be decoded.
        """
        self._drain()
        if self._encoder is None:
            raise Impossible("no_picture")
        self._collect(self._encoder.finish())
        while self._sent < len(self._cuts):
            self._send_part()
        done = self._encoder
        return Done(
            codec=mp4.codec_name(done.sets),
            width=done.width,
            height=done.height,
            encoder=done.name,
            pictures=self._pictures,
            unreadable=self._unreadable,
        )

    def _demux(self, data: bytes, number: int) -> tuple[list["av.Packet[Any]"], list[tuple[int, mp4.Sample]]]:
        video, sound = list["av.Packet[Any]"](), list[tuple[int, mp4.Sample]]()
        try:
            # Bytes in memory: nothing in them can make FFmpeg open anything else.
            with av.open(io.BytesIO(self._init + data), "r", format="mp4") as file:
                if not file.streams.video:
                    raise Impossible("not_video", f"part {number} holds no picture")
                picture = file.streams.video[0]
                if self._decoder is None:
                    self._begin(picture)
                wanted = [picture, *file.streams.audio[:1]]
                for packet in file.demux(wanted):
                    if not packet.size or packet.pts is None:
                        continue
                    if isinstance(packet.stream, av.VideoStream):
                        video.append(packet)
                    else:
                        self._sound_track = packet.stream.id
                        sample = mp4.Sample(bytes(packet), packet.duration or 0, True)
                        sound.append((packet.pts, sample))
        except av.error.InvalidDataError as error:
            raise Impossible("not_video", f"part {number}: {error.strerror}") from error
        return video, sound

    def _begin(self, picture: av.VideoStream) -> None:
        given = picture.codec_context
        if not 0 < given.width <= SIDE_LIMIT or not 0 < given.height <= SIDE_LIMIT:
            raise Impossible("too_large", f"{given.width}x{given.height}")
        base = picture.time_base
        if base.numerator != 1 or self._timescale not in (0, base.denominator):
            raise Impossible("not_video", "its time scale changes")
        self._timescale = base.denominator
        decoder = cast(av.VideoCodecContext, av.CodecContext.create(given.codec.name, "r"))
        decoder.extradata, decoder.thread_count, decoder.thread_type = (
            given.extradata,
            self._settings.threads,
            "FRAME",
        )
        self._decoder = decoder

    def _decode(self, packet: "av.Packet[Any] | None") -> None:
        if self._decoder is None:
            return
        try:
            frames = self._decoder.decode(packet)
        except av.error.InvalidDataError:
            self._unreadable += 1
            return
        for frame in frames:
            self._encode(frame)

    def _drain(self) -> None:
        self._decode(None)

    def _encode(self, frame: av.VideoFrame) -> None:
        at = frame.pts
        number = None if at is None else self._places.pop(at, None)
        if at is None or number is None or not self._may_show(at, number):
            self._unreadable += 1
            return
        # Across a part that begins at no keyframe, pictures may change their order; no film is cut there.
        number = max(number, self._newest)
        if self._encoder is None:
            self._encoder = Encoder(self._settings, frame, self._timescale)
            sets = self._encoder.sets
            shape = (self._encoder.width, self._encoder.height)
            head = mp4.init(self._init, sets=sets, width=shape[0], height=shape[1], timescale=self._timescale)
            self._send(b"I", head)
        first = number in self._keys and self._newest != number
        self._last, self._newest = at, number
        self._encoding[at] = number
        self._pictures += 1
        self._collect(self._encoder.encode(frame, key=first or self._pictures == 1))

    def _may_show(self, at: int, number: int) -> bool:
        """Say whether a picture stands on the right side of each keyframe at which a film may be cut."""
        group = self._groups[number]
        if at <= self._last or at < self._cuts[group]:
            return False
        return self._newest < 0 or group >= self._groups[self._newest]

    def _collect(self, packets: Iterator[tuple[int, bytes, bool]]) -> None:
        """Take encoded pictures, and send the parts that are whole now: those before the newest picture's."""
        for picture in packets:
            number = self._encoding.pop(picture[0])
            while self._sent < number:
                self._send_part(picture[0])
            self._ready.append(picture)

    def _send_part(self, newer: int | None = None) -> None:
        """Send the next part; ``newer`` is when the first picture after it is shown."""
        number, self._sent = self._sent, self._sent + 1
        pictures, self._ready = self._ready, []
        after = self._cuts[number + 1] if number + 1 < len(self._cuts) else self._ends[number]
        after = after if newer is None else min(after, newer)
        runs = []
        if pictures:
            # The last picture stands until the next part, but not over a hole in the film.
            last = pictures[-1][0]
            until = max(last + 1, min(after, self._ends[number]) if self._ends[number] > last else after)
            times = [*(pts for pts, _, _ in pictures), until]
            samples = [
                mp4.Sample(data, later - pts, key)
                for (pts, data, key), (_, later) in zip(pictures, pairwise(times), strict=True)
            ]
            runs.append(mp4.Run(mp4.VIDEO, pictures[0][0], samples))
        if sound := self._sound.pop(number, []):
            runs.append(mp4.Run(self._sound_track, sound[0][0], [sample for _, sample in sound]))
        self._send(b"P", mp4.part(number + 1, runs))


class Encoder:
    """x264 for pictures of the first one's shape; later ones of another shape are scaled to it."""

    def __init__(self, settings: Settings, first: av.VideoFrame, timescale: int) -> None:
        self.width, self.height = fitted(first.width, first.height, settings.width, settings.height)
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = self.width, self.height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, timescale), Fraction(30, 1)
        context.thread_count = settings.threads
        context.flags |= Flags.global_header
        context.options = {
            "preset": settings.preset,
            "crf": str(settings.quality),
            "maxrate": str(settings.bits_per_second),
            "bufsize": str(2 * settings.bits_per_second),
            "profile": "high",
            "bf": "0",
            "forced-idr": "1",
            # Keyframes where the original has them, and nowhere else.
            "x264-params": "keyint=infinite:scenecut=0",
        }
        context.open()
        self._context = context
        self._base = Fraction(1, timescale)
        self._scaler = av.video.reformatter.VideoReformatter()
        self.sets = context.extradata or b""
        self.name = f"libx264, PyAV {av.__version__}"

    def encode(self, frame: av.VideoFrame, *, key: bool) -> Iterator[tuple[int, bytes, bool]]:
        """Yield time, bytes and whether it is a keyframe, of what is encoded by now."""
        picture = self._scaler.reformat(frame, self.width, self.height, "yuv420p", dst_color_range="MPEG")
        picture.pts, picture.time_base = frame.pts, self._base
        picture.pict_type = PictureType.I if key else PictureType.NONE
        yield from self._packets(picture)

    def finish(self) -> Iterator[tuple[int, bytes, bool]]:
        """Yield what was still under way."""
        yield from self._packets(None)

    def _packets(self, picture: av.VideoFrame | None) -> Iterator[tuple[int, bytes, bool]]:
        for packet in self._context.encode(picture):
            if packet.pts is not None:
                yield packet.pts, mp4.counted(bytes(packet)), packet.is_keyframe


def fitted(width: int, height: int, most_wide: int, most_high: int) -> tuple[int, int]:
    """Return the even size into which a picture fits without being enlarged; upright ones may be as large."""
    if height > width:
        most_wide, most_high = most_high, most_wide
    scale = min(Fraction(1), Fraction(most_wide, width), Fraction(most_high, height))
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)
