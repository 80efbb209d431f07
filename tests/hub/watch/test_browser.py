"""The buyer's page in a real browser: the film plays, captions come, cameras change at the same moment."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route
from pytest_django.live_server_helper import LiveServer

from packwitness.hub.links import operations as links
from packwitness.hub.links import queries
from packwitness.hub.recordings import renditions
from packwitness.hub.recordings.models import Recording, Rendition, Take
from tests.hub.conftest import NOW, House, build_house
from tests.hub.recordings.filmed import HEVC, Filming, film
from tests.hub.watch.browsing import browser, photograph, until

__all__ = ["browser"]

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def filming(db: None) -> Filming:
    house = build_house("Mugs & Teas")
    found = Filming(house, cameras={"overhead": film(6), "label": film(6, shade=60)})
    found.whole()
    return found


def path_for(house: House) -> str:
    link = links.mint_link(
        scope=house.scope, recording=Recording.objects.get().id, at=NOW + timedelta(days=3650)
    )
    return queries.address(link).removeprefix("http://testserver")


def opened(browser: Browser, address: str, faults: list[str]) -> Page:
    page = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB").new_page()
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    until(page, "document.querySelector('#film').readyState >= 1")
    return page


def test_watching(browser: Browser, filming: Filming, live_server: LiveServer) -> None:
    faults: list[str] = []
    page = opened(browser, f"{live_server.url}{path_for(filming.house)}?lang=en", faults)

    page.evaluate(
        "() => { const film = document.querySelector('#film'); film.muted = true; return film.play() }"
    )
    until(page, "document.querySelector('#film').currentTime > 0.5")
    until(page, "[...document.querySelector('#film').textTracks].some((track) => track.cues?.length)")
    said = page.evaluate(
        "[...document.querySelector('#film').textTracks].find((one) => one.mode === 'showing').cues[0].text"
    )
    page.locator(".chapters a").last.click()
    until(page, "document.querySelector('#film').currentTime > 5")
    marked = page.locator(".chapters a[aria-current=true]").inner_text()
    page.evaluate(
        "() => { const film = document.querySelector('#film'); film.pause(); film.currentTime = 3 }"
    )
    page.locator(".cameras a").last.click()
    until(page, "document.querySelector('#film').src.includes('/label.mp4')")
    until(page, "document.querySelector('#film').readyState >= 2")
    there = page.evaluate("document.querySelector('#film').currentTime")

    assert "The shipping label is scanned." in said
    assert "The parcel is done." in marked
    assert there == pytest.approx(3, abs=0.2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert faults == []
    photograph(page, "watch")


def test_watching_without_scripts(browser: Browser, filming: Filming, live_server: LiveServer) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{live_server.url}{path_for(filming.house)}?lang=en")

    source = page.locator("video").get_attribute("src")
    answer = context.request.get(f"{live_server.url}{source}", headers={"Range": "bytes=0-99"})
    page.locator(".cameras a").last.click()

    assert (answer.status, answer.body()) == (206, filming.bytes_of("overhead")[:100])
    assert "/label.mp4" in (page.locator("video").get_attribute("src") or "")


def test_a_film_turns_up_when_it_is_sealed(browser: Browser, live_server: LiveServer, db: None) -> None:
    filming = Filming(build_house("Mugs & Teas"), cameras={"overhead": film(6)})
    filming.announce()
    filming.send_parts(lambda camera, n: n < 4)
    faults: list[str] = []
    page = opened(browser, f"{live_server.url}{path_for(filming.house)}?lang=en", faults)

    until(page, "document.querySelector('#film').readyState >= 2")
    live = page.evaluate("document.querySelector('#film').currentSrc")
    filming.send_parts()
    filming.seal()
    until(page, "document.querySelector('#film').getAttribute('src')?.endsWith('/overhead.mp4')")

    assert live.startswith("blob:")
    assert page.get_by_text("Unchanged since it was sealed").is_visible()
    assert faults == []


@pytest.mark.parametrize("ready", [True, False], ids=["ready", "asked for"])
def test_a_browser_that_claims_h265_and_fails_gets_the_copy(
    browser: Browser, live_server: LiveServer, db: None, ready: bool
) -> None:
    """Chromium here does not claim it, so it is given a film in H.264 that breaks off, without its type."""
    filming = Filming(build_house("Mugs & Teas"), cameras={"overhead": film(3, codec="hevc")}, codec=HEVC)
    filming.whole()
    take = Take.objects.get()
    if ready:
        renditions.ask(take=take, camera="overhead", at=NOW)
        renditions.convert(rendition=Rendition.objects.get().id, clock=timezone.now)
    first, *_ = film(3)
    broken = first.init + first.data[: first.data.index(b"mdat") + 4]
    broken += b"\xff" * (len(first.init + first.data) - len(broken))
    page = browser.new_context(locale="en-GB").new_page()
    page.add_init_script("HTMLMediaElement.prototype.canPlayType = () => 'probably'")
    page.route("**/film/*/overhead.mp4", lambda route: route.fulfill(body=broken, content_type="video/mp4"))

    def untyped(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace(f"type='video/mp4; codecs=\"{HEVC}\"'", ""))

    page.route("**/*?lang=en", untyped)
    page.goto(f"{live_server.url}{path_for(filming.house)}?lang=en")
    if not ready:
        until(page, "!document.querySelector('[data-copy-note=under_way]').hidden")
        renditions.convert(rendition=Rendition.objects.get().id, clock=timezone.now)
    until(page, "document.querySelector('#film').currentSrc.includes('/copy/')")
    until(page, "document.querySelector('#film').readyState >= 2")
    assert page.get_by_text("You see a copy converted for viewing.").is_visible()


def test_h265_is_prepared_and_then_moves(browser: Browser, live_server: LiveServer, db: None) -> None:
    """Chromium here has no H.265: the page says so, asks for a copy, and plays it when it is there."""
    cameras = {"overhead": film(6, width=320, height=180, gop=20, codec="hevc")}
    filming = Filming(build_house("Mugs & Teas"), cameras=cameras, codec=HEVC)
    filming.whole()
    page = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB").new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{live_server.url}{path_for(filming.house)}?lang=en")

    until(page, "!document.querySelector('[data-copy-note=under_way]').hidden")
    assert page.get_by_text("A copy for viewing is being prepared").is_visible()
    assert not page.locator("#film").is_visible()
    photograph(page, "watch-h265-waits")
    row = Rendition.objects.get()
    renditions.convert(rendition=row.id, clock=timezone.now)
    until(page, "document.querySelector('#film').readyState >= 2")
    page.evaluate("() => { const film = document.querySelector('#film'); film.muted = true; film.play() }")
    until(page, "document.querySelector('#film').currentTime > 1")
    # The picture itself, which grows brighter with each one.
    grey = """() => {
      const film = document.querySelector("#film"), canvas = document.createElement("canvas");
      canvas.width = canvas.height = 4;
      const drawn = canvas.getContext("2d");
      drawn.drawImage(film, 0, 0, 4, 4);
      return drawn.getImageData(0, 0, 1, 1).data[0];
    }"""
    first = page.evaluate(grey)
    page.locator(".chapters a").last.click()
    until(page, "document.querySelector('#film').currentTime > 5")
    until(page, "!document.querySelector('#film').seeking")
    last = page.evaluate(grey)

    copy = f"/copy/{filming.take}/overhead.mp4"
    assert page.evaluate("document.querySelector('#film').currentSrc").endswith(copy)
    # Without scripts the browser itself passes over the type that it does not know.
    plain = browser.new_context(java_script_enabled=False).new_page()
    with plain.expect_response(lambda answer: answer.url.endswith(copy)) as found:
        plain.goto(page.url)
    assert found.value.status == 206
    assert page.get_by_text("You see a copy converted for viewing.").is_visible()
    assert last - first > 40
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert faults == []
    photograph(page, "watch-h265")


def test_h265_live_is_said_to_come_later(browser: Browser, live_server: LiveServer, db: None) -> None:
    cameras = {"overhead": film(6, gop=20, codec="hevc")}
    filming = Filming(build_house("Mugs & Teas"), cameras=cameras, codec=HEVC)
    filming.announce()
    page = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB").new_page()
    page.goto(f"{live_server.url}{path_for(filming.house)}?lang=en")
    until(page, "document.querySelector('#film') !== null")
    assert not page.locator("[data-copy-note=live]").is_visible()

    filming.send_parts(lambda camera, n: n < 4)
    until(page, "!document.querySelector('[data-copy-note=live]').hidden")
    photograph(page, "watch-h265-live")
    filming.send_parts()
    filming.seal()
    until(page, "document.querySelector('[data-copy-note=under_way]')?.hidden === false")

    assert Rendition.objects.get().take_id == filming.take
