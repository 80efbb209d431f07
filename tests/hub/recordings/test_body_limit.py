"""Large bodies are refused by the real server before they are taken."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import uvicorn

from packwitness.hub.recordings.body_limit import BodyLimit, Receive, Scope, Send

LIMIT = 1000


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers how many bytes it was sent."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port() -> Iterator[int]:
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        application: Any = BodyLimit(counting, limit=LIMIT)
        server = uvicorn.Server(uvicorn.Config(application, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def ask(port: int, body: Any, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(
            "PUT", "/x", body=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_bodies_up_to_the_limit_pass(port: int) -> None:
    assert ask(port, b"x" * LIMIT) == (200, b"1000")
    assert ask(port, b"") == (200, b"0")


def test_a_body_above_the_limit_is_refused_before_it_is_sent(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as raw:
        raw.sendall(b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n")
        head = raw.recv(65536)
    assert head.startswith(b"HTTP/1.1 413")
    status, body = ask(port, b"x" * (LIMIT + 1))
    assert (status, json.loads(body)["code"]) == (413, "part_too_large")


def test_a_body_of_unknown_length_is_refused(port: int) -> None:
    status, body = ask(port, iter([b"x"]), Transfer_Encoding="chunked")
    assert (status, json.loads(body)["code"]) == (411, "length_required")
