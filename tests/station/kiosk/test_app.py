"""The kiosk's pages and sockets, and the door before them."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from packwitness.protocol.models import OrderLine, StationOrder
from packwitness.station.kiosk.app import MESSAGE_LIMIT, make_kiosk
from packwitness.station.kiosk.door import COOKIE
from packwitness.station.kiosk.fake import FakeBench, fake_film
from packwitness.station.kiosk.messages import MESSAGES
from packwitness.station.workflow.events import Source

TOKEN = "a-token-for-tests"
ORIGIN = "http://127.0.0.1"
SOCKETS = "ws://127.0.0.1/bench/bench1"
CODE = "607812345678"


@pytest.fixture
def bench() -> FakeBench:
    return FakeBench()


@pytest.fixture
def client(bench: FakeBench) -> Iterator[TestClient]:
    app = make_kiosk({bench.id: bench}, trigger_token=TOKEN, picture_origins=("https://hub.example",))
    with TestClient(app, base_url=ORIGIN) as client:
        yield client


def _boot(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="boot">(.*?)</script>', page, re.DOTALL)
    assert found
    boot: dict[str, Any] = json.loads(found[1])
    return boot


@contextmanager
def _state(client: TestClient) -> Iterator[WebSocketTestSession]:
    client.get("/bench/bench1")  # for the cookie
    with client.websocket_connect(f"{SOCKETS}/state", headers={"origin": ORIGIN}) as socket:
        yield socket


def _next(socket: WebSocketTestSession, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(socket.receive_text())
        if message["kind"] == kind:
            body: dict[str, Any] = message["body"]
            return body


# --- pages


def test_one_bench_needs_no_choice(client: TestClient) -> None:
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/bench/bench1")


def test_several_benches_are_chosen_from() -> None:
    benches = {name: FakeBench(id=name, name=f"Bench <{name}>") for name in ("b", "a")}
    client = TestClient(make_kiosk(benches, trigger_token=""), base_url=ORIGIN)
    page = client.get("/").text
    assert re.findall(r'href="(/bench/\w+)"', page) == ["/bench/a", "/bench/b"]
    assert "Bench &lt;a&gt;" in page


def test_unknown_bench(client: TestClient) -> None:
    answer = client.get("/bench/other")
    assert answer.status_code == 404
    assert "This station has no such bench." in answer.text


def test_page_carries_view_and_words(client: TestClient, bench: FakeBench) -> None:
    answer = client.get("/bench/bench1")
    boot = _boot(answer.text)
    assert boot["view"]["phase"] == "idle"
    assert boot["view"]["status"] == {
        "hub": "online",
        "disk": "fine",
        "disk_free_bytes": 412_000_000_000,
        "clock_offset_ms": 4,
        "pending_parts": 0,
        "clock_ok": True,
        "disk_hours_left": None,
    }
    assert set(boot["strings"]["messages"]) == set(MESSAGES)
    assert boot["strings"]["messages"]["ready"]["title"] == "Ready"


def test_what_a_name_holds_cannot_end_the_script(bench: FakeBench) -> None:
    bench.name = "</script><script>alert(1)</script>"
    client = TestClient(make_kiosk({bench.id: bench}, trigger_token=""), base_url=ORIGIN)
    page = client.get("/bench/bench1").text
    assert "<script>alert" not in page
    assert _boot(page)["view"]["name"] == bench.name


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("", "fr,de;q=0.9", "en"),
        ("", "en;q=0.3,ko;q=0.4", "ko"),
        ("?lang=ko", "en", "ko"),
        ("?lang=xx", "ko", "ko"),
        ("", "ko;q=huge," + "x" * 100_000, "en"),
    ],
    ids=["none", "ko", "unknown", "weighed", "asked", "asked unknown", "garbage"],
)
def test_language(client: TestClient, query: str, header: str, language: str) -> None:
    page = client.get(f"/bench/bench1{query}", headers={"accept-language": header}).text
    boot = _boot(page)
    assert (boot["language"], boot["strings"]["messages"]["filming"]["title"]) == (
        language,
        {"en": "Recording", "ko": "녹화 중"}[language],
    )
    assert f'<html lang="{language}">' in page


def test_a_chosen_language_is_kept(client: TestClient) -> None:
    client.get("/bench/bench1?lang=ko")
    assert _boot(client.get("/bench/bench1").text)["language"] == "ko"


# --- the door


def test_headers(client: TestClient) -> None:
    for path in ("/bench/bench1", "/static/kiosk.js", "/bench/other"):
        headers = client.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["script-src"], policy["style-src"]) == (
            "'none'",
            "'self'",
            "'self'",
        )
        assert policy["img-src"] == "'self' data: https://hub.example"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["x-content-type-options"] == "nosniff"
    cookie = client.get("/bench/bench1").headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))


def test_pages_hold_no_inline_script_or_style(client: TestClient) -> None:
    page = client.get("/bench/bench1").text
    assert re.findall(r"<script(?![^>]*(src=|application/json))", page) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", page) == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.", "[::2]"])
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/bench/bench1", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (421, "host_unknown")
    answer = client.post(
        "/api/benches/bench1/scans",
        headers={"host": host, "authorization": f"Bearer {TOKEN}"},
        json={"code": CODE},
    )
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1:9", "[::1]:8080"])
def test_its_own_names_are_let_in(client: TestClient, host: str) -> None:
    assert client.get("/bench/bench1", headers={"host": host}).status_code == 200


def test_another_sites_page_may_not_post(client: TestClient, bench: FakeBench) -> None:
    answer = client.post(
        "/api/benches/bench1/scans",
        headers={"origin": "https://evil.example", "authorization": f"Bearer {TOKEN}"},
        json={"code": CODE},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "origin_foreign")
    assert bench.scans == []


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "origin_foreign"),
        ({"origin": "https://evil.example"}, "origin_foreign"),
        ({"origin": "null"}, "origin_foreign"),
        ({"origin": "http://127.0.0.1:81"}, "origin_foreign"),
        ({"origin": ORIGIN, "host": "evil.example"}, "host_unknown"),
        ({"origin": ORIGIN, "cookie": ""}, "session_missing"),
        ({"origin": ORIGIN, "cookie": f"{COOKIE}=guess"}, "session_missing"),
    ],
)
@pytest.mark.parametrize("path", ["state", "live/overhead"])
def test_sockets_are_for_our_own_pages(
    client: TestClient, path: str, headers: dict[str, str], reason: str
) -> None:
    if "cookie" not in headers:
        client.get("/bench/bench1")
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect(f"{SOCKETS}/{path}", headers=headers),
    ):
        pass
    assert refused.value.reason == reason


def test_a_page_stays_valid_over_a_restart(bench: FakeBench) -> None:
    first, again, other = (
        TestClient(make_kiosk({bench.id: bench}, trigger_token=token), base_url=ORIGIN)
        for token in (TOKEN, TOKEN, "another")
    )
    cookies = [each.get("/bench/bench1").cookies[COOKIE] for each in (first, again, other)]
    assert cookies[0] == cookies[1] != cookies[2]
    assert TOKEN not in cookies[0]


# --- the state's socket


def test_a_scan_is_answered_and_shown(client: TestClient, bench: FakeBench) -> None:
    with _state(client) as socket:
        assert _next(socket, "view")["phase"] == "idle"
        socket.send_json({"number": 7, "code": "6078 1234 5678", "source": "scanner"})
        messages = [json.loads(socket.receive_text()) for _ in range(2)]
        heard = {message["kind"]: message["body"] for message in messages}
    assert heard["view"]["running"]["code"] == CODE
    assert heard["answer"] == {
        "number": 7,
        "accepted": True,
        "state": "recording",
        "message": "filming",
        "take": "bench1-1",
        "values": {},
    }
    assert bench.scans == [("6078 1234 5678", Source.SCANNER)]


def test_a_scan_over_http_shows_on_the_screen(client: TestClient) -> None:
    with _state(client) as socket:
        _next(socket, "view")
        answer = client.post(
            "/api/benches/bench1/scans", headers={"authorization": f"Bearer {TOKEN}"}, json={"code": CODE}
        )
        assert (answer.status_code, answer.json()["take"]) == (202, "bench1-1")
        assert _next(socket, "view")["running"]["code"] == CODE


def test_a_held_trigger_is_one_scan(client: TestClient, bench: FakeBench) -> None:
    with _state(client) as socket:
        for number in (1, 2):
            socket.send_json({"number": number, "code": CODE, "source": "scanner"})
        answers = [_next(socket, "answer"), _next(socket, "answer")]
    assert [answer["state"] for answer in answers] == ["recording", "recording"]
    assert len(bench.scans) == 1


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        '{"number": 1}',
        '{"number": 1, "code": "", "source": "scanner"}',
        '{"number": 1, "code": "1", "source": "camera"}',
        '{"number": 1, "code": "1", "source": "scanner", "more": 1}',
        json.dumps({"number": 1, "code": "A" * 601, "source": "scanner"}),
        "A" * (MESSAGE_LIMIT + 1),
    ],
    ids=["text", "no code", "empty", "source", "more", "long code", "long message"],
)
def test_what_is_no_scan_closes_the_socket(client: TestClient, bench: FakeBench, text: str) -> None:
    with _state(client) as socket:
        _next(socket, "view")
        socket.send_text(text)
        with pytest.raises(WebSocketDisconnect) as closed:
            _next(socket, "answer")
    assert closed.value.code == (1009 if len(text) > MESSAGE_LIMIT else 1003)
    assert bench.scans == []


def test_pictures_come_only_from_allowed_places(client: TestClient, bench: FakeBench) -> None:
    urls = ["/pictures/1", "//evil.example/1", "https://hub.example/1", "https://hub.example.evil/1", "x"]
    lines = [OrderLine(sku=url, name="Cup", quantity=1, image_url=url) for url in urls]
    bench.orders = {CODE: StationOrder(number="A-1", codes=[CODE], lines=lines)}
    with _state(client) as socket:
        _next(socket, "view")
        socket.send_json({"number": 1, "code": CODE, "source": "manual"})
        order = _next(socket, "view")["running"]["order"]
    assert [line["image_url"] for line in order["lines"]] == [
        "/pictures/1",
        "",
        "https://hub.example/1",
        "",
        "",
    ]


# --- the live picture's socket


def test_live_picture_is_handed_on_as_it_is(client: TestClient, bench: FakeBench) -> None:
    bench.film, bench.piece_s = fake_film(seconds=1), 0
    client.get("/bench/bench1")
    with client.websocket_connect(f"{SOCKETS}/live/overhead", headers={"origin": ORIGIN}) as socket:
        assert re.fullmatch(r'\{"mime": "video/mp4; codecs=\\"avc1.[0-9a-f]{6}\\""\}', socket.receive_text())
        assert [socket.receive_bytes() for _ in bench.film] == bench.film


def test_a_lost_camera_closes_and_an_unknown_one_is_refused(client: TestClient, bench: FakeBench) -> None:
    (camera,) = bench.cameras
    bench.cameras = (type(camera)(camera.id, camera.name, up=False),)
    client.get("/bench/bench1")
    for name, code in (("overhead", 1000), ("other", 4404)):
        with (
            pytest.raises(WebSocketDisconnect) as closed,
            client.websocket_connect(f"{SOCKETS}/live/{name}", headers={"origin": ORIGIN}) as socket,
        ):
            socket.receive_text()
        assert closed.value.code == code
