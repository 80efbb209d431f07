"""One shop for all of these tests: it is not cheap, and a shop has to bear one trouble after the other."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e import numbered_film
from tests.e2e.shop import Shop, open_shop
from tools.browser import chromium

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    assert path, "no Chromium: run tools/browser.py"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def running_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    film = numbered_film.make(tmp_path_factory.mktemp("film") / "numbered.mp4")
    with open_shop(tmp_path_factory.mktemp("shop"), film) as shop:
        yield shop


@pytest.fixture
def shop(running_shop: Shop) -> Shop:
    """A shop at rest: everything answers, all cameras give a picture, nothing is filmed."""
    running_shop.rest()
    return running_shop
