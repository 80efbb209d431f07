"""Scans over HTTP: accepted, refused by the bench, refused as a request."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from packwitness.station.kiosk.scans import BODY_LIMIT, scan_routes
from packwitness.station.workflow.effects import Answer, Phase
from packwitness.station.workflow.events import Source

TOKEN = "t0k3n"
HEADERS = {"authorization": f"Bearer {TOKEN}"}
URL = "/api/benches/bench1/scans"


class Heard:
    def __init__(self) -> None:
        self.scans: list[tuple[str, Source]] = []
        self.ago_ms: list[int] = []

    async def on_scan(self, raw: str, source: Source, ago_ms: int) -> Answer:
        self.scans.append((raw, source))
        self.ago_ms.append(ago_ms)
        if raw == "999988887777":
            return Answer(False, Phase.RECORDING, "finish_running_first", take="bench1-1")
        return Answer(True, Phase.RECORDING, "filming", take="bench1-1")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def client(heard: Heard) -> TestClient:
    return TestClient(Starlette(routes=scan_routes({"bench1": heard.on_scan}, token=TOKEN)))


def test_accepted_and_refused_by_the_bench(client: TestClient, heard: Heard) -> None:
    answer = client.post(URL, headers=HEADERS, json={"code": " 607812345678", "source": "wms"})
    assert (answer.status_code, answer.json()) == (
        202,
        {"accepted": True, "state": "recording", "take": "bench1-1", "message": "filming", "source": "wms"},
    )
    answer = client.post(URL, headers=HEADERS, json={"code": "999988887777"})
    assert (answer.status_code, answer.json()) == (
        202,
        {
            "accepted": False,
            "state": "recording",
            "take": "bench1-1",
            "message": "finish_running_first",
            "source": "",
        },
    )
    assert heard.scans == [(" 607812345678", Source.HTTP), ("999988887777", Source.HTTP)]


@pytest.mark.parametrize(
    ("url", "headers", "body", "status", "code"),
    [
        (URL, {}, b'{"code": "607812345678"}', 401, "unauthorised"),
        (URL, {"authorization": "Bearer wrong"}, b'{"code": "607812345678"}', 401, "unauthorised"),
        (URL, {"authorization": TOKEN}, b'{"code": "607812345678"}', 401, "unauthorised"),
        ("/api/benches/bench9/scans", HEADERS, b'{"code": "607812345678"}', 404, "bench_unknown"),
        (URL, HEADERS, b'{"code": "' + b"A" * BODY_LIMIT + b'"}', 413, "body_too_large"),
        (URL, HEADERS, b"", 400, "body_invalid"),
        (URL, HEADERS, b"code=1", 400, "body_invalid"),
        (URL, HEADERS, b'{"code": 607812345678}', 400, "body_invalid"),
        (URL, HEADERS, b'{"code": "607812345678", "take": 1}', 400, "body_invalid"),
        (URL, HEADERS, b'{"code": ""}', 422, "code_empty"),
        (URL, HEADERS, b'{"code": "ABC\\u0000DEF"}', 422, "code_control_character"),
        (URL, HEADERS, b'{"code": "ABC\\u001bDEF"}', 422, "code_control_character"),
        (URL, HEADERS, b'{"code": "' + b"A" * 201 + b'"}', 422, "code_too_long"),
    ],
    ids=[
        "no token",
        "wrong token",
        "no scheme",
        "bench",
        "too large",
        "no body",
        "no json",
        "number",
        "more",
        "empty",
        "nul",
        "escape",
        "too long",
    ],
)
def test_problems(
    client: TestClient, heard: Heard, url: str, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    answer = client.post(url, headers=headers, content=body)
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"], problem["code"], problem["retry"]) == (
        status,
        status,
        code,
        False,
    )
    assert problem["detail"].endswith(".")
    assert heard.scans == []


def test_an_empty_token_opens_nothing(heard: Heard) -> None:
    client = TestClient(Starlette(routes=scan_routes({"bench1": heard.on_scan}, token="")))
    assert client.post(URL, headers={"authorization": "Bearer "}, json={"code": "1"}).status_code == 401


def test_a_scan_that_comes_late_says_so_and_not_too_late(heard: Heard) -> None:
    routes = scan_routes({"bench1": heard.on_scan}, token=TOKEN, late_ms=5000)
    client = TestClient(Starlette(routes=routes))
    for ago_ms, status in ((0, 202), (5000, 202), (5001, 422), (-1, 400)):
        answer = client.post(URL, headers=HEADERS, json={"code": "607812345678", "ago_ms": ago_ms})
        assert answer.status_code == status
    assert heard.ago_ms == [0, 5000]
