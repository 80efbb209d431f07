"""What a probe found: good, doubtful or wrong; what it means, and what to do."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """``WARN``: the bench films all the same. ``FAIL``: it does not, or not so that it serves."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line. ``check`` is for programs, ``subject`` names which one; ``says`` and ``advice`` are sentences
    and hold no password or token; ``facts`` what was measured.
    """

    check: str
    level: Level
    says: str
    advice: str = ""
    subject: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        name = f"{self.check} {self.subject}".strip()
        return f"{self.level.value:4}  {name}: {self.says}" + (f" {self.advice}" if self.advice else "")

    def to_value(self) -> dict[str, Any]:
        return {**asdict(self), "level": self.level.value}


def ok(check: str, says: str, **more: Any) -> Verdict:
    return Verdict(check, Level.OK, says, **more)


def warn(check: str, says: str, advice: str, **more: Any) -> Verdict:
    return Verdict(check, Level.WARN, says, advice, **more)


def fail(check: str, says: str, advice: str, **more: Any) -> Verdict:
    return Verdict(check, Level.FAIL, says, advice, **more)


def fails(verdicts: Iterable[Verdict]) -> bool:
    """Whether something is wrong, and not just doubtful."""
    return any(verdict.level is Level.FAIL for verdict in verdicts)
