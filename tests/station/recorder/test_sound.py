"""Films with sound: the picture stays as it is, the sound is where it belongs, and never keeps it waiting."""

import io
import json
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from packwitness.station.recorder.messages import SoundMissing
from packwitness.station.recorder.muxer import boxes
from tests.station.cameras.films import make_film
from tests.station.cameras.scripted_camera import playing
from tests.station.recorder.reading import decoded, samples
from tests.station.recorder.recording import Recording, recording
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


def facts(it: Recording, take: str) -> list[list[object]]:
    rows = sorted((it.store.root / take / "a").glob("init-*.json"))
    return [json.loads(row.read_bytes()) for row in rows]


def is_run_of(ours: list[bytes], source: list[bytes]) -> int:
    """Where in the source these pictures begin; all of them follow each other as they do there."""
    begin = source.index(ours[0])
    assert ours == source[begin : begin + len(ours)]
    return begin


@pytest.mark.parametrize("codec", ["aac", "pcm_mulaw", "pcm_alaw"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_sound_beside_an_unchanged_picture(film: Path, tmp_path: Path, codec: str, transport: str) -> None:
    if transport == "udp" and codec == "pcm_alaw":
        return  # the two G.711s come the same way
    script, _ = speaking(film, codec, seconds=6, beep=(1.0, 1.5))
    with playing(script) as port:
        url = f"rtsp://127.0.0.1:{port}/live#sound=1&transport={transport}"
        with recording(tmp_path, {"a": url}) as it:
            it.film("t", ("a",), 2.5, pre_roll=3.0)
            assert it.of(SoundMissing) == []
            data = it.store.film("t", "a")
    # Every picture of the source, byte for byte, in order, from the first on.
    ours, theirs = [s.data for s in samples(data)], [s.data for s in samples(film)]
    assert len(ours) > 60
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
    # The beep is where it was in the film: at 1.0 to 1.5 seconds after the first picture.
    beep = np.flatnonzero(loud > 0.1) / 100
    assert abs(beep[0] - 1.0) < 0.08
    assert abs(beep[-1] - 1.5) < 0.08
    ((name, width, height, timescale, _),) = facts(it, "t")
    assert (str(name)[:4], width, height, timescale) == ("avc1", 320, 240, 90_000)


def test_sound_that_stops_does_not_keep_the_picture(film: Path, tmp_path: Path) -> None:
    script, _ = speaking(film, "aac", seconds=9, sound_until=1.2, beep=(0.5, 0.9))
    with playing(script) as port, recording(tmp_path, {"a": f"rtsp://127.0.0.1:{port}/live#sound=1"}) as it:
        it.film("t", ("a",), 3.0, pre_roll=3.0)
        it.check("t", "a")
        data = it.store.film("t", "a")
        it.wait(SoundMissing, lambda report: "no sound" in report.message)
    assert len(samples(data)) > 85
    _, loud, spans = heard(data)
    # Silence goes on where the sound ended, for players stop where a track ends.
    assert all(abs(after[0] - before[1]) < 0.03 for before, after in pairwise(spans))
    assert spans[-1][1] > samples(data)[-1].dts - 0.7
    assert loud[150:].max() < 0.001
    assert loud[60:80].max() > 0.1


@pytest.mark.parametrize(
    ("described", "refuses", "said"),
    [("", {}, "sends no sound"), ("opus", {}, "opus"), ("aac", {"/sound": 454}, "did not agree")],
)
def test_no_sound_is_said_and_the_picture_is_kept(
    film: Path, tmp_path: Path, described: str, refuses: dict[str, int], said: str
) -> None:
    script, _ = speaking(film, "", seconds=3, described=described, refuses=refuses)
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
