"""The seller's pages in a real browser: the list fills by itself, the film plays, cameras change."""

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from tests.hub.conftest import build_house
from tests.hub.recordings.filmed import Filming, film
from tests.hub.watch.browsing import browser, photograph, until

__all__ = ["browser"]

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

PATHS = ("", "orders/", "messages/", "benches/", "record/", "settings/", "orders/import/")


@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [(360, "light", "ko"), (1280, "dark", "en"), (360, "dark", "en"), (1280, "light", "ko")],
)
def test_a_day_at_the_desk(
    browser: Browser, live_server: LiveServer, db: None, width: int, scheme: str, language: str
) -> None:
    house = build_house("Mugs & Teas")
    cookie = house.client().cookies["packwitness_session"].value
    context = browser.new_context(
        viewport={"width": width, "height": 780},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="ko-KR" if language == "ko" else "en-GB",
    )
    context.add_cookies([{"name": "packwitness_session", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(live_server.url)
    empty = page.locator(".empty h2").inner_text()

    filming = Filming(house, cameras={"overhead": film(6), "label": film(6, shade=60)})
    filming.announce()
    until(page, "document.querySelector('.badge.live') !== null")
    filming.send_parts()
    filming.seal()
    until(page, "document.querySelector('#takes .badge.good') !== null")
    photograph(page, f"desk-list-{width}-{scheme}-{language}")
    page.locator(f"#take-{filming.take}").click()
    until(page, "document.querySelector('#film')?.readyState >= 1")
    page.evaluate(
        "() => { const film = document.querySelector('#film'); film.muted = true; return film.play() }"
    )
    until(page, "document.querySelector('#film').currentTime > 0.5")
    page.evaluate(
        "() => { const film = document.querySelector('#film'); film.pause(); film.currentTime = 3 }"
    )
    page.locator(".cameras a").last.click()
    until(page, "document.querySelector('#film').src.includes('/label.mp4')")
    until(page, "document.querySelector('#film').readyState >= 2")
    there = page.evaluate("document.querySelector('#film').currentTime")
    page.locator("form[action$='/links'] button").click()
    until(page, "document.querySelector('.copying input') !== null")
    photograph(page, f"desk-take-{width}-{scheme}-{language}")
    too_wide = []
    for path in PATHS:
        page.goto(f"{live_server.url}/{path}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(path)
        photograph(page, f"desk-{path.strip('/').replace('/', '-') or 'films'}-{width}-{scheme}-{language}")

    assert empty == ("아직 영상이 없습니다" if language == "ko" else "No films yet")
    assert there == pytest.approx(3, abs=0.2)
    assert (too_wide, faults) == ([], [])
