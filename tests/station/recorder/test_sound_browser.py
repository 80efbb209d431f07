"""Films with sound in a real browser: whole, and where the sound stops in the middle."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from packwitness.station.recorder.muxer import mux_part, open_film
from packwitness.station.recorder.reel import Piece, Reel
from packwitness.station.recorder.sound import CameraSound
from tests.station.cameras.films import make_film
from tests.station.recorder.reading import packets_of
from tests.station.recorder.speaking import tone
from tests.station.recorder.test_sound import Heard, Stream
from tools.browser import chromium

pytestmark = pytest.mark.e2e

PLAY = """async ([init, parts, type, whole]) => {
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const film = document.createElement('video');
  document.body.append(film);
  film.muted = true;
  let source;
  if (whole) {
    film.src = URL.createObjectURL(new Blob([init, ...parts].map(bytes), {type: 'video/mp4'}));
  } else {
    source = new MediaSource();
    film.src = URL.createObjectURL(source);
    await new Promise(done => source.addEventListener('sourceopen', done, {once: true}));
    const buffer = source.addSourceBuffer(type);
    for (const piece of [init, ...parts]) {
      const done = new Promise(done => buffer.addEventListener('updateend', done, {once: true}));
      buffer.appendBuffer(bytes(piece));
      await done;
    }
  }
  film.playbackRate = 4;
  await film.play();
  const until = whole ? film.duration - 0.1 : 3;
  for (let tries = 0; tries < 60 && film.currentTime < until && !film.error; tries++)
    await new Promise(done => setTimeout(done, 100));
  return {
    error: film.error && film.error.message,
    time: film.currentTime,
    until,
    sound: film.webkitAudioDecodedByteCount,
    ranges: film.buffered.length,
    end: film.buffered.length ? film.buffered.end(0) : 0,
  };
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def spoken(film: Path, *, until: float) -> tuple[bytes, list[bytes], str]:
    """Init, parts and codecs of a film whose sound ends `until` seconds after it begins."""
    packets = packets_of(film)
    sound = CameraSound()
    sound.begin(Stream(), 0)
    reel = Reel(t_start_ns=0)
    done = [one for packet in packets for one in reel.push(packet, 0)] + reel.flush()
    pieces = [piece for piece in done if isinstance(piece, Piece)]
    for at, frame in tone("aac", 4, 0, 4):
        if at < until:
            arrival = pieces[0].origin_ns + int(at * 1e9)
            sound.push(Heard(frame, round(at * 48_000) - 1024, arrival), arrival)
    pieces = [sound.lay("t", piece) for piece in pieces]
    track = pieces[0].sound.track if pieces[0].sound is not None else None
    init, facts = open_film(packets[0].track, track)
    parts = [
        mux_part(
            piece.packets, offset=piece.offset, duration=piece.duration, number=number, sound=piece.sound
        )
        for number, piece in enumerate(pieces, 1)
    ]
    assert facts.audio is not None
    return init, parts, f'video/mp4; codecs="{facts.codec}, {facts.audio.codec}"'


@pytest.mark.parametrize("until", [9.0, 0.7], ids=["whole", "stalled"])
@pytest.mark.parametrize("whole", [True, False], ids=["src", "mse"])
def test_plays_to_the_end(tmp_path: Path, page: Page, whole: bool, until: float) -> None:
    init, parts, kind = spoken(make_film(tmp_path / "film.mp4", seconds=4, gop=30), until=until)
    words = [base64.b64encode(data).decode() for data in (init, *parts)]
    seen = page.evaluate(PLAY, [words[0], words[1:], kind, whole])
    assert seen["error"] is None
    assert seen["time"] >= seen["until"]
    assert seen["sound"] > 1000
    assert seen["ranges"] == 1
    assert seen["end"] > 3.4
