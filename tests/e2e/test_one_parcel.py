"""A parcel from its label to its buyer's phone."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.e2e import numbered_film
from tests.e2e.audit import audit
from tests.e2e.shop import CAMERAS, Shop, until

CODE = "607812340001"
EMAIL = "kim@example.com"
PLAYING = "document.querySelector('#film')?.currentTime"

CAPTIONS = """[...document.querySelector('#film').textTracks]
    .filter(track => track.kind === 'captions' && track.mode === 'showing')
    .flatMap(track => [...(track.cues ?? [])].map(cue => cue.text))"""


@contextmanager
def opened(browser: Browser, url: str, *, width: int, scripts: bool = True, **more: object) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=scripts, locale="en"
    )
    try:
        if cookies := more.get("cookies"):
            context.add_cookies(cookies)  # type: ignore[arg-type] # plain dicts, as the call takes them
        page = context.new_page()
        page.goto(url)
        yield page
    finally:
        context.close()


def holds(page: Page, condition: str, *, what: str) -> object:
    """Wait until a page's condition holds, and return it; the page's policy forbids to wait inside of it."""
    return until(lambda: page.evaluate(condition), what=what, pause=0.2)


def plays(page: Page, *, seconds: float) -> None:
    """Assert that the picture moves on."""
    holds(page, "document.querySelector('#film')?.readyState >= 2", what="the film has a picture")
    begin = page.evaluate(PLAYING)
    page.evaluate("() => { const film = document.querySelector('#film'); film.muted = true; film.play(); }")
    holds(page, f"{PLAYING} > {begin + seconds}", what="the film plays")


def watched_while_packed(browser: Browser, shop: Shop, take: str) -> None:
    cookies = [
        {"name": cookie.name, "value": cookie.value, "url": shop.house.hub_url}
        for cookie in shop.person.cookies.jar
    ]
    with opened(browser, f"{shop.house.hub_url}/takes/{take}/", width=1280, cookies=cookies) as page:
        assert page.get_attribute("#film", "data-live")
        plays(page, seconds=0.5)


def watched_by_the_buyer(browser: Browser, link: str) -> None:
    with opened(browser, link, width=360) as page:
        assert CODE in page.inner_text("body")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        plays(page, seconds=0.5)
        # The captions of the page's language are on.
        holds(page, CAPTIONS + ".length > 0", what="the captions are loaded")
        said = page.evaluate(CAPTIONS)
        assert any("The shipping label is scanned." in text for text in said), said
        assert any("The parcel is done." in text for text in said), said


def film_without_scripts(browser: Browser, link: str) -> str:
    """Load the page without JavaScript and return the address of the film that it plays."""
    with opened(browser, link, width=360, scripts=False) as page:
        page.wait_for_selector("#film")
        holds(page, "document.querySelector('#film').readyState >= 2", what="the film loads without scripts")
        return str(page.evaluate("document.querySelector('#film').src"))


def verified(bundle: Path, trust: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "packwitness.cli", "verify", str(bundle), "--trust", trust],
        capture_output=True,
        text=True,
    )
    assert done.stderr == "", done.stderr
    return done.returncode


def test_a_parcel_is_seen_while_packed_by_its_buyer_and_by_a_stranger(
    shop: Shop, browser: Browser, tmp_path: Path
) -> None:
    shop.forget_the_parcel_before()
    shop.order(CODE, EMAIL)
    take = shop.start(CODE)
    shop.filmed(take, 4)
    watched_while_packed(browser, shop, take)
    shop.end()
    shop.sealed(take)

    letter = shop.letter(EMAIL)
    watched_by_the_buyer(browser, letter.link)
    source = film_without_scripts(browser, letter.link)
    assert source == f"{letter.link}/film/{take}/{CAMERAS[0]}.mp4"

    for camera in CAMERAS:
        given = shop.buyer.get(f"{letter.link}/film/{take}/{camera}.mp4").content
        kept = until(
            lambda camera=camera: list((shop.house.data / "hub").glob(f"**/films/{take}/{camera}.mp4")),  # type: ignore[misc] # bound now
            what="the parts are joined",
        )
        assert [hashlib.sha256(path.read_bytes()).digest() for path in kept] == [
            hashlib.sha256(given).digest()
        ]
        seen = numbered_film.pictures(given)
        assert len(seen) >= 3 * numbered_film.RATE
        assert numbered_film.holes(seen) == []

    bundle = tmp_path / "bundle.zip"
    bundle.write_bytes(shop.buyer.get(f"{letter.link}/bundle/{take}.zip").content)
    assert verified(bundle, shop.fingerprint()) == 0
    data = bytearray(bundle.read_bytes())
    # In the middle of the bundle lies a film.
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    assert verified(bundle, shop.fingerprint()) == 1
    bundle.unlink()
    audit(shop, tmp_path)
