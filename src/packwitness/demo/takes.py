"""Reads the hub's takes as an integrator does."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2 as httpx


@dataclass(frozen=True)
class SealedTake:
    """What the API says of a sealed take."""

    id: str
    code: str
    outcome: str
    stopped_at: datetime
    cameras: tuple[str, ...]
    order_number: str

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "SealedTake":
        """Read one element of ``GET /api/v1/takes``."""
        return cls(
            id=value["id"],
            code=value["code"],
            outcome=value["outcome"],
            stopped_at=datetime.fromisoformat(value["stopped_at"]),
            cameras=tuple(camera["id"] for camera in value["cameras"]),
            order_number=value.get("order_number") or "",
        )


def sealed(hub: httpx.Client) -> list[SealedTake]:
    """Return the newest sealed takes, oldest first."""
    answer = hub.get("/api/v1/takes", params={"state": "sealed", "limit": 20})
    answer.raise_for_status()
    return [SealedTake.from_json(value) for value in reversed(answer.json()["takes"])]


def follow(hub: httpx.Client, stop: threading.Event, *, pause: float) -> Iterator[SealedTake | None]:
    """Yield each take that is sealed from now on, and None after each look, until ``stop`` is set."""
    known = {take.id for take in sealed(hub)}
    while not stop.wait(pause):
        try:
            fresh = [take for take in sealed(hub) if take.id not in known]
        except httpx.TransportError:
            # The hub restarts its web process by itself; the caller sees if it does not come back.
            fresh = []
        for take in fresh:
            known.add(take.id)
            yield take
        yield None
