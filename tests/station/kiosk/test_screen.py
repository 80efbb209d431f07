"""The packer's screen in a real Chromium: a burst reaches the bench, the picture moves, the state is seen."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from packwitness.station.kiosk.fake import FakeBench, fake_film, fake_order
from packwitness.station.kiosk.view import CameraView, WarningView
from packwitness.station.workflow.events import CameraBack, CameraLost, Source, Tick
from tests.station.kiosk.serving import Served, served
from tools.browser import chromium

pytestmark = pytest.mark.e2e

CODE = "607812345678"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FILM = fake_film(seconds=8)

# Types a burst as a scanner does: each key [code, key, shift, milliseconds after the one before], told by its
# place on the keyboard and stamped with the moment it was pressed. A driver's own events come too slowly on a
# busy machine, and never through an input method.
BURST = """([keys, init]) => {
  let stamp = performance.now();
  for (const [code, key, shiftKey, gap] of keys) {
    const how = { code, key, shiftKey, bubbles: true, cancelable: true, ...init };
    const event = new KeyboardEvent("keydown", how);
    stamp += gap;
    Object.defineProperty(event, "timeStamp", { value: stamp });
    (document.activeElement ?? document.body).dispatchEvent(event);
  }
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    assert path, "no Chromium: run tools/browser.py"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def bench() -> FakeBench:
    return FakeBench(film=FILM, piece_s=0.1, orders={CODE: fake_order(CODE)})


@pytest.fixture
def station(bench: FakeBench) -> Iterator[Served]:
    with served(bench) as station:
        yield station


@contextmanager
def _open(
    browser: Browser, url: str, *, language: str = "en", width: int = 1280, errors: bool = False
) -> Iterator[Page]:
    """Open a page; whatever it complains about, or asks of another host, fails the test unless ``errors``."""
    context = browser.new_context(locale=language, viewport={"width": width, "height": 800})
    page = context.new_page()
    wrong: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    def request(request: Request) -> None:
        if not request.url.startswith((url.partition("/bench")[0], "blob:", "data:")):
            wrong.append(request.url)

    page.on("console", console)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", request)
    page.goto(url)
    yield page
    context.close()
    assert errors or wrong == []


@pytest.fixture
def page(browser: Browser, station: Served) -> Iterator[Page]:
    with _open(browser, f"{station.url}/bench/bench1") as page:
        # The picture's first frame: both sockets are up.
        expect(page.locator(".picture[data-state=live]")).to_be_visible()
        yield page


type Key = tuple[str, str, bool, int]


def _keys(text: str, gap_ms: int = 8) -> list[Key]:
    signs = {":": ("Semicolon", True), "-": ("Minus", False), "\r": ("Enter", False), "\t": ("Tab", False)}
    found: list[Key] = []
    for character in text:
        if character.isdigit():
            found.append((f"Digit{character}", character, False, gap_ms))
        elif character.isalpha():
            found.append((f"Key{character.upper()}", character, character.isupper(), gap_ms))
        else:
            code, shift = signs[character]
            found.append((code, {"\r": "Enter", "\t": "Tab"}.get(character, character), shift, gap_ms))
    return found


def _scan(page: Page, text: str, *, gap_ms: int = 8) -> None:
    page.evaluate(BURST, [_keys(text, gap_ms), {}])


def _title(page: Page, title: str, tone: str) -> None:
    expect(page.locator("#title")).to_have_text(title)
    expect(page.locator("body")).to_have_attribute("data-tone", tone)


def test_a_burst_reaches_the_bench_and_the_screen_turns_green(page: Page, bench: FakeBench) -> None:
    _title(page, "Ready", "calm")
    _scan(page, CODE + "\r")
    _title(page, "Recording", "recording")
    assert bench.scans == [(CODE, Source.SCANNER)]
    expect(page.locator("#code")).to_have_text(CODE)
    expect(page.locator(".tile")).to_have_count(3)
    expect(page.locator(".tile-count").first).to_have_text("×2")
    expect(page.locator("#clock")).to_have_text("0:02", timeout=5_000)
    page.wait_for_timeout(350)  # longer than a bounce
    _scan(page, CODE + "\r")
    _title(page, "Done", "calm")
    expect(page.locator(".take").first).to_contain_text("Uploading: 3 left")


@pytest.mark.parametrize("suffix", ["\r", ""], ids=["enter", "idle end"])
def test_letters_capitals_and_signs(page: Page, bench: FakeBench, suffix: str) -> None:
    _scan(page, f"aB-12:Z9{suffix}")
    expect(page.locator("#title")).not_to_have_text("Ready")
    assert bench.scans == [("aB-12:Z9", Source.SCANNER)]


def test_an_input_method_and_capslock_change_nothing(page: Page, bench: FakeBench) -> None:
    hangul = [(code, "Process", shift, gap) for code, _, shift, gap in _keys("cj60781234")]
    page.evaluate(BURST, [[*hangul, *_keys("\r")], {"isComposing": True}])
    _title(page, "Recording", "recording")
    page.wait_for_timeout(350)
    capslock = [(code, key.upper(), shift, gap) for code, key, shift, gap in _keys("cj60781234")]
    page.evaluate(BURST, [[*capslock, *_keys("\t")], {}])
    _title(page, "Done", "calm")
    assert bench.scans == [("cj60781234", Source.SCANNER)] * 2


def test_a_radio_link_that_stumbles_makes_no_shorter_code(page: Page, bench: FakeBench) -> None:
    _scan(page, CODE + "\r")  # now the page knows that this scanner ends its codes
    _title(page, "Recording", "recording")
    page.wait_for_timeout(350)
    stumbling = [*_keys(CODE[:5]), *_keys(CODE[5:6], 400), *_keys(CODE[6:] + "\r")]
    page.evaluate(BURST, [stumbling, {}])
    _title(page, "Done", "calm")
    page.wait_for_timeout(350)
    page.reload()
    page.evaluate(BURST, [stumbling, {}])
    _title(page, "Recording", "recording")
    assert bench.scans == [(CODE, Source.SCANNER)] * 3


def test_fingers_are_no_scanner(page: Page, bench: FakeBench) -> None:
    _scan(page, CODE + "\r", gap_ms=160)
    page.keyboard.press("Tab")
    _title(page, "Ready", "calm")
    assert bench.scans == []


def test_a_burst_presses_no_button_and_lands_in_no_field(page: Page, bench: FakeBench) -> None:
    page.locator("#type").click()
    expect(page.locator("#pad")).to_be_visible()
    page.keyboard.press("7")
    page.keyboard.press("8")
    expect(page.locator("#entry")).to_have_text("78")
    page.locator("#pad-erase").focus()
    _scan(page, CODE + "\r")
    _title(page, "Recording", "recording")
    expect(page.locator("#pad")).to_be_hidden()
    assert bench.scans == [(CODE, Source.SCANNER)]
    assert page.locator("input, textarea, [contenteditable]").count() == 0


def test_touch_alone_is_enough(page: Page, bench: FakeBench) -> None:
    page.locator("#type").click()
    for key in CODE:
        page.locator(".key", has_text=key).first.click()
    page.locator("#pad-send").click()
    _title(page, "Recording", "recording")
    for button, title in (("Pause", "Paused"), ("Go on", "Recording")):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator("#title")).to_have_text(title)
    page.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_role("button", name="No, go on filming").click()
    _title(page, "Recording", "recording")
    page.get_by_role("button", name="Discard", exact=True).click()
    page.locator("#sure").get_by_role("button", name="Discard").click()
    _title(page, "Cancelled", "calm")
    assert [code for code, _ in bench.scans] == [CODE, "PWCMD:PAUSE", "PWCMD:RESUME", "PWCMD:CANCEL"]
    assert {source for _, source in bench.scans} == {Source.MANUAL}


def test_refusals_and_warnings_say_what_to_do(page: Page, bench: FakeBench, station: Served) -> None:
    _scan(page, "12ab\r")
    _title(page, "Not a shipping label", "refused")
    expect(page.locator("#advice")).to_contain_text("12AB is not a parcel's number")
    _scan(page, CODE + "\r")
    _title(page, "Recording", "recording")
    _scan(page, "999988887777\r")
    _title(page, "Finish this parcel first", "warning")
    expect(page.locator("#advice")).to_contain_text("You scanned 999988887777")
    expect(page.locator("#code")).to_have_text(CODE)

    def later() -> None:
        bench.now_ns += 6_000_000_000
        bench.happen(Tick(utc=bench.now(), monotonic_ns=bench.now_ns))

    station.do(later)
    _title(page, "Recording", "recording")


def test_the_live_picture_moves(page: Page) -> None:
    times = []
    for _ in range(3):
        times.append(page.evaluate("document.querySelector('video').currentTime"))
        page.wait_for_timeout(500)
    assert times[0] + 0.5 < times[-1]
    shown = page.evaluate(
        "(video => [video.videoWidth, video.videoHeight, video.error])(document.querySelector('video'))"
    )
    assert shown == [640, 360, None]


def test_a_lost_camera_is_seen_and_comes_back(page: Page, bench: FakeBench, station: Served) -> None:
    def lose() -> None:
        bench.cameras = (CameraView("overhead", "Overhead", up=False),)
        bench.warnings = (WarningView("camera_lost", {"camera": "Overhead"}),)
        bench.happen(CameraLost(camera="overhead", left=0, utc=bench.now(), monotonic_ns=bench.now_ns))

    def find() -> None:
        bench.cameras = (CameraView("overhead", "Overhead", up=True),)
        bench.warnings = ()
        bench.happen(CameraBack(camera="overhead", left=1, utc=bench.now(), monotonic_ns=bench.now_ns))

    station.do(lose)
    _title(page, "No camera", "refused")
    expect(page.locator("#warnings")).to_contain_text("Overhead gives no picture. Check its cable and power.")
    expect(page.locator(".picture .note")).to_have_text("No picture from this camera")
    station.do(find)
    _title(page, "Ready", "calm")
    expect(page.locator("#warnings")).to_be_empty()


def test_without_mse_a_text_says_so(browser: Browser, station: Served) -> None:
    context = browser.new_context()
    context.add_init_script("delete globalThis.MediaSource; delete globalThis.ManagedMediaSource")
    page = context.new_page()
    page.goto(f"{station.url}/bench/bench1")
    expect(page.locator(".picture .note")).to_have_text(
        "This browser cannot show the live picture. Filming is not affected."
    )
    context.close()


def test_a_station_that_goes_and_comes_is_seen(browser: Browser, bench: FakeBench) -> None:
    with served(bench) as station:
        port = station.url.rpartition(":")[2]
        with _open(browser, f"{station.url}/bench/bench1", errors=True) as page:
            _title(page, "Ready", "calm")
            station.stop()
            _title(page, "Station not answering", "refused")
            expect(page.locator("#advice")).to_contain_text("tries again by itself")
            _scan(page, CODE + "\r")
            with served(FakeBench(film=FILM, scans=bench.scans), port=int(port)):
                _title(page, "Ready", "calm")
                page.wait_for_timeout(200)
                _scan(page, CODE + "\r")
                _title(page, "Recording", "recording")
    assert bench.scans == [(CODE, Source.SCANNER)], "a scan that nobody heard is not sent later"


def test_a_sound_follows_each_new_cue(browser: Browser, station: Served) -> None:
    context = browser.new_context()
    context.add_init_script(
        "globalThis.heard = []; const start = OscillatorNode.prototype.start;"
        "OscillatorNode.prototype.start ="
        "  function (at) { heard.push(this.frequency.value); return start.call(this, at); }"
    )
    page = context.new_page()
    page.goto(f"{station.url}/bench/bench1")
    expect(page.locator("#sound")).to_have_text("Touch for sound")
    page.mouse.click(5, 5)
    expect(page.locator("#sound")).to_have_text("Sound on")
    _scan(page, CODE + "\r")
    _title(page, "Recording", "recording")
    page.wait_for_function("heard.length > 0")
    assert page.evaluate("heard") == [660, 990]
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("Sound off")
    page.wait_for_timeout(350)
    _scan(page, CODE + "\r")
    _title(page, "Done", "calm")
    assert page.evaluate("heard") == [660, 990]
    context.close()


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_nothing_runs_over_the_edge(browser: Browser, station: Served, width: int, language: str) -> None:
    station.do(lambda: setattr(station.benches["bench1"], "begin", datetime(2026, 11, 22, 9, tzinfo=UTC)))
    with _open(browser, f"{station.url}/bench/bench1", language=language, width=width) as page:
        _scan(page, CODE + "\r")
        expect(page.locator("body")).to_have_attribute("data-tone", "recording")
        expect(page.locator("html")).to_have_attribute("lang", language)
        page.locator("#type").click()
        wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]
        page.locator("#pad-close").click()
        # Every button can be hit with a glove, and the state's words are inside the window.
        small = page.evaluate(
            "[...document.querySelectorAll('.act, .switch')]"
            ".filter((button) => button.offsetParent && button.offsetHeight < 40).length"
        )
        assert small == 0
        for name in ("#title", "#code", "#clock", ".act-end"):
            box = page.locator(name).first.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= 800
