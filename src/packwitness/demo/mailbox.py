"""The buyers' mailbox: a real SMTP server on loopback that keeps each message as a file."""

import email
import email.policy
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

MESSAGE_LIMIT = 4 << 20
"""Largest message in bytes."""
_LINK = re.compile(r"https?://[^\s\"'<>]+/w/[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Letter:
    """A message as its buyer sees it; ``link`` is the watch page's address, empty if it holds none."""

    recipient: str
    subject: str
    link: str
    path: Path


class Mailbox:
    """Takes every message, writes it to ``folder``, adds it to ``letters`` and tells ``heard``.

    ``letters`` begins with what an earlier run kept there. ``heard`` is called in the server's own thread.
    ``url`` is where to send to, as the hub's ``PACKWITNESS_SMTP_URL`` wants it.
    """

    def __init__(self, folder: Path, heard: Callable[[Letter], None], *, port: int) -> None:
        self._folder = folder
        self._heard = heard
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.letters = [read_letter(path) for path in sorted(folder.glob("*.eml"))]
        self.url = f"smtp://127.0.0.1:{port}"
        self._port = port
        self._controller: Controller | None = None

    def open(self) -> None:
        """Begin to listen on loopback."""
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self._port, data_size_limit=MESSAGE_LIMIT
        )
        self._controller.start()

    def close(self) -> None:
        """Stop listening; what was accepted is on disk."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    # The name is aiosmtpd's.
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one message."""
        del server, session
        content: Any = envelope.content or b""
        path = self._folder / f"{time.time_ns()}.eml"
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
        letter = read_letter(path)
        self.letters.append(letter)
        self._heard(letter)
        return "250 Kept"


def read_letter(path: Path) -> Letter:
    """Read a kept message."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(preferencelist=("plain", "html"))
    found = _LINK.search(body.get_content() if body else "")
    return Letter(
        recipient=parseaddr(str(message["to"] or ""))[1],
        subject=str(message["subject"] or ""),
        link=found.group() if found else "",
        path=path,
    )
