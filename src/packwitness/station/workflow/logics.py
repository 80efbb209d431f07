"""Reading recording logics from TOML, strictly: a logic that is wrong is refused whole, with the place and
the reason."""

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from packwitness.station.workflow.effects import Phase, Sound, StopReason
from packwitness.station.workflow.guards import GUARDS
from packwitness.station.workflow.house import HOUSE
from packwitness.station.workflow.logic import EventKey, LabelFilter, Logic, Row
from packwitness.station.workflow.verbs import VERBS

FILE_LIMIT: Final = 64 << 10
"""Largest logic file in bytes."""

_Words = Annotated[str, StringConstraints(pattern=r"^[a-z_]+( [a-z_]+){0,2}$", max_length=80)]
_Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]


class LogicError(ValueError):
    """A logic file cannot be used; the text names the file, the place and what is wrong."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Parameters(_Model):
    """What a logic may tune, in milliseconds (``hits`` is a count). ``docs/design/workflow.md`` says what
    each does."""

    pre_roll_ms: _Milliseconds = 3_000
    post_roll_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    message_ms: Annotated[int, Field(ge=500, le=60_000)] = 5_000
    remind_ms: _Milliseconds = 900_000
    gone_ms: Annotated[int, Field(ge=100, le=60_000)] = 1_000
    hits: Annotated[int, Field(ge=1, le=10)] = 2
    hit_window_ms: Annotated[int, Field(ge=50, le=5_000)] = 600
    second_label_ms: _Milliseconds = 1_500


class _Label(_Model):
    symbologies: Annotated[
        list[Annotated[str, StringConstraints(min_length=2, max_length=30)]], Field(min_length=1)
    ]
    min_length: Annotated[int, Field(ge=1, le=200)]
    max_length: Annotated[int, Field(ge=1, le=200)]


class _RowModel(_Model):
    phases: Annotated[
        list[Literal["idle", "recording", "paused", "blocked"]], Field(alias="in", min_length=1)
    ]
    events: Annotated[list[str], Field(alias="on", min_length=1)]
    when: list[_Words] = []
    do: list[_Words] = []
    then: Literal["idle", "recording", "paused"] | None = None
    why: Annotated[str, StringConstraints(max_length=400)] = ""


class _File(_Model):
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
    number: Annotated[int, Field(ge=1)]
    name: Annotated[str, StringConstraints(min_length=3, max_length=120)]
    about: Annotated[str, StringConstraints(min_length=10, max_length=2_000)]
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{2,40}$")]
    key: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{2,40}$")]
    watches: bool
    label: _Label
    parameters: Parameters = Parameters()
    row: Annotated[list[_RowModel], Field(min_length=1, max_length=200)]


def parse_logic(data: bytes, *, name: str) -> Logic:
    """Read one logic; ``name`` is what error texts call the file.

    Raises:
        LogicError: with line and column for broken TOML, with the key's path for what TOML allows and a
        logic does not.
    """
    if len(data) > FILE_LIMIT:
        raise LogicError(f"{name}: {len(data)} bytes; a logic has at most {FILE_LIMIT}")
    try:
        parsed = _File.model_validate(tomllib.loads(data.decode()))
    except UnicodeDecodeError as error:
        raise LogicError(f"{name}: byte {error.start} is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise LogicError(f"{name}: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{_path(problem['loc'])}: {problem['msg']}" for problem in error.errors())
        raise LogicError(f"{name}: {problems}") from error
    rows = tuple(_row(model, f"{name}: row[{n}]") for n, model in enumerate(parsed.row))
    if not any(_verbs(row.do)[:1] == ["start"] for row in rows):
        raise LogicError(f"{name}: no row starts a take")
    if parsed.label.min_length > parsed.label.max_length:
        raise LogicError(f"{name}: label.min_length is greater than label.max_length")
    return Logic(
        id=parsed.id,
        version=hashlib.sha256(data).hexdigest(),
        name=parsed.name,
        about=parsed.about,
        kind=parsed.kind,
        key=parsed.key,
        watches=parsed.watches,
        label=LabelFilter(
            frozenset(parsed.label.symbologies), parsed.label.min_length, parsed.label.max_length
        ),
        parameters=parsed.parameters.model_dump(),
        rows=rows + HOUSE,
    )


@cache
def catalogue() -> Mapping[str, Logic]:
    """Return the logics that are shipped, by id.

    Raises:
        LogicError: as ``parse_logic``, or a file that is not named after its id.
    """
    logics: dict[str, Logic] = {}
    for file in sorted(files(__package__).joinpath("catalogue").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            logic = parse_logic(file.read_bytes(), name=file.name)
            if file.name != f"{logic.id}.toml":
                raise LogicError(f"{file.name}: id is {logic.id!r}; the file must be called {logic.id}.toml")
            logics[logic.id] = logic
    return logics


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for key in loc:
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else str(key)
    return path


def _row(model: _RowModel, place: str) -> Row:
    for n, event in enumerate(model.events):
        if event not in EventKey:
            raise LogicError(f"{place}.on[{n}]: unknown event {event!r}; known are {', '.join(EventKey)}")
    row = Row(
        phases=frozenset(Phase(phase) for phase in model.phases),
        events=frozenset(EventKey(event) for event in model.events),
        when=tuple(model.when),
        do=tuple(model.do),
        then=None if model.then is None else Phase(model.then),
        why=model.why,
    )
    for n, condition in enumerate(row.when):
        _check_condition(condition, f"{place}.when[{n}]")
    for n, words in enumerate(row.do):
        _check_words(words, row, f"{place}.do[{n}]")
    _check_takes(row, place)
    return row


def _check_condition(condition: str, place: str) -> None:
    name, _, argument = condition.removeprefix("not ").partition(" ")
    if (guard := GUARDS.get(name)) is None:
        raise LogicError(f"{place}: unknown question {name!r}; known are {', '.join(GUARDS)}")
    if bool(argument) != bool(guard.argument):
        wanted = f"a {guard.argument}" if guard.argument else "no argument"
        raise LogicError(f"{place}: {name!r} takes {wanted}")
    if guard.argument == "parameter" and argument not in Parameters.model_fields:
        known = ", ".join(Parameters.model_fields)
        raise LogicError(f"{place}: no parameter {argument!r}; known are {known}")


def _check_words(words: str, row: Row, place: str) -> None:
    name, _, argument = words.partition(" ")
    if (verb := VERBS.get(name)) is None:
        raise LogicError(f"{place}: unknown verb {name!r}; known are {', '.join(VERBS)}")
    allowed: dict[str, list[str]] = {
        "": [""],
        "in_view or nothing": ["", "in_view"],
        "stop reason": [reason.value for reason in StopReason],
        "sound": [sound.value for sound in Sound],
    }
    choices = allowed.get(verb.argument)
    if choices is not None and argument not in choices:
        known = ", ".join(choice for choice in choices if choice) or "no argument"
        raise LogicError(f"{place}: {name!r} takes {known}, not {argument!r}")
    if verb.argument == "message" and not argument:
        raise LogicError(f"{place}: {name!r} needs a message")
    if name == "start" and argument != "in_view" and row.events != {EventKey.SCANNED}:
        raise LogicError(
            f"{place}: only a scanned code can be started; 'start in_view' takes a label that lies there"
        )


def _check_takes(row: Row, place: str) -> None:
    """Hold what the engine's theory rests on: starts and stops alternate, and none starts before an
    obstacle."""
    taking = [verb for verb in _verbs(row.do) if verb in ("start", "stop")]
    with_take = bool(row.phases & {Phase.RECORDING, Phase.PAUSED})
    without_take = bool(row.phases & {Phase.IDLE, Phase.BLOCKED})
    match taking:
        case []:
            fits = row.then is None or (row.then in (Phase.RECORDING, Phase.PAUSED)) == with_take
            fits = fits and not (with_take and without_take and row.then is not None)
        case ["start"]:
            fits = not with_take and row.then is Phase.RECORDING
        case ["stop"]:
            fits = not without_take and row.then is Phase.IDLE
        case ["stop", "start"]:
            fits = not without_take and row.then is Phase.RECORDING
        case _:
            fits = False
    if not fits:
        raise LogicError(
            f"{place}: in {sorted(row.phases)}, doing {taking} and then {row.then}: a take starts only "
            f"where none runs, "
            "ends only where one runs, and 'then' must say which of the two it is afterwards"
        )
    if {"alarm", "halt"} & set(_verbs(row.do)) and without_take:
        raise LogicError(f"{place}.do: only a running take has alarms; say 'refuse' where none runs")
    if "start" in taking and "clear" not in row.when:
        raise LogicError(f"{place}.when: a row that starts must ask 'clear'")
    if "start in_view" in row.do and not {"label_in_view", "label_waiting"} & set(row.when):
        raise LogicError(f"{place}.when: 'start in_view' must ask 'label_in_view' or 'label_waiting'")


def _verbs(do: tuple[str, ...]) -> list[str]:
    return [words.partition(" ")[0] for words in do]
