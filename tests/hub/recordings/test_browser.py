"""A film that begins at a later keyframe, in a real browser: clock, pictures, seeking and captions belong
together.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.hub.conftest import build_house
from tests.hub.recordings.filmed import Filming, film
from tools.browser import chromium

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

LOOK = """() => {
  const film = document.querySelector('#film'), canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [film.videoWidth, film.videoHeight];
  const pen = canvas.getContext('2d');
  pen.drawImage(film, 0, 0);
  const grey = pen.getImageData(5, 5, 1, 1).data[0];
  const cues = [...(film.textTracks[0].activeCues || [])].map(cue => cue.text);
  return {time: film.currentTime, duration: film.duration, picture: Math.round((grey - 20) / 2), cues};
}"""


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread; Django then takes every query for one made inside it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield found
        found.close()


def seek(page: Page, second: float) -> Any:
    """Seek, wait for the picture, and tell what is to be seen."""
    page.evaluate(
        """second => new Promise(done => {
          const film = document.querySelector('#film');
          film.addEventListener('seeked', () => setTimeout(done, 200), {once: true});
          film.currentTime = second;
        })""",
        second,
    )
    return page.evaluate(LOOK)


@pytest.mark.urls("tests.hub.recordings.late_urls")
def test_a_late_film_keeps_the_time_of_the_whole_one(browser: Browser, live_server: LiveServer) -> None:
    bench_event = {"kind": "item_scanned", "at_ms": 4000, "data": {"name": "Blue mug"}}
    filming = Filming(build_house("Mugs & Teas"), cameras={"overhead": film(7)}, more_events=[bench_event])
    filming.whole()
    page = browser.new_page()
    page.goto(f"{live_server.url}/late/")
    for _ in range(100):  # Playwright's own waiting needs eval, which the policy of our pages forbids
        if page.evaluate("document.querySelector('#film').readyState >= 2"):
            break
        page.wait_for_timeout(100)
    start = page.evaluate(LOOK)
    assert (start["time"], start["duration"], start["picture"]) == (3, 7, 30)
    assert seek(page, 4.55) == {"time": 4.55, "duration": 7, "picture": 45, "cues": ["Packed: Blue mug."]}
    assert seek(page, 6.05)["picture"] == 60
    before = seek(page, 1.0)
    assert (before["time"], before["picture"]) == (3, 30)
