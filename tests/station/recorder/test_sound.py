"""Films with sound: the picture stays as it is, the sound is where it belongs, and never keeps it waiting."""

import io
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import av
import numpy as np
import pytest

from packwitness.station.cameras.camera import Item
from packwitness.station.cameras.kinds import open_camera
from packwitness.station.recorder.channel import Channel
from packwitness.station.recorder.messages import (
    CameraSpec,
    CameraUp,
    PartWritten,
    Report,
    SoundBack,
    SoundFacts,
    SoundMissing,
    SoundSilent,
    StartTake,
    TakeClosed,
)
from packwitness.station.recorder.muxer import boxes
from packwitness.station.recorder.reader import Reader
from packwitness.station.recorder.reel import Piece
from packwitness.station.recorder.ring import Ring
from packwitness.station.recorder.sound import SILENCE, SILENCES_LIMIT, CameraSound
from packwitness.station.recorder.sound_part import SoundTrack
from packwitness.station.recorder.writer import Writer
from tests.station.cameras.films import make_film
from tests.station.cameras.scripted_camera import playing
from tests.station.recorder.folder_store import FolderStore, SoFar
from tests.station.recorder.reading import decoded, samples
from tests.station.recorder.recording import recording
from tests.station.recorder.speaking import RATES, speaking


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("films") / "film.mp4", seconds=1, gop=15)


def heard(data: bytes) -> tuple[av.AudioStream, np.ndarray, list[tuple[float, float]]]:
    """The sound: its stream, loudness by 10 ms from media time 0, begin and end of each packet in seconds."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        spans = []
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None and packet.duration is not None:
                begin = float(packet.pts * stream.time_base)
                spans.append((begin, begin + float(packet.duration * stream.time_base)))
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        loud = np.zeros(2000)
        for frame in container.decode(stream):
            assert frame.pts is not None
            values = frame.to_ndarray().astype(float)[0]
            at = float(frame.pts * stream.time_base) + np.arange(len(values)) / frame.sample_rate
            np.maximum.at(loud, np.clip((at * 100).astype(int), 0, 1999), np.abs(values))
        return stream, loud, spans


@pytest.mark.parametrize(
    ("codec", "transport"), [("aac", "tcp"), ("aac", "udp"), ("pcm_mulaw", "tcp"), ("pcm_alaw", "udp")]
)
def test_sound_beside_an_unchanged_picture(film: Path, tmp_path: Path, codec: str, transport: str) -> None:
    script, _ = speaking(film, codec, seconds=6, beep=(0.7, 1.1))
    with playing(script) as port:
        url = f"rtsp://127.0.0.1:{port}/live#sound=1&transport={transport}"
        with recording(tmp_path, {"a": url}) as it:
            it.film("t", ("a",), 1.6, pre_roll=3.0)
            assert it.of(SoundMissing) == []
            data = it.store.film("t", "a")
    # Every picture of the source, byte for byte, in order, from the first on.
    ours, theirs = [s.data for s in samples(data)], [s.data for s in samples(film)]
    assert len(ours) > 44
    assert ours == [theirs[number % 30] for number in range(len(ours))]
    assert decoded(data) == len(ours)
    for body in it.store.bodies("t", "a"):
        assert [kind for kind, _, _ in boxes(body)] == [b"moof", b"mdat"]
    stream, loud, spans = heard(data)
    assert (stream.codec_context.name, stream.codec_context.sample_rate) == ("aac", RATES[codec])
    # No hole between frames, and none but the last half second is missing beside the picture.
    assert all(abs(after[0] - before[1]) < 0.002 for before, after in pairwise(spans))
    end = samples(data)[-1].dts
    assert spans[0][0] < 0.15
    assert end - 0.7 < spans[-1][1] < end + 0.15
    # The beep is where it was in the film: at 0.7 to 1.1 seconds after the first picture.
    beep = np.flatnonzero(loud > 0.1) / 100
    assert abs(beep[0] - 0.7) < 0.08
    assert abs(beep[-1] - 1.1) < 0.08
    # One init for all of it: the sound was there before the first picture.
    assert len(it.store.inits("t", "a")) == 1


def test_sound_that_stops_does_not_keep_the_picture(film: Path, tmp_path: Path) -> None:
    script, _ = speaking(film, "aac", seconds=9, sound_until=0.8, beep=(0.4, 0.6))
    with playing(script) as port, recording(tmp_path, {"a": f"rtsp://127.0.0.1:{port}/live#sound=1"}) as it:
        it.film("t", ("a",), 2.5, pre_roll=3.0)
        it.check("t", "a")
        data = it.store.film("t", "a")
        # Each part was there within a second of its end.
        for part in it.of(PartWritten):
            assert part.duration <= 90_000
    assert len(samples(data)) > 70
    _, loud, spans = heard(data)
    # Silence goes on where the sound ended, for players stop where a track ends.
    assert all(abs(after[0] - before[1]) < 0.03 for before, after in pairwise(spans))
    assert spans[-1][1] > samples(data)[-1].dts - 0.7
    assert loud[110:].max() < 0.001
    assert loud[42:58].max() > 0.1
    # The silence is told, before the film is told closed, and is as long as it is.
    (silent,) = it.of(SoundSilent)
    assert (silent.take, silent.camera) == ("t", "a")
    assert abs(silent.duration_ms / 1000 - (spans[-1][1] - 0.8)) < 0.08
    kinds = [type(report) for report in it.reports]
    assert kinds.index(SoundSilent) < kinds.index(TakeClosed)


def test_sound_that_begins_in_mid_film_changes_nothing_but_what_is_heard(film: Path, tmp_path: Path) -> None:
    """The camera said that it has sound, so the film has a track for it from its first part."""
    script, _ = speaking(film, "aac", seconds=9, sound_from=1.6, beep=(1.9, 2.2))
    with playing(script) as port, recording(tmp_path, {"a": f"rtsp://127.0.0.1:{port}/live#sound=1"}) as it:
        it.film("t", ("a",), 2.6, pre_roll=3.0)
        data = it.store.film("t", "a")
    assert len(it.store.inits("t", "a")) == 1
    stream, loud, spans = heard(data)
    assert stream.codec_context.name == "aac"
    assert spans[0][0] < 0.1
    assert all(abs(after[0] - before[1]) < 0.03 for before, after in pairwise(spans))
    beep = np.flatnonzero(loud > 0.1) / 100
    assert abs(beep[0] - 1.9) < 0.08
    (silent,) = it.of(SoundSilent)
    assert 1_400 < silent.duration_ms < 1_700


@pytest.mark.parametrize(
    ("described", "refuses", "said"),
    [("", {}, "sends no sound"), ("opus", {}, "opus"), ("aac", {"/sound": 454}, "did not agree")],
)
def test_no_sound_is_said_and_the_picture_is_kept(
    film: Path, tmp_path: Path, described: str, refuses: dict[str, int], said: str
) -> None:
    script, _ = speaking(film, "", seconds=2, described=described, refuses=refuses)
    with playing(script) as port, recording(tmp_path, {"a": f"rtsp://127.0.0.1:{port}/live#sound=1"}) as it:
        report = it.wait(SoundMissing)
        assert said in report.message
        assert report.advice
        it.film("t", ("a",), 0.3)
        data = it.store.film("t", "a")
    assert decoded(data) > 3
    with av.open(io.BytesIO(data), "r") as container:
        assert len(container.streams.audio) == 0


def test_sound_is_not_taken_unless_asked_for(film: Path, tmp_path: Path) -> None:
    script, _ = speaking(film, "aac", seconds=3)
    with playing(script) as port, recording(tmp_path, {"a": f"rtsp://127.0.0.1:{port}/live"}) as it:
        it.film("t", ("a",), 0.3)
        data = it.store.film("t", "a")
    assert not any("/sound" in request for request in script.asked)
    with av.open(io.BytesIO(data), "r") as container:
        assert len(container.streams.audio) == 0


class Stream:
    sound_codec, sample_rate, channels, config = "aac", 48_000, 1, b"\x11\x88"


@dataclass(frozen=True)
class Heard:
    sound: bytes
    pts: int
    arrival_ns: int


def piece(second: int, *, at_ns: int = 0) -> Piece:
    return Piece((), second * 90_000, 90_000, 0, at_ns)


def starts(one: Piece) -> list[int]:
    assert one.sound is not None
    return [start for start, _ in one.sound.frames]


def test_what_is_told_when_sound_stalls_or_cannot_be_kept() -> None:
    sound = CameraSound()
    assert sound.stalled(10**12) == ""  # nobody promised any
    assert sound.begin(Stream(), 0) == ""
    assert sound.stalled(4 * 10**9) == ""
    assert sound.push(Heard(b"x", 0, 4 * 10**9), 4 * 10**9) == ""
    assert sound.stalled(8 * 10**9) == ""
    assert "no sound for 5 seconds" in sound.stalled(9 * 10**9)
    sound.lost()
    assert sound.stalled(10**12) == ""

    class Odd(Stream):
        sound_codec, sample_rate = "pcm_alaw", 12_345

    assert "12345 Hz" in sound.begin(Odd(), 0)
    assert sound.push(Heard(b"x", 0, 0), 0) == ""
    assert sound.lay("t", piece(0)).sound is None


def test_sound_lies_where_it_was_taken() -> None:
    """A film that begins at 10 s; sound whose frames are whole, and come, every 1024 samples."""
    sound = CameraSound()
    sound.begin(Stream(), 0)
    at = [10**10 + (1024 * number) * 10**9 // 48_000 for number in range(-5, 200)]
    for number, moment in enumerate(at):
        sound.push(Heard(bytes([number]), 1024 * (number + 7), moment), moment)
    first = sound.lay("t", piece(0, at_ns=10**10))
    # Frame 5 came at 10 s, so it begins 1024 samples earlier: that is before the film.
    assert first.sound is not None
    assert first.sound.frames[:2] == ((0, bytes([6])), (1024, bytes([7])))
    assert starts(first) == [1024 * number for number in range(47)]
    second = sound.lay("t", piece(1, at_ns=10**10))
    assert starts(second) == [1024 * number for number in range(47, 94)]
    # Another film that begins later takes its own from the same seconds.
    assert starts(sound.lay("u", piece(0, at_ns=10**10 + 512 * 10**9 // 48_000)))[:2] == [512, 1536]
    sound.end("t")
    sound.end("u")


def test_silence_stands_in_for_what_does_not_come() -> None:
    sound = CameraSound()
    sound.begin(Stream(), 0)
    for number in range(10):
        sound.push(Heard(b"x", 1024 * number, 1024 * (number + 1) * 10**9 // 48_000), 0)
    frames = [one for second in range(4) for one in sound.lay("t", piece(second)).sound.frames]  # type: ignore[union-attr]  # it has sound
    assert [start for start, _ in frames] == [1024 * number for number in range(len(frames))]
    assert [data for _, data in frames[:11]] == [b"x"] * 10 + [SILENCE[1]]
    assert 3.4 < (frames[-1][0] + 1024) / 48_000 <= 3.5  # never more than half a second behind
    # What comes too late for its place is left out; what comes next has one again.
    sound.push(Heard(b"late", 1024 * 20, 1024 * 11 * 10**9 // 48_000), 0)
    sound.push(Heard(b"next", 1024 * 200, 1024 * 201 * 10**9 // 48_000), 0)
    after = sound.lay("t", piece(4)).sound
    assert after is not None
    assert [data for _, data in after.frames if data != SILENCE[1]] == [b"next"]
    # A hole of the picture is a hole of the sound.
    assert starts(sound.lay("t", piece(60)))[0] >= 59.9 * 48_000


def test_silences_are_told_one_by_one_and_at_the_end() -> None:
    sound = CameraSound()
    sound.begin(Stream(), 0)

    def say(*numbers: int) -> None:
        for number in numbers:
            sound.push(Heard(b"x", 1024 * number, 1024 * (number + 1) * 10**9 // 48_000), 0)

    say(*range(50))
    sound.lay("t", piece(0))
    assert sound.silences("t") == []
    # Two seconds without, of which the half second is waited for.
    sound.lay("t", piece(1))
    sound.lay("t", piece(2))
    assert sound.silences("t") == [], "it has not ended"
    say(*range(141, 200))
    sound.lay("t", piece(3))
    assert sound.silences("t") == [round(91 * 1024 / 48)]
    assert sound.silences("t") == []
    sound.lay("t", piece(4))
    sound.lay("t", piece(5))
    (rest,) = sound.end("t")
    assert 1_200 < rest < 1_400
    assert sound.end("t") == []
    assert sound.silences("unknown") == []


def test_no_more_silences_are_told_than_a_manifest_should_hold() -> None:
    sound = CameraSound()
    sound.begin(Stream(), 0)
    told: list[int] = []
    for second in range(200):
        number = second * 47
        sound.push(Heard(b"x", 1024 * number, 1024 * (number + 1) * 10**9 // 48_000), 0)
        sound.lay("t", piece(second))
        told += sound.silences("t")
    told += sound.end("t")
    assert len(told) == SILENCES_LIMIT + 1
    assert sum(told) == pytest.approx(199_000 - 500 - 200 * 21, rel=0.02)


NONE = SoundFacts("mp4a.40.2", 48_000, 1, None)


def test_how_many_tracks_a_film_has_is_settled_by_its_first_part() -> None:
    sound = CameraSound()
    assert sound.lay("silent", piece(0)).sound is None
    sound.begin(Stream(), 0)
    sound.push(Heard(b"x", 0, 0), 0)
    assert sound.lay("silent", piece(1)).sound is None, "players refuse a film that gets another track"
    first = sound.lay("next", piece(0)).sound
    assert first is not None
    # A connection that is lost, or made anew without sound, takes no track from a film that has one.
    sound.lost()
    sound.none()
    after = sound.lay("next", piece(1)).sound
    assert after is not None
    assert (after.track, {data for _, data in after.frames}) == (first.track, {SILENCE[1]})
    assert sound.lay("later", piece(0)).sound is None
    # While a camera is away that had sound, a film that begins is one with sound.
    sound.begin(Stream(), 0)
    sound.lost()
    assert sound.lay("away", piece(0)).sound is not None


def test_a_film_that_another_recorder_began_keeps_its_tracks() -> None:
    with_sound, without = CameraSound(), CameraSound()
    with_sound.resume("t", NONE)
    track = with_sound.lay("t", piece(5)).sound
    assert track is not None, "no sound comes any more, but its place is there"
    assert track.track == SoundTrack(48_000, 1, Stream.config, None)
    without.begin(Stream(), 0)
    without.resume("t", None)
    assert without.lay("t", piece(5)).sound is None
    without.end("t")
    assert without.lay("t", piece(0)).sound is not None


class InItsThread:
    """A camera that is read by the thread that opened it, where no reader runs."""

    def __init__(self, url: str) -> None:
        self._camera = open_camera(url)

    def stream(self, stop: threading.Event) -> Iterator[Item]:
        return self._camera.stream(stop)


def test_sound_that_comes_back_is_told(film: Path, tmp_path: Path) -> None:
    """By the channel itself, with time that is told to it: it takes five seconds for sound to be missed."""
    script, _ = speaking(film, "aac", seconds=20, sound_until=1.0)
    late, _ = speaking(film, "aac", seconds=20)
    reports: list[Report] = []
    came = threading.Condition()

    def note(report: Report) -> None:
        with came:
            reports.append(report)
            came.notify_all()

    def wait(kind: type[Report], count: int = 1) -> None:
        with came:
            assert came.wait_for(lambda: [type(one) for one in reports].count(kind) >= count, 10), reports

    with playing(script) as port, playing(late) as other:
        urls = [f"rtsp://127.0.0.1:{other}/live#sound=1", f"rtsp://127.0.0.1:{port}/live#sound=1"]
        channel = Channel(
            CameraSpec("a", "any"),
            open_camera=lambda _: InItsThread(urls.pop() if len(urls) > 1 else urls[0]),
            reader=Reader(lambda: False),
            writer=Writer("a", FolderStore(tmp_path), note),
            report=note,
            ring=Ring(),
        )
        stop = threading.Event()
        thread = threading.Thread(target=channel.run, args=(stop,))
        thread.start()
        try:
            wait(CameraUp)
            time.sleep(1.2)
            for _ in range(3):
                channel.tick(time.monotonic_ns() + 6 * 10**9)
            wait(SoundMissing)
            assert [type(one) for one in reports].count(SoundMissing) == 1
            # The camera is connected anew, and speaks.
            channel.hang_up()
            wait(SoundBack)
            channel.tick(time.monotonic_ns() + 6 * 10**9)
            wait(SoundMissing, 2)
            wait(SoundBack, 2)
        finally:
            stop.set()
            channel.hang_up()
            thread.join(5)


def test_a_camera_that_is_back_without_its_sound(film: Path, tmp_path: Path) -> None:
    """A film that begins now has none; one that another recorder began with sound keeps its track."""
    script, _ = speaking(film, "aac", seconds=20)
    mute, _ = speaking(film, "", seconds=20)
    reports: SimpleQueue[Report] = SimpleQueue()

    def wait(kind: type[Report], take: str = "") -> None:
        while True:
            report = reports.get(timeout=10)
            if isinstance(report, kind) and getattr(report, "take", "") == take:
                return

    store = FolderStore(tmp_path)
    writer = Writer("a", store, reports.put)
    with playing(script) as port, playing(mute) as other:
        urls = [f"rtsp://127.0.0.1:{other}/live#sound=1", f"rtsp://127.0.0.1:{port}/live#sound=1"]
        channel = Channel(
            CameraSpec("a", "any"),
            open_camera=lambda _: InItsThread(urls.pop() if len(urls) > 1 else urls[0]),
            reader=Reader(lambda: False),
            writer=writer,
            report=reports.put,
            ring=Ring(),
        )
        stop = threading.Event()
        threads = [threading.Thread(target=channel.run, args=(stop,)), threading.Thread(target=writer.run)]
        for thread in threads:
            thread.start()
        try:
            wait(CameraUp)
            channel.hang_up()
            wait(SoundMissing)
            now = time.monotonic_ns()
            before = SoFar(now - 10**9, 90_000, 1, NONE)
            channel.start(StartTake("new", ("a",), now, 0), None, lambda: None)
            channel.start(StartTake("old", ("a",), now, 0), before, lambda: None)
            for take in ("new", "old"):
                wait(PartWritten, take)
        finally:
            stop.set()
            channel.hang_up()
            threads[0].join(5)
            channel.close_all()
            writer.quit()
            threads[1].join(5)
    tracks = {}
    for take in ("new", "old"):
        with av.open(io.BytesIO(store.film(take, "a"))) as container:
            tracks[take] = len(container.streams.audio)
    assert tracks == {"new": 0, "old": 1}
