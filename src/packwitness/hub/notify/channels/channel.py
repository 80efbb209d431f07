"""What a channel offers, and the three things that can come of sending."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Letter:
    """What is to be said, in one person's language. ``reference`` is the same for every attempt of one
    message.
    """

    reference: str
    recipient: str
    subject: str
    text: str
    html: str
    language: str
    written_at: datetime


@dataclass(frozen=True)
class Sent:
    """The other side took it. ``answer`` is what it said."""

    answer: str


@dataclass(frozen=True)
class Failed:
    """It is known that nothing was taken. ``retry`` says whether the same message can succeed later."""

    answer: str
    retry: bool


@dataclass(frozen=True)
class Unknown:
    """It was handed over and no answer came: it may have been taken, so it must not be repeated blindly."""

    answer: str


Outcome = Sent | Failed | Unknown


class Channel(Protocol):
    """Sends letters. One instance sends one letter."""

    def send(self, letter: Letter) -> Outcome:
        """Send and say what came of it. Never raises for what the other side or the network does."""
        ...
