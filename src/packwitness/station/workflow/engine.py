"""The workflow engine: a pure function from a bench's state and an event to its next state and what is to
be done.

Theory of operation
-------------------

A step has four parts, always in this order:

1. **Observe.** Facts are taken over whatever they will lead to: which labels are in view, how many cameras
   are left, whether the disk is full, that a passing message has been shown long enough.
2. **Look up.** The rows of the logic, then those of the house (``house.HOUSE``), are searched from the top
   for the first whose phase, event and questions fit. The house's last row for each phase and event asks
   nothing, so there is always one.
3. **Act.** The row's verbs build the next state and the effects.
4. **Settle.** *Blocked* is not a place a row leads to but what *idle* is called while something stands in the
   way; and if what the packer sees has changed, one ``Show`` is added, last, so that it is dropped with the
   rest if ``StartTake`` fails.

``(phase)`` is one of four; a take runs in exactly two of them:

    idle ──start──> recording ──pause──> paused
     ^ ^                │   ^               │
     │ └──────stop──────┘   └────resume─────┤
     ├──────────────────────────stop────────┘
     └ blocked: idle with an obstacle

Rows that start stand in phases without a take or behind a ``stop`` in the same row, rows that stop in phases
with one, and each ends in a phase that fits; ``logics`` refuses a file that says otherwise. Hence, whatever
the events, starts and stops alternate: one accepted start, one take.

The engine does no I/O, reads no clock, draws no random number: the same trace gives the same effects.
"""

from dataclasses import replace

from packwitness.station.workflow.effects import Effect, LookUpOrder, Phase, Tone
from packwitness.station.workflow.events import (
    CameraBack,
    CameraLost,
    Command,
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
from packwitness.station.workflow.logic import EventKey, Logic, Row
from packwitness.station.workflow.state import InView, State
from packwitness.station.workflow.verbs import Turn, act

_KEYS: dict[type[Event], EventKey] = {
    Scanned: EventKey.SCANNED,
    Unreadable: EventKey.UNREADABLE,
    Lifted: EventKey.LIFTED,
    Tick: EventKey.TICK,
    CameraLost: EventKey.CAMERA_LOST,
    CameraBack: EventKey.CAMERA_BACK,
    DiskChanged: EventKey.DISK,
    OrderKnown: EventKey.ORDER,
    TakeFailed: EventKey.TAKE_FAILED,
}


def step(logic: Logic, state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Take one step. Effects are to be carried out in order (see ``effects``)."""
    seen = _observe(logic, state, event)
    row = _look_up(logic, seen, event)
    turn = Turn(logic, seen, event)
    for words in row.do:
        act(turn, words)
    after = _settle(state, turn.state, row.then or seen.phase)
    if after.show() != state.show():
        turn.effects.append(after.show())
    # Looking an order up may need the hub: last, so that nothing the packer waits for stands behind it.
    return after, tuple(sorted(turn.effects, key=lambda effect: isinstance(effect, LookUpOrder)))


def _observe(logic: Logic, state: State, event: Event) -> State:
    match event:
        case Scanned(source=Source.CAMERA) if logic.label.accepts(event.code, event.symbology):
            if state.label(event.code) is None:
                label = InView(
                    event.code, event.symbology, event.monotonic_ns, taken=event.code == state.code
                )
                state = replace(state, in_view=(*state.in_view, label))
        case Lifted(code=code):
            state = replace(state, in_view=tuple(label for label in state.in_view if label.code != code))
            if state.failed is not None and state.failed.code == code:
                state = replace(state, failed=None)
                if state.face.message == "take_failed":
                    state = replace(state, face=state.base_face())
        case CameraLost(left=left) | CameraBack(left=left):
            state = _obstacle(state, "no_camera", stands=left == 0)
        case DiskChanged(level=level):
            state = _obstacle(state, "disk_full", stands=level is DiskLevel.FULL)
        case Tick() if state.face.until_ns is not None and event.monotonic_ns >= state.face.until_ns:
            state = replace(state, face=state.base_face())
    if isinstance(event, Scanned | Lifted | Command | Unreadable):
        alarms = tuple(alarm for alarm in state.alarms if alarm.message != "still_filming")
        state = replace(state, touched_ns=event.monotonic_ns, alarms=alarms)
        if state.face.message == "still_filming":
            state = replace(state, face=state.base_face())
    return state


def _obstacle(state: State, obstacle: str, *, stands: bool) -> State:
    others = tuple(known for known in state.obstacles if known != obstacle)
    if not stands:
        return replace(state, obstacles=others)
    return state if obstacle in state.obstacles else replace(state, obstacles=(*others, obstacle))


def _look_up(logic: Logic, state: State, event: Event) -> Row:
    key = EventKey(event.name.value) if isinstance(event, Command) else _KEYS[type(event)]
    for row in logic.rows:
        if (
            state.phase in row.phases
            and key in row.events
            and all(holds(logic, state, event, condition) for condition in row.when)
        ):
            return row
    raise AssertionError(f"no row for {state.phase} {key}: the house's last row must ask nothing")


def _settle(before: State, state: State, phase: Phase) -> State:
    if phase in (Phase.IDLE, Phase.BLOCKED):
        phase = Phase.BLOCKED if state.obstacles else Phase.IDLE
    settled = replace(state, phase=phase)
    # A passing message is let finish, unless it hides that nothing can be started, or that now something can.
    hides = not state.code and (
        state.obstacles != before.obstacles or (phase is Phase.BLOCKED and state.face.tone is Tone.CALM)
    )
    stood = state.face.until_ns is None and (phase, state.alarms) != (before.phase, before.alarms)
    return replace(settled, face=settled.base_face()) if hides or stood else settled
