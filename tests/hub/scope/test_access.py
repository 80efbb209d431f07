"""Who may do what: roles, and words for who may not."""

import re

import pytest
from django.core.exceptions import PermissionDenied

from packwitness.hub.scope import access
from packwitness.hub.scope.ids import ALPHABET, new_id
from packwitness.hub.scope.scope import Actor, Scope, command_scope, task_scope


def scope(role: str) -> Scope:
    return Scope(organisation_id="o", actor=Actor("member", "m", "Minji"), role=role)


def test_each_role_includes_the_ones_below_it() -> None:
    viewer, agent, owner = (access.GRANTED[role] for role in ("viewer", "agent", "owner"))

    assert viewer < agent < owner


@pytest.mark.parametrize(
    ("role", "permission", "may"),
    [
        ("viewer", "film.view", True),
        ("viewer", "link.manage", False),
        ("viewer", "person.view", False),
        ("agent", "link.manage", True),
        ("agent", "settings.change", False),
        ("owner", "settings.change", True),
        ("station", "film.view", False),
        ("link", "film.view", False),
        ("", "film.view", False),
    ],
)
def test_permissions(role: str, permission: str, may: bool) -> None:
    assert access.allows(scope(role), permission) is may
    if may:
        access.require(scope(role), permission)
    else:
        with pytest.raises(PermissionDenied, match=re.escape(permission)):
            access.require(scope(role), permission)


def test_a_misspelt_permission_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError):
        access.require(scope("owner"), "film.veiw")


def test_tasks_and_commands_say_what_they_are() -> None:
    assert task_scope("o", "join_film").actor == Actor("task", "join_film", "join_film")
    assert command_scope("o", "setup").actor == Actor("command", "setup", "setup")


def test_ids_are_short_readable_and_different() -> None:
    ids = {new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(len(one) == 12 and set(one) <= set(ALPHABET) for one in ids)
