"""Who acts, and for which organisation."""

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["member", "api_key", "station", "link", "task", "command"]


@dataclass(frozen=True)
class Actor:
    """Whoever acts.

    ``id`` and ``name`` go into the audit record, so ``name`` is what a person would recognise.
    """

    kind: ActorKind
    id: str
    name: str


@dataclass(frozen=True)
class Scope:
    """What one request, task or command may touch: one organisation's rows, with one role."""

    organisation_id: str
    actor: Actor
    role: str = "owner"
    ip: str = ""


def task_scope(organisation_id: str, name: str) -> Scope:
    """Return the scope in which a background task works for an organisation."""
    return Scope(organisation_id=organisation_id, actor=Actor(kind="task", id=name, name=name))


def command_scope(organisation_id: str, name: str) -> Scope:
    """Return the scope in which a command line works for an organisation."""
    return Scope(organisation_id=organisation_id, actor=Actor(kind="command", id=name, name=name))
