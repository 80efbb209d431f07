"""Scenarios: a trace of events with the effects expected after each, as a text that a packer's trainer can
read.

    # lines that begin with a number sign explain
    logic scan-rescan
    0.0 scanner 6078 1234 5678
        start 607812345678 scanner
        say start

An event stands at the margin: seconds since the scenario began, what happened, its words. The effects
expected are indented
beneath it, every one, in order. ``codes.read_scan`` reads what ``scanner``, ``camera``, ``http`` and
``manual`` bring, so a
command barcode is written as it is printed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from packwitness.protocol.models import OrderLine, StationOrder
from packwitness.station.workflow.codes import CodeRefused, read_scan
from packwitness.station.workflow.effects import (
    Effect,
    LookUpOrder,
    Note,
    Refuse,
    Say,
    Show,
    StartTake,
    StopTake,
)
from packwitness.station.workflow.engine import step
from packwitness.station.workflow.events import (
    CameraBack,
    CameraLost,
    DiskChanged,
    DiskLevel,
    Event,
    Lifted,
    OrderKnown,
    Source,
    TakeFailed,
    Tick,
    Unreadable,
)
from packwitness.station.workflow.logic import Logic
from packwitness.station.workflow.state import State

_BEGIN = datetime(2026, 1, 1, 9, tzinfo=UTC)
_BEGIN_NS = 1_000_000_000_000


class ScenarioError(ValueError):
    """A scenario cannot be read; the text names the line."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a scenario, as written and as told to the engine, and the effects expected after it."""

    line: int
    text: str
    event: Event
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A trace for the logic of this id."""

    logic: str
    moments: tuple[Moment, ...]


def parse(text: str) -> Scenario:
    """Read a scenario.

    Raises:
        ScenarioError: an unknown event or a line out of place.
    """
    logic = ""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("logic "):
            logic = line.removeprefix("logic ").strip()
        elif not line[0].isspace():
            found.append((number, line.strip(), []))
        elif found:
            found[-1][2].append(line.strip())
        else:
            raise ScenarioError(f"line {number}: an effect before the first event")
    if not logic or not found:
        raise ScenarioError("a scenario names its logic and has at least one event")
    return Scenario(
        logic,
        tuple(Moment(number, line, _event(number, line), tuple(effects)) for number, line, effects in found),
    )


def play(logic: Logic, scenario: Scenario) -> Iterator[tuple[Moment, tuple[str, ...], State]]:
    """Yield, for each moment of ``scenario`` under ``logic``, the effects that came, described, and the
    state after."""
    state = State()
    for moment in scenario.moments:
        state, effects = step(logic, state, moment.event)
        yield moment, tuple(describe(effect) for effect in effects), state


def describe(effect: Effect) -> str:
    """Return an effect in the words of a scenario."""
    match effect:
        case StartTake(code=code, source=source):
            words = ["start", code, source]
        case StopTake(reason=reason):
            words = ["stop", reason]
        case Note(kind=kind, data=data):
            words = ["note", kind, *(f"{name}={value}" for name, value in data.items() if value != "")]
        case Show(phase=phase, tone=tone, message=message, code=code, values=values):
            words = [
                "show",
                phase,
                tone,
                message,
                code,
                *(f"{name}={value}" for name, value in values.items()),
            ]
        case Say(sound=sound):
            words = ["say", sound]
        case Refuse(reason=reason, code=code):
            words = ["refuse", reason, code]
        case LookUpOrder(code=code):
            words = ["look up", code]
    return " ".join(word for word in words if word)


def _event(number: int, line: str) -> Event:
    seconds, _, rest = line.partition(" ")
    name, _, argument = rest.strip().partition(" ")
    try:
        after = timedelta(seconds=float(seconds))
        return _read(name, argument.strip(), _BEGIN + after, _BEGIN_NS + round(after.total_seconds() * 1e9))
    except (ValueError, IndexError) as error:
        raise ScenarioError(f"line {number}: {line!r}: {error}") from error


def _read(name: str, argument: str, utc: datetime, ns: int) -> Event:
    words = argument.split()
    match name:
        case "scanner" | "camera" | "http" | "manual":
            source = Source(name)
            symbology = "Code128" if source is Source.CAMERA else ""
            try:
                return read_scan(argument, source=source, utc=utc, monotonic_ns=ns, symbology=symbology)
            except CodeRefused as refused:
                return Unreadable(reason=refused.reason, source=source, utc=utc, monotonic_ns=ns)
        case "lifted":
            return Lifted(code=argument, utc=utc, monotonic_ns=ns)
        case "tick":
            return Tick(utc=utc, monotonic_ns=ns)
        case "camera-lost":
            return CameraLost(camera=words[0], left=int(words[1]), utc=utc, monotonic_ns=ns)
        case "camera-back":
            return CameraBack(camera=words[0], left=int(words[1]), utc=utc, monotonic_ns=ns)
        case "disk":
            return DiskChanged(level=DiskLevel(argument), utc=utc, monotonic_ns=ns)
        case "order":
            return OrderKnown(code=words[0], order=_order(words[0], words[1:]), utc=utc, monotonic_ns=ns)
        case "take-failed":
            return TakeFailed(reason=argument, utc=utc, monotonic_ns=ns)
    raise ValueError(f"unknown event {name!r}")


def _order(code: str, words: list[str]) -> StationOrder | None:
    if words[0] == "unknown":
        return None
    lines = [OrderLine(sku="A-1", name="Cup", quantity=2)]
    return StationOrder(number=words[0], codes=[code], cancelled="cancelled" in words[1:], lines=lines)
