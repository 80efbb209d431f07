"""A bench's view as the JSON that the page's script reads."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from packwitness.station.kiosk.view import BenchView
from packwitness.station.workflow.effects import Answer


def view_body(view: BenchView, *, picture_origins: Sequence[str] = ()) -> dict[str, Any]:
    """Return ``view`` as plain data; a picture from an origin the page may not load is left out."""
    body = asdict(view)
    if view.running is not None and view.running.order is not None:
        for line in body["running"]["order"]["lines"]:
            if not _allowed(line["image_url"], picture_origins):
                line["image_url"] = ""
    return body


def answer_body(number: int, answer: Answer) -> dict[str, Any]:
    """Return what became of the page's scan ``number``."""
    return {"number": number, **asdict(answer)}


def encode(kind: str, body: dict[str, Any]) -> str:
    """Return one WebSocket message."""
    return json.dumps({"kind": kind, "body": body}, ensure_ascii=False, default=_plain)


def for_page(data: object) -> str:
    """Return JSON that may stand inside a ``<script type="application/json">`` element."""
    text = json.dumps(data, ensure_ascii=False, default=_plain)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _allowed(url: str, origins: Sequence[str]) -> bool:
    if url.startswith("/") and not url.startswith("//"):
        return True
    return any(url.startswith(f"{origin}/") for origin in origins)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{value!r} has no JSON form here")
