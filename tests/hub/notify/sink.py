"""A mail server on loopback that breaks where it is told to. It speaks SMTP by itself, line by line."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

CLOSE = "close"
"""Instead of an answer: the line breaks."""
SILENCE = "silence"
"""Instead of an answer: nothing comes any more, and the line stays."""

ANSWERS = {
    "greeting": "220 sink",
    "EHLO": "250 sink",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "body": "250 kept",
    "QUIT": "221 bye",
}


@dataclass
class Sink:
    """``told`` replaces answers by step; ``kept`` holds the messages whose final dot came."""

    told: Mapping[str, str]
    port: int
    kept: list[bytes] = field(default_factory=list)
    begun: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def sink(told: Mapping[str, str] | None = None) -> Iterator[Sink]:
    """Serve until the block is left."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        found = Sink(told or {}, server.getsockname()[1])

        def serve() -> None:
            while not ended.is_set():
                with suppress(TimeoutError):
                    line, _ = server.accept()
                    with line, suppress(OSError):
                        _converse(line, found, ended)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield found
        finally:
            ended.set()
            thread.join()


def _converse(line: socket.socket, found: Sink, ended: threading.Event) -> None:
    line.settimeout(5)
    found.begun += 1
    reader = line.makefile("rb")

    def answer(step: str) -> bool:
        words = found.told.get(step, ANSWERS.get(step, "502 unknown"))
        if words == SILENCE:
            ended.wait(5)
        if words in (CLOSE, SILENCE):
            return False
        line.sendall(words.encode() + b"\r\n")
        return True

    if not answer("greeting"):
        return
    while command := reader.readline():
        step = command[:4].decode().strip().upper()
        if not answer(step):
            return
        going_on = step == "DATA" and found.told.get("DATA", "354")[:3] == "354"
        if going_on and (found.told.get("during") == CLOSE or not _take(reader, found) or not answer("body")):
            return
        if step == "QUIT":
            return


def _take(reader: BinaryIO, found: Sink) -> bool:
    """Read a message up to its final dot; False if the line ends before."""
    body = b""
    while (text := reader.readline()) != b".\r\n":
        if not text:
            return False
        body += text
    found.kept.append(body)
    return True
