"""What a row of a logic may do. A closed list, like the guards.

A verb changes the state being built and adds effects; it decides nothing. Some take an argument: ``"stop
lifted"``,
``"warn two_labels"``. What the packer sees is not an effect of a verb but the state's ``face``: the engine
shows it when it
has changed, so the screen cannot say anything the state does not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from packwitness.station.workflow.effects import (
    Effect,
    LookUpOrder,
    Note,
    Phase,
    Refuse,
    Say,
    Sound,
    StartTake,
    StopReason,
    StopTake,
    Tone,
)
from packwitness.station.workflow.events import (
    CameraBack,
    CameraLost,
    Event,
    OrderKnown,
    Scanned,
    Source,
    TakeFailed,
    Unreadable,
)
from packwitness.station.workflow.logic import Logic
from packwitness.station.workflow.state import Face, InView, State


@dataclass(slots=True)
class Turn:
    """One step being taken."""

    logic: Logic
    state: State
    event: Event
    effects: list[Effect] = field(default_factory=list)

    def note(self, kind: str, data: Mapping[str, str | int], *personal: str) -> None:
        """Add an event to the running take's manifest; without a take there is none to add it to."""
        if self.state.code:
            self.effects.append(
                Note(kind, self.event.utc, self.event.monotonic_ns, data, frozenset(personal))
            )

    def passing(self, tone: Tone, message: str) -> Face:
        """Return a face that is shown for the logic's ``message_ms``."""
        return replace(
            self.standing(tone, message), until_ns=self.event.monotonic_ns + self.logic.ns("message_ms")
        )

    def standing(self, tone: Tone, message: str) -> Face:
        """Return a face that is shown until something takes it away."""
        return Face(tone, message, self.state.code or self.event_code(), self.values())

    def values(self) -> dict[str, str]:
        """What a message may name."""
        match self.event:
            case CameraLost(camera=camera) | CameraBack(camera=camera):
                return {"camera": camera}
            case TakeFailed(reason=reason):
                return {"reason": reason}
        other = self.event_code()
        return {"other": other} if other not in ("", self.state.code) else {}

    def event_code(self) -> str:
        """The event's code, empty if it has none."""
        return getattr(self.event, "code", "")


class Verb(NamedTuple):
    """What is done, and what its argument is: nothing, a stop reason, a sound, a message, or ``in_view``."""

    act: Callable[[Turn, str], None]
    argument: str = ""


def _start(turn: Turn, argument: str) -> None:
    event, logic = turn.event, turn.logic
    if argument == "in_view":
        waiting = turn.state.others() or turn.state.in_view
        code, symbology, source = waiting[0].code, waiting[0].symbology, Source.CAMERA
    else:
        assert isinstance(event, Scanned)  # noqa: S101 (the loader allows it in rows for "scanned" only)
        code, symbology, source = event.code, event.symbology, event.source
    turn.state = replace(
        turn.state,
        code=code,
        by_camera=source is Source.CAMERA,
        in_view=tuple(_taken(label, code) for label in turn.state.in_view),
        # Kept for the same parcel: should it fail once more, that is nothing new.
        failed=turn.state.failed if turn.state.failed and turn.state.failed.code == code else None,
        alarms=(),
        face=Face(Tone.RECORDING, "filming", code),
    )
    turn.effects.append(
        StartTake(
            code=code,
            code_kind=logic.key,
            kind=logic.kind,
            source=source,
            symbology=symbology,
            utc=event.utc,
            at_ns=event.monotonic_ns,
            pre_roll_ms=logic.parameters["pre_roll_ms"],
        )
    )
    turn.note("take_started", {"logic": logic.id})
    turn.note("label_scanned", {"code": code, "symbology": symbology, "source": source.value}, "code")
    turn.effects += [Say(Sound.START), LookUpOrder(code)]


def _taken(label: InView, code: str) -> InView:
    return replace(label, taken=True) if label.code == code else label


def _stop(turn: Turn, reason: str) -> None:
    turn.note("take_stopped", {"reason": reason})
    turn.effects.append(StopTake(StopReason(reason), turn.event.utc, turn.event.monotonic_ns))
    face = turn.passing(Tone.CALM, "cancelled" if reason == StopReason.CANCELLED else "stopped")
    turn.state = replace(turn.state, code="", by_camera=False, alarms=(), failed=None, face=face)


def _drop(turn: Turn, _: str) -> None:
    state, face = turn.state, turn.standing(Tone.REFUSED, "take_failed")
    turn.effects.append(Refuse("take_failed", state.code))
    if state.failed is None or not state.by_camera:  # a label that is tried again by itself is said once
        turn.effects.append(Say(Sound.REFUSE))
    turn.state = replace(
        state,
        code="",
        by_camera=False,
        in_view=tuple(
            replace(label, taken=False) if label.code == state.code else label for label in state.in_view
        ),
        alarms=(),
        failed=face,
        failed_ns=turn.event.monotonic_ns,
        face=face,
    )


def _refuse(turn: Turn, reason: str) -> None:
    match turn.event:
        case Unreadable(reason=unreadable) if reason == "as_told":
            reason = unreadable
        case _ if reason == "obstacle":
            reason = turn.state.obstacles[0]
    turn.note("warning", {"warning": reason, "code": turn.event_code()}, "code")
    turn.effects += [Refuse(reason, turn.event_code()), Say(Sound.REFUSE)]
    face = turn.passing(Tone.WARNING if turn.state.code else Tone.REFUSED, reason)
    turn.state = replace(turn.state, face=face)


def _warn(turn: Turn, message: str) -> None:
    _tell(turn, message, Sound.WARN)
    turn.state = replace(turn.state, face=turn.passing(Tone.WARNING, message))


def _alarm(turn: Turn, message: str) -> None:
    _tell(turn, message, Sound.WARN)
    _stand(turn, turn.standing(Tone.WARNING, message))


def _halt(turn: Turn, message: str) -> None:
    _tell(turn, message, Sound.REFUSE)
    _stand(turn, turn.standing(Tone.REFUSED, message))


def _tell(turn: Turn, message: str, sound: Sound) -> None:
    turn.note("warning", {"warning": message})
    turn.effects.append(Say(sound))


def _stand(turn: Turn, face: Face) -> None:
    alarms = tuple(alarm for alarm in turn.state.alarms if alarm.message != face.message)
    turn.state = replace(turn.state, alarms=(*alarms, face))
    turn.state = replace(turn.state, face=turn.state.base_face())


def _calm(turn: Turn, message: str) -> None:
    alarms = tuple(alarm for alarm in turn.state.alarms if alarm.message != message)
    turn.state = replace(turn.state, alarms=alarms)
    if turn.state.face.message == message:
        turn.state = replace(turn.state, face=turn.state.base_face())


def _camera(turn: Turn, _: str) -> None:
    match turn.event:
        case CameraLost(camera=camera, left=left):
            turn.note("camera_lost", {"camera": camera, "left": left})
        case CameraBack(camera=camera, left=left):
            turn.note("camera_back", {"camera": camera, "left": left})


def _order(turn: Turn, _: str) -> None:
    if isinstance(turn.event, OrderKnown) and turn.event.order is not None:
        order = turn.event.order
        turn.note("note", {"note": "order_known", "order": order.number, "lines": len(order.lines)}, "order")


def _pause(turn: Turn, _: str) -> None:
    turn.note("take_paused", {})
    turn.effects.append(Say(Sound.PAUSE))
    turn.state = replace(turn.state, phase=Phase.PAUSED)
    turn.state = replace(turn.state, face=turn.state.base_face())


def _resume(turn: Turn, _: str) -> None:
    turn.note("take_resumed", {})
    turn.effects.append(Say(Sound.RESUME))
    turn.state = replace(turn.state, phase=Phase.RECORDING)
    turn.state = replace(turn.state, face=turn.state.base_face())


def _say(turn: Turn, sound: str) -> None:
    turn.effects.append(Say(Sound(sound)))


VERBS: Final[dict[str, Verb]] = {
    "start": Verb(_start, "in_view or nothing"),  # of the scanned code, or a label in view
    "stop": Verb(_stop, "stop reason"),
    "drop": Verb(_drop),  # forget a take that never came to be
    "refuse": Verb(_refuse, "message"),  # "obstacle" and "as_told" stand for the reason at hand
    "warn": Verb(_warn, "message"),  # shown for a few seconds
    "alarm": Verb(_alarm, "message"),  # stands until calmed or the take ends
    "halt": Verb(_halt, "message"),  # the same in red: the packer must stop and look
    "calm": Verb(_calm, "message"),  # take that message away if it is shown
    "camera": Verb(_camera),  # note which camera went or came
    "order": Verb(_order),  # note the order that was found
    "pause": Verb(_pause),
    "resume": Verb(_resume),
    "say": Verb(_say, "sound"),
}


def act(turn: Turn, words: str) -> None:
    """Carry out one word of a ``do`` list."""
    name, _, argument = words.partition(" ")
    VERBS[name].act(turn, argument)
