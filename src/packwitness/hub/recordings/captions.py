"""What happened at the bench, as WebVTT beside the film. Pure, except that texts come from gettext.

Times are those of the film's own time line, on which a player shows a film that begins later, too
(docs/design/hub.md, "recordings").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext, ngettext, override

from packwitness.hub.recordings.layout import WHOLE, Window

LONGEST_MS: Final = 4_000
TOGETHER_MS: Final = 500
"""Events closer than this share one caption: nobody reads faster."""
CHAPTERS: Final = (
    "label_scanned",
    "item_scanned",
    "take_paused",
    "take_resumed",
    "camera_lost",
    "camera_back",
    "take_stopped",
)
_ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " ", "\r": " "})


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines shown from ``begin`` to ``end``, ms of the film."""

    begin: int
    end: int
    lines: tuple[str, ...]


def captions(
    events: Sequence[Mapping[str, Any]],
    *,
    language: str,
    offset_ms: int = 0,
    window: Window = WHOLE,
    end_ms: int | None = None,
) -> str:
    """Return captions as WebVTT: each stays until the next one or for 4 s.

    Args:
        events: a manifest's events.
        language: of the texts.
        offset_ms: of the camera whose film they stand beside.
        window: what may be told of, ms after ``film_from``.
        end_ms: when the film ends, ms after ``film_from``; no caption outlasts it.
    """
    told = _told(events, language, offset_ms, window)
    cues: list[Cue] = []
    for at, _, text in told:
        if cues and at - cues[-1].begin < TOGETHER_MS:
            cues[-1] = Cue(cues[-1].begin, cues[-1].end, (*cues[-1].lines, text))
        else:
            cues.append(Cue(at, at + LONGEST_MS, (text,)))
    limits = [*(cue.begin for cue in cues[1:]), max(0, end_ms - offset_ms) if end_ms is not None else None]
    return _document(
        cue if limit is None else Cue(cue.begin, min(cue.end, max(limit, cue.begin + 1)), cue.lines)
        for cue, limit in zip(cues, limits, strict=False)
    )


def chapters(
    events: Sequence[Mapping[str, Any]],
    *,
    language: str,
    offset_ms: int = 0,
    window: Window = WHOLE,
    end_ms: int,
) -> str:
    """Return chapters as WebVTT: each lasts until the next one or the film's end."""
    marks = [(at, text) for at, kind, text in _told(events, language, offset_ms, window) if kind in CHAPTERS]
    ends = [*(at for at, _ in marks[1:]), max(0, end_ms - offset_ms)]
    return _document(Cue(at, max(end, at + 1), (text,)) for (at, text), end in zip(marks, ends, strict=False))


def words(event: Mapping[str, Any]) -> str:
    """Return what an event says in the active language; empty for one that means nothing to a viewer."""
    data = event.get("data", {})
    plain = {key: value for key, value in data.items() if isinstance(value, str | int)}
    match event.get("kind"):
        case "take_started":
            return gettext("Filming begins.")
        case "label_scanned":
            return gettext("The shipping label is scanned.")
        case "item_scanned":
            return _item(plain)
        case "take_paused":
            return gettext("The packer pauses.")
        case "take_resumed":
            return gettext("The packer goes on.")
        case "take_stopped":
            return gettext("The parcel is done.")
        case "camera_lost":
            return gettext("A camera gives no picture.")
        case "camera_back":
            return gettext("The camera gives a picture again.")
        case "warning":
            return _warning(plain)
        case "note":
            return _note(plain)
    return ""


def _item(plain: Mapping[str, str | int]) -> str:
    name = plain.get("name") or plain.get("sku")
    if not name:
        return gettext("A product is scanned.")
    quantity = plain.get("quantity", 1)
    if isinstance(quantity, int) and quantity > 1:
        return gettext("Packed: %(name)s, %(quantity)d pieces.") % {"name": name, "quantity": quantity}
    return gettext("Packed: %(name)s.") % {"name": name}


def _warning(plain: Mapping[str, str | int]) -> str:
    if plain.get("warning") == "two_labels":
        return gettext("Two labels lie in view.")
    if plain.get("warning") == "no_sound":
        return gettext("A camera gives no sound.")
    if plain.get("warning") == "few_pictures":
        return gettext("A camera gives fewer pictures than it should.")
    return gettext("The bench warned the packer.")


def _note(plain: Mapping[str, str | int]) -> str:
    if plain.get("note") == "order_known" and isinstance(plain.get("lines"), int):
        lines = int(plain["lines"])
        text = ngettext("The order has %(lines)d product.", "The order has %(lines)d products.", lines)
        return text % {"lines": lines}
    return str(plain.get("text", ""))


def _told(
    events: Sequence[Mapping[str, Any]], language: str, offset_ms: int, window: Window
) -> list[tuple[int, str, str]]:
    """Return the film's moment, the kind and the words of each event within the window, in the order of
    time.
    """
    with override(language):
        found = [
            (max(0, event["at_ms"] - offset_ms), event["kind"], text)
            for event in events
            if window.from_ms <= max(0, event["at_ms"])
            and (window.to_ms is None or event["at_ms"] <= window.to_ms)
            and (text := words(event))
        ]
    return sorted(found, key=lambda one: one[0])


def _document(cues: Any) -> str:
    blocks = ["WEBVTT\n"]
    for cue in cues:
        text = "\n".join(line.translate(_ESCAPED).strip() for line in cue.lines)
        blocks.append(f"{_clock(cue.begin)} --> {_clock(cue.end)}\n{text}\n")
    return "\n".join(blocks)


def _clock(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}"
