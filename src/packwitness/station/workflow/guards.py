"""The questions a row of a logic may ask before it applies. A closed list: a logic combines them, it adds
none.

In a logic's ``when`` list each question is a word, with ``not `` before it for its contrary and, where it
takes one, an
argument after it: ``"by_hand"``, ``"not same"``, ``"second_label_for second_label_ms"``. All of the list
must hold.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from packwitness.station.workflow.events import CameraLost, Event, Lifted, OrderKnown, Scanned, Source, Tick
from packwitness.station.workflow.logic import Logic
from packwitness.station.workflow.state import State

type _Ask = Callable[[Logic, State, Event, str], bool]


class Guard(NamedTuple):
    """A question and what its argument is: nothing, a parameter of the logic, or a message."""

    ask: _Ask
    argument: str = ""


def _by_hand(logic: Logic, state: State, event: Event, _: str) -> bool:
    return isinstance(event, Scanned) and event.source is not Source.CAMERA


def _by_camera(logic: Logic, state: State, event: Event, _: str) -> bool:
    return isinstance(event, Scanned) and event.source is Source.CAMERA


def _label(logic: Logic, state: State, event: Event, _: str) -> bool:
    return isinstance(event, Scanned) and logic.label.accepts(event.code, event.symbology)


def _same(logic: Logic, state: State, event: Event, _: str) -> bool:
    return isinstance(event, Scanned | Lifted | OrderKnown) and bool(state.code) and event.code == state.code


def _clear(logic: Logic, state: State, event: Event, _: str) -> bool:
    return not state.obstacles


def _gone(logic: Logic, state: State, event: Event, _: str) -> bool:
    return state.label(state.code) is None


def _label_in_view(logic: Logic, state: State, event: Event, _: str) -> bool:
    return bool(state.in_view)


def _label_waiting(logic: Logic, state: State, event: Event, _: str) -> bool:
    if state.failed is not None and isinstance(event, Tick):
        return bool(state.others()) and event.monotonic_ns - state.failed_ns >= logic.ns("message_ms")
    return bool(state.others())


def _started_by_camera(logic: Logic, state: State, event: Event, _: str) -> bool:
    return state.by_camera


def _second_label_for(logic: Logic, state: State, event: Event, parameter: str) -> bool:
    if state.label(state.code) is None or not (others := state.others()):
        return False
    return event.monotonic_ns - others[0].since_ns >= logic.ns(parameter)


def _quiet_for(logic: Logic, state: State, event: Event, parameter: str) -> bool:
    limit_ns = logic.ns(parameter)
    return limit_ns > 0 and event.monotonic_ns - state.touched_ns >= limit_ns


def _showing(logic: Logic, state: State, event: Event, message: str) -> bool:
    return message in {state.face.message, *(alarm.message for alarm in state.alarms)}


def _none_left(logic: Logic, state: State, event: Event, _: str) -> bool:
    return isinstance(event, CameraLost) and event.left == 0


def _order_known(logic: Logic, state: State, event: Event, _: str) -> bool:
    return isinstance(event, OrderKnown) and event.order is not None


def _order_cancelled(logic: Logic, state: State, event: Event, _: str) -> bool:
    return isinstance(event, OrderKnown) and event.order is not None and event.order.cancelled


GUARDS: Final[dict[str, Guard]] = {
    "by_hand": Guard(_by_hand),  # the code came from a scanner, a program or the packer's fingers
    "by_camera": Guard(_by_camera),  # a camera saw it
    "label": Guard(_label),  # it passes the logic's label filter
    "same": Guard(_same),  # it is the running take's code
    "clear": Guard(_clear),  # a camera gives a picture and the disk has room; a row that starts must ask this
    "gone": Guard(_gone),  # the running take's label is not in view
    "label_in_view": Guard(_label_in_view),  # some label is in view
    "label_waiting": Guard(
        _label_waiting
    ),  # one that has had no take is in view; a failed start counts later
    "started_by_camera": Guard(_started_by_camera),
    "second_label_for": Guard(_second_label_for, "parameter"),  # two labels for so long
    "quiet_for": Guard(_quiet_for, "parameter"),  # nobody did anything for so long; 0 means never
    "showing": Guard(_showing, "message"),
    "none_left": Guard(_none_left),  # the camera lost was the last one
    "order_known": Guard(_order_known),
    "order_cancelled": Guard(_order_cancelled),
}


def holds(logic: Logic, state: State, event: Event, condition: str) -> bool:
    """Judge one word of a ``when`` list."""
    positive = condition.removeprefix("not ")
    name, _, argument = positive.partition(" ")
    return GUARDS[name].ask(logic, state, event, argument) == (positive == condition)
