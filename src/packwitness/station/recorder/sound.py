"""Sound beside the picture: AAC as the camera sends it, G.711 encoded to AAC once.

Sound never keeps the picture waiting. A part is closed by its pictures alone and takes along what sound has
come by then, wherever on the line of time it lies: in a fragmented MP4 each track says its own times. Where
none comes, the track holds silence, because players stop at the end of the shorter track.

Sound and picture are laid beside each other by the moments at which they were taken, as near as their
arrival tells (see `clock`).
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from packwitness.station.recorder.messages import TIMESCALE
from packwitness.station.recorder.packets import NANO
from packwitness.station.recorder.reel import Piece
from packwitness.station.recorder.sound_part import (
    FRAME,
    SoundFrame,
    SoundLine,
    SoundPart,
    SoundTrack,
    config_of,
    track_of,
)
from packwitness.station.recorder.source import Sound, SoundStream
from packwitness.station.recorder.store import SoundFacts as Facts

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext

SILENCE = {
    1: bytes.fromhex("00c800802380"),
    2: bytes.fromhex("210049900219002380"),
}
"""A frame of AAC-LC that holds nothing, for one and two channels, at any rate."""
PATIENCE_SECONDS = 0.5
"""So far sound may stay behind the picture before silence stands in for it."""
HOLE_SECONDS = 10
"""A longer hole is one of the picture too, and stays one."""
JUMP_SECONDS = 0.1
"""Time stamps of G.711 that are off by more begin a new line of time."""
BIT_RATE = 32_000
"""Of one channel of G.711."""
RING_SECONDS = 65
"""The longest pre-roll, and some more."""
STALL_NS = 5_000_000_000
SILENCES_LIMIT = 100
"""Silences of one film that are told one by one; what is more is told as one, at its end."""


class SoundIntake:
    """From what a camera sends to frames of AAC; one connection of one camera."""

    def __init__(self, stream: SoundStream) -> None:
        rate, channels = stream.sample_rate, stream.channels
        self._pcm = None if stream.sound_codec == "aac" else stream.sound_codec
        config = stream.config
        if self._pcm is not None:
            config = config_of(rate, channels)
        self.track = SoundTrack(rate, channels, config, self._pcm)
        self._line = SoundLine(rate)
        self._expected: int | None = None
        self._encoder: _Encoder | None = None

    def push(self, sound: Sound) -> list[SoundFrame]:
        """Return the frames that are ready."""
        rate = self.track.sample_rate
        length = FRAME if self._pcm is None else len(sound.sound) // self.track.channels
        off = 0 if self._expected is None else sound.pts - self._expected
        if abs(off) > JUMP_SECONDS * rate:
            self._line, self._encoder = SoundLine(rate), None
        self._expected = sound.pts + length
        self._line.add(sound.arrival_ns, sound.pts + length)
        if self._pcm is None:
            return [SoundFrame(sound.sound, sound.pts, self._line, self.track)]
        if self._encoder is None:
            self._encoder = _Encoder(self._pcm, rate, self.track.channels, sound.pts)
        return [
            SoundFrame(data, pts, self._line, self.track) for data, pts in self._encoder.push(sound.sound)
        ]


class _Encoder:
    """G.711 to AAC, on one line of time."""

    def __init__(self, codec: str, rate: int, channels: int, begin: int) -> None:
        # FFmpeg costs 20 MB, and only a camera that sends G.711 needs it.
        import av

        layout = "mono" if channels == 1 else "stereo"
        self._begin = begin
        self._decoder = cast("AudioCodecContext", av.CodecContext.create(codec, "r"))
        self._encoder = av.CodecContext.create("aac", "w")
        for context in (self._decoder, self._encoder):
            context.sample_rate = rate
            context.layout = layout
        self._encoder.format = "fltp"
        self._encoder.bit_rate = BIT_RATE * channels
        self._packet = av.Packet
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate, frame_size=FRAME)
        self._count = 0

    def push(self, samples: bytes) -> list[tuple[bytes, int]]:
        """Return the frames that are ready, with their times in samples."""
        found: list[tuple[bytes, int]] = []
        for decoded in self._decoder.decode(self._packet(samples)):
            decoded.pts = None
            for frame in self._resampler.resample(decoded):
                frame.pts = self._count
                self._count += frame.samples
                found += [
                    (bytes(packet), self._begin + packet.pts)
                    for packet in self._encoder.encode(frame)
                    if packet.pts is not None
                ]
        return found


class SoundReel:
    """One film's sound: where it lies in media time, and what is yet to be written."""

    def __init__(self, track: SoundTrack, frames: Iterable[SoundFrame], *, end_ticks: int = 0) -> None:
        self._track = track
        self._waiting: deque[SoundFrame] = deque(frames)
        self._line: SoundLine | None = None
        self._offset = 0
        self._end = end_ticks * track.sample_rate // TIMESCALE
        self._silent_ms = 0.0  # of the silence that has not ended
        self._silences = 0
        self._told: list[int] = []

    @property
    def silences(self) -> list[int]:
        """The silences that have ended since this was asked last, in milliseconds."""
        told, self._told = self._told, []
        return told

    def close(self) -> list[int]:
        """The same at the film's end, where any silence ends."""
        if self._silent_ms:
            self._told.append(round(self._silent_ms))
        return self.silences

    def push(self, frame: SoundFrame) -> None:
        """Add the next frame."""
        if frame.track != self._track:
            self._waiting.clear()
            self._end = self._end * frame.track.sample_rate // self._track.sample_rate
            self._track = frame.track
        self._waiting.append(frame)
        if len(self._waiting) * FRAME > 2 * HOLE_SECONDS * self._track.sample_rate:
            self._waiting.popleft()  # no picture takes it along

    def take(self, *, start: int, duration: int, origin_ns: int) -> SoundPart:
        """What goes with a part at `start` of media time, in ticks of the picture's scale."""
        rate = self._track.sample_rate
        begin, until = start * rate // TIMESCALE, (start + duration) * rate // TIMESCALE
        if begin - self._end > HOLE_SECONDS * rate:
            self._end = begin
        frames: list[tuple[int, bytes]] = []
        while self._waiting:
            frame = self._waiting[0]
            if frame.line is not self._line:
                self._line = frame.line
                shift = frame.line.moment(frame.pts) - origin_ns
                self._offset = round(shift * rate / NANO) - frame.pts
            at = frame.pts + self._offset
            if at >= until:
                break
            self._waiting.popleft()
            if at < self._end:
                continue  # from before the film, or silence already stands in for it
            self._fill(frames, at)
            frames.append((at, frame.data))
            self._heard()
            self._end = at + FRAME
        self._fill(frames, until - int(PATIENCE_SECONDS * rate))
        return SoundPart(self._track, tuple(frames))

    def _fill(self, frames: list[tuple[int, bytes]], until: int) -> None:
        silence = SILENCE.get(self._track.channels)
        while silence is not None and self._end + FRAME <= until:
            frames.append((self._end, silence))
            self._end += FRAME
            self._silent_ms += 1000 * FRAME / self._track.sample_rate

    def _heard(self) -> None:
        """Sound is there: a silence before it is over."""
        if self._silent_ms and self._silences < SILENCES_LIMIT:
            self._silences += 1
            self._told.append(round(self._silent_ms))
            self._silent_ms = 0.0


class CameraSound:
    """One camera's sound inside the recorder: what comes, its last seconds, and the films it goes into.

    Called under the channel's lock. Nothing raises: whatever is wrong with the sound is a sentence to tell.
    """

    def __init__(self) -> None:
        self._intake: SoundIntake | None = None
        self._track: SoundTrack | None = None
        """The newest connection's, and while there is none still that."""
        self._ring: deque[SoundFrame] = deque()
        self._reels: dict[str, SoundReel | None] = {}
        """None for a film without sound: how many tracks a film has is settled by its first part, since
        players refuse one that changes.
        """
        self._resumed: dict[str, SoundTrack | None] = {}
        self._heard_ns = 0

    def begin(self, stream: SoundStream, now_ns: int) -> str:
        """A connection with sound. Returns what is wrong with it, if anything is."""
        self._heard_ns = now_ns
        try:
            self._intake = SoundIntake(stream)
        except ValueError as error:
            self.none()
            return f"The camera's sound cannot be kept: {error}."
        self._track = self._intake.track
        return ""

    def none(self) -> None:
        """A connection without sound."""
        self._intake = self._track = None

    @property
    def comes(self) -> bool:
        """Whether what is pushed is kept."""
        return self._intake is not None

    def push(self, sound: Sound, now_ns: int) -> str:
        """Take what came. Returns what is wrong with it, if anything is."""
        if self._intake is None:
            return ""
        self._heard_ns = now_ns
        try:
            frames = self._intake.push(sound)
        # Encoding is FFmpeg's: whatever it raises, the picture must go on.
        except Exception as error:
            self._intake = None
            return f"The camera's sound cannot be encoded: {type(error).__name__}."
        for frame in frames:
            self._ring.append(frame)
            for reel in self._reels.values():
                if reel is not None:
                    reel.push(frame)
            if len(self._ring) * FRAME > RING_SECONDS * frame.track.sample_rate:
                self._ring.popleft()
        return ""

    def stalled(self, now_ns: int) -> str:
        """What to tell once, if the camera has given no sound for a while though it said it would."""
        if self._intake is None or now_ns - self._heard_ns < STALL_NS:
            return ""
        self._heard_ns = now_ns
        return f"The camera has sent no sound for {STALL_NS // NANO} seconds."

    def lost(self) -> None:
        """The connection is gone."""
        self._intake = None

    def resume(self, take: str, audio: Facts | None) -> None:
        """A film that another recorder began with such sound, or with none."""
        self._resumed[take] = None if audio is None else track_of(audio)

    def lay(self, take: str, piece: Piece) -> Piece:
        """The piece with the sound that goes with it."""
        if take not in self._reels:
            self._reels[take] = self._begun(take, piece.start)
        reel = self._reels[take]
        if reel is None:
            return piece
        sound = reel.take(start=piece.start, duration=piece.duration, origin_ns=piece.origin_ns)
        return replace(piece, sound=sound)

    def _begun(self, take: str, start: int) -> SoundReel | None:
        track = self._track
        if take in self._resumed:
            before = self._resumed.pop(take)
            track = None if before is None else (track or before)
        if track is None:
            return None
        frames = [frame for frame in self._ring if frame.track == track]
        return SoundReel(track, frames, end_ticks=start)

    def silences(self, take: str) -> list[int]:
        """Silences of a film that have ended since this was asked last, in milliseconds."""
        reel = self._reels.get(take)
        return [] if reel is None else reel.silences

    def end(self, take: str) -> list[int]:
        """A film is over; returns the silences that were not told."""
        self._resumed.pop(take, None)
        reel = self._reels.pop(take, None)
        return [] if reel is None else reel.close()
