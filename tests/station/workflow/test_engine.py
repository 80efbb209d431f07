"""What every logic holds, whatever happens in whatever order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packwitness.protocol.models import StationOrder
from packwitness.station.workflow.effects import (
    Effect,
    LookUpOrder,
    Note,
    Phase,
    Refuse,
    Say,
    Show,
    Sound,
    StartTake,
    StopTake,
    Tone,
)
from packwitness.station.workflow.engine import step
from packwitness.station.workflow.events import (
    CameraBack,
    CameraLost,
    Command,
    CommandName,
    DiskChanged,
    DiskLevel,
    Event,
    Lifted,
    OrderKnown,
    Scanned,
    Source,
    TakeFailed,
    Tick,
    Unreadable,
)
from packwitness.station.workflow.guards import holds
from packwitness.station.workflow.logic import EventKey, Logic
from packwitness.station.workflow.logics import catalogue
from packwitness.station.workflow.state import State

LOGICS = [pytest.param(logic, id=logic.id) for logic in catalogue().values()]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CODES = ["607812345678", "999988887777", "CJ1112223334", "8801"]


def _order(code: str, *, cancelled: bool) -> StationOrder:
    return StationOrder(number="A-1", codes=[code], cancelled=cancelled, lines=[])


def _scanned(code: str, source: Source, symbology: str) -> Event:
    return Scanned(code=code, source=source, symbology=symbology, utc=BEGIN, monotonic_ns=0)


EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        _scanned, st.sampled_from(CODES), st.sampled_from(Source), st.sampled_from(["", "Code128", "EAN13"])
    ),
    st.sampled_from(
        [
            *(Lifted(code=code, utc=BEGIN, monotonic_ns=0) for code in CODES),
            *(Command(name=name, source=Source.MANUAL, utc=BEGIN, monotonic_ns=0) for name in CommandName),
            *(CameraLost(camera="a", left=left, utc=BEGIN, monotonic_ns=0) for left in (0, 1, 2)),
            *(CameraBack(camera="a", left=left, utc=BEGIN, monotonic_ns=0) for left in (1, 2)),
            *(DiskChanged(level=level, utc=BEGIN, monotonic_ns=0) for level in DiskLevel),
            *(OrderKnown(code=code, order=None, utc=BEGIN, monotonic_ns=0) for code in CODES),
            *(
                OrderKnown(code=code, order=_order(code, cancelled=cancelled), utc=BEGIN, monotonic_ns=0)
                for code in CODES
                for cancelled in (True, False)
            ),
            Tick(utc=BEGIN, monotonic_ns=0),
            Unreadable(reason="code_empty", source=Source.SCANNER, utc=BEGIN, monotonic_ns=0),
        ]
    ),
)
TRACES = st.lists(
    st.tuples(EVENTS, st.sampled_from([0, 100, 300, 1_600, 6_000, 1_000_000])), max_size=40
).map(lambda pairs: _timed([event for event, _ in pairs], [wait for _, wait in pairs]))


def _timed(events: list[Event], waits_ms: list[int]) -> list[Event]:
    timed, now_ms = [], 0
    for event, wait in zip(events, waits_ms, strict=True):
        now_ms += wait
        timed.append(
            replace(event, utc=BEGIN + timedelta(milliseconds=now_ms), monotonic_ns=now_ms * 1_000_000)
        )
    return timed


def _run(
    logic: Logic, trace: list[Event], state: State | None = None
) -> tuple[State, list[tuple[Effect, ...]]]:
    state, all_effects = state or State(), []
    for event in trace:
        state, effects = step(logic, state, event)
        all_effects.append(effects)
    return state, all_effects


@pytest.mark.parametrize("logic", LOGICS)
@settings(max_examples=200, deadline=None)
@given(trace=TRACES)
def test_one_accepted_start_one_take(logic: Logic, trace: list[Event]) -> None:
    running, state = "", State()
    for event in trace:
        before = state
        state, effects = step(logic, state, event)
        for effect in effects:
            match effect:
                case StartTake(code=code):
                    assert not running
                    assert not state.obstacles
                    running = code
                case StopTake():
                    assert running
                    running = ""
                case Note():
                    assert running, "a note outside a take would be lost"
                case LookUpOrder(code=code):
                    assert code == running
        assert running == state.code
        assert bool(running) == (state.phase in (Phase.RECORDING, Phase.PAUSED))
        # Whoever scans by hand gets an answer that is seen and heard.
        if isinstance(event, Scanned | Unreadable | Command) and event.source is not Source.CAMERA:
            assert any(isinstance(effect, Say) for effect in effects)
        assert (state.show() != before.show()) == any(isinstance(effect, Show) for effect in effects)
        assert sum(isinstance(effect, Show) for effect in effects) <= 1
        refused = [effect for effect in effects if isinstance(effect, Refuse)]
        assert not refused or Say(Sound.REFUSE) in effects
        assert not any(isinstance(effect, StartTake) for effect in effects) or not refused


@pytest.mark.parametrize("logic", LOGICS)
@settings(max_examples=200, deadline=None)
@given(trace=TRACES)
def test_there_is_always_a_way_on(logic: Logic, trace: list[Event]) -> None:
    state, _ = _run(logic, trace)
    now = trace[-1].monotonic_ns if trace else 0
    end = Command(name=CommandName.END, source=Source.MANUAL, utc=BEGIN, monotonic_ns=now + 1)
    mending: list[Event] = [
        CameraBack(camera="a", left=1, utc=BEGIN, monotonic_ns=now + 1),
        DiskChanged(level=DiskLevel.FINE, utc=BEGIN, monotonic_ns=now + 1),
        end,
        *(Lifted(code=code, utc=BEGIN, monotonic_ns=now + 1) for code in CODES),
        end,  # lifting one label may hand the bench over to another one in view
    ]
    state, _ = _run(logic, mending, state)
    assert (state.phase, state.code, state.in_view) == (Phase.IDLE, "", ())
    source = Source.CAMERA if logic.watches else Source.SCANNER
    state, effects = step(
        logic, state, Scanned(code="NEWLABEL1234", source=source, utc=BEGIN, monotonic_ns=now + 2)
    )
    assert isinstance(effects[0], StartTake)
    assert state.show().tone is Tone.RECORDING


@pytest.mark.parametrize("logic", LOGICS)
@settings(max_examples=100, deadline=None)
@given(trace=TRACES, shift_s=st.integers(1, 10_000_000))
def test_the_same_trace_gives_the_same_effects_whatever_the_clock(
    logic: Logic, trace: list[Event], shift_s: int
) -> None:
    def shifted(effect: Effect) -> Effect:
        if isinstance(effect, StartTake | StopTake | Note):
            return replace(
                effect, utc=effect.utc + timedelta(seconds=shift_s), at_ns=effect.at_ns + shift_s * 10**9
            )
        return effect

    later = [
        replace(
            event,
            utc=event.utc + timedelta(seconds=shift_s),
            monotonic_ns=event.monotonic_ns + shift_s * 10**9,
        )
        for event in trace
    ]
    first = Tick(utc=BEGIN, monotonic_ns=0)
    touched = Command(name=CommandName.END, source=Source.MANUAL, utc=BEGIN, monotonic_ns=0)
    later_touched = replace(touched, utc=BEGIN + timedelta(seconds=shift_s), monotonic_ns=shift_s * 10**9)
    _, effects = _run(logic, [first, touched, *trace])
    _, again = _run(logic, [first, later_touched, *later])
    assert [[shifted(effect) for effect in step_effects] for step_effects in effects] == [
        list(step_effects) for step_effects in again
    ]


@pytest.mark.parametrize("logic", LOGICS)
def test_the_last_row_for_each_phase_and_event_asks_nothing(logic: Logic) -> None:
    for phase in Phase:
        for key in EventKey:
            rows = [row for row in logic.rows if phase in row.phases and key in row.events]
            assert rows[-1].when == (), (phase, key)


@pytest.mark.parametrize("logic", LOGICS)
@settings(max_examples=100, deadline=None)
@given(trace=TRACES)
def test_a_failed_start_leaves_no_take(logic: Logic, trace: list[Event]) -> None:
    state = State()
    for event in trace:
        state, effects = step(logic, state, event)
        if any(isinstance(effect, StartTake) for effect in effects):
            failed = TakeFailed(reason="ledger", utc=event.utc, monotonic_ns=event.monotonic_ns)
            state, effects = step(logic, state, failed)
            assert not any(isinstance(effect, StartTake | StopTake | Note) for effect in effects)
            assert (state.phase, state.code, state.show().tone) == (Phase.IDLE, "", Tone.REFUSED)


def test_codes_are_compared_whole() -> None:
    logic = catalogue()["scan-rescan"]
    scan = Scanned(code="607812345678", source=Source.SCANNER, utc=BEGIN, monotonic_ns=0)
    state, _ = step(logic, State(), scan)
    assert holds(logic, state, scan, "same")
    for near in ("07812345678", "6078123456789", "60781234567"):
        assert holds(logic, state, replace(scan, code=near), "not same")
