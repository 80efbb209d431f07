"""The rows every logic shares: commands, cameras, disk, orders, and what to do when nothing else was said.

They come after a logic's own rows, so a logic overrules them by saying otherwise. They are part of the
engine, hence of the software version a manifest names, while a logic's file has a version of its own.

For every phase and event the last row here asks nothing, which is why no sequence of events is without an
answer.
"""

from typing import Final

from packwitness.station.workflow.effects import Phase
from packwitness.station.workflow.logic import EventKey, Row

_IDLE = frozenset({Phase.IDLE})
_BLOCKED = frozenset({Phase.BLOCKED})
_RECORDING = frozenset({Phase.RECORDING})
_PAUSED = frozenset({Phase.PAUSED})
_WITHOUT_TAKE = _IDLE | _BLOCKED
_WITH_TAKE = _RECORDING | _PAUSED
_ALWAYS = frozenset(Phase)


def _row(
    phases: frozenset[Phase], events: str, when: str = "", do: str = "", then: Phase | None = None
) -> Row:
    """Write a row in one line: words of a list are parted by commas."""

    def parts(words: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in words.split(",") if word.strip())

    return Row(phases, frozenset(EventKey(event) for event in parts(events)), parts(when), parts(do), then)


HOUSE: Final[tuple[Row, ...]] = (
    # Commands. What does not fit the moment is refused aloud: a command barcode that does nothing teaches
    # distrust.
    _row(_WITH_TAKE, "end", do="stop command, say stop", then=Phase.IDLE),
    _row(_WITH_TAKE, "cancel", do="stop cancelled, say stop", then=Phase.IDLE),
    _row(_RECORDING, "pause", do="pause", then=Phase.PAUSED),
    _row(_PAUSED, "resume", do="resume", then=Phase.RECORDING),
    _row(_PAUSED, "pause", do="refuse already_paused"),
    _row(_RECORDING, "resume", do="refuse not_paused"),
    _row(_WITH_TAKE, "start", do="refuse already_filming"),
    _row(_WITHOUT_TAKE, "end, cancel, pause, resume", do="refuse nothing_running"),
    _row(_IDLE, "start", do="refuse start_needs_label"),
    _row(_BLOCKED, "start", do="refuse obstacle"),
    # Codes. What a camera sees without being asked for it (a product's barcode, a label under "scan,
    # rescan") is nothing.
    _row(_PAUSED, "scanned", "by_hand, same", "resume", Phase.RECORDING),
    _row(_PAUSED, "scanned", "by_hand", "refuse paused_first"),
    _row(_BLOCKED, "scanned", "by_hand", "refuse obstacle"),
    _row(_IDLE | _RECORDING, "scanned", "by_hand, not label", "refuse not_a_label"),
    _row(_RECORDING, "scanned", "by_hand", "refuse finish_running_first"),
    _row(_IDLE, "scanned", "by_hand, not clear", "refuse obstacle"),
    _row(_IDLE, "scanned", "by_hand", "refuse not_expected"),
    _row(_ALWAYS, "scanned"),
    _row(_ALWAYS, "unreadable", do="refuse as_told"),
    _row(_ALWAYS, "lifted"),
    # Cameras and disk. A running take goes on as far as it can, and its manifest says how far.
    _row(_WITH_TAKE, "camera_lost", "none_left", "camera, halt no_camera_left"),
    _row(_WITH_TAKE, "camera_lost", do="camera, alarm camera_lost"),
    _row(_WITH_TAKE, "camera_back", do="camera, calm no_camera_left, calm camera_lost"),
    _row(_WITHOUT_TAKE, "camera_lost, camera_back"),
    _row(_WITH_TAKE, "disk", "not clear", "halt disk_full_filming"),
    _row(_WITH_TAKE, "disk", do="calm disk_full_filming"),
    _row(_WITHOUT_TAKE, "disk"),
    # Orders come late or never; a parcel does not wait for them.
    _row(_WITH_TAKE, "order", "same, order_cancelled", "order, halt order_cancelled"),
    _row(_WITH_TAKE, "order", "same, order_known", "order"),
    _row(_ALWAYS, "order"),
    _row(_WITH_TAKE, "take_failed", do="drop", then=Phase.IDLE),
    _row(_WITHOUT_TAKE, "take_failed"),
    # Time. A parcel forgotten on the bench would be filmed all night.
    _row(_RECORDING, "tick", "quiet_for remind_ms, not showing still_filming", "alarm still_filming"),
    _row(_ALWAYS, "tick"),
)
