"""The parts of the law that import-linter cannot see: imports by name, foreign keys, signals.

The order of the hub's rooms is read from `.importlinter`, so that there is one list.
"""

import ast
import configparser
import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import PermissionsMixin
from django.contrib.contenttypes.fields import GenericForeignKey
from django.db.models import Field, Model

import packwitness

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "packwitness"
HUB = "packwitness.hub."


def layers(contract: str) -> list[tuple[str, bool]]:
    """The layers of a contract from the bottom to the top, each with whether it must exist."""
    config = configparser.ConfigParser()
    config.read_string((ROOT / ".importlinter").read_text())
    names = config[f"importlinter:contract:{contract}"]["layers"].split()
    return [(name.strip("()"), not name.startswith("(")) for name in reversed(names)]


ROOMS = [name for name, _ in layers("hub-rooms")]


def model_of(target: object) -> type[Model]:
    """The model that a relation points to. Once all apps are loaded it is a class and not a name."""
    assert isinstance(target, type), f"{target!r} is no model"
    assert issubclass(target, Model), f"{target!r} is no model"
    return target


def room_of(model: type[Model]) -> str | None:
    """The hub room that a model belongs to; None for a model of a library."""
    module = model.__module__
    return module.removeprefix(HUB).split(".")[0] if module.startswith(HUB) else None


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute module name that a file imports, wherever in the file, with its line."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def fault(field: "Field[object, object] | GenericForeignKey", source: type[Model]) -> str | None:
    """What is wrong with a relation of one of our models, in words; None when nothing is."""
    place = f"{source._meta.label}.{field.name}"
    if isinstance(field, GenericForeignKey):
        return f"{place} is a generic foreign key: nobody can say which way it points"
    target = model_of(field.related_model)
    own, other = room_of(source), room_of(target)
    assert own in ROOMS, f"{source._meta.label} lies in {own}, which .importlinter does not list"
    if other is None:
        from_django = any(
            inherited.name == field.name for inherited in PermissionsMixin._meta.local_many_to_many
        )
        if issubclass(source, PermissionsMixin) and from_django:
            return None
    elif ROOMS.index(other) > ROOMS.index(own):
        return f"{place} points to {target._meta.label}, but {own} may not know a room that stands above it"
    if own != other and not field.remote_field.hidden:  # type: ignore[union-attr]  # only called for relations
        return f'{place} leaves its room without related_name="+"'
    return None


def test_every_room_is_listed_and_there() -> None:
    hub = SOURCE / "hub"
    there = {path.parent.name for path in hub.glob("*/*.py")} | {path.stem for path in hub.glob("*.py")}
    required = {name for name, must_exist in layers("hub-rooms") if must_exist}
    installed = {app.name.removeprefix(HUB) for app in apps.get_app_configs() if app.name.startswith(HUB)}

    assert there - {"__init__"} - set(ROOMS) == set()
    assert required - there == set()
    assert {name.split(".")[0] for name in installed} - set(ROOMS) == set()


def test_foreign_keys_point_up_and_leave_no_name_behind() -> None:
    checked = 0
    faults = []
    for model in apps.get_models(include_auto_created=True):
        if room_of(model) is None:
            continue
        fields = [*model._meta.local_fields, *model._meta.local_many_to_many, *model._meta.private_fields]
        for field in fields:
            if field.is_relation:
                checked += 1
                faults.append(fault(field, model))

    assert [words for words in faults if words] == []
    assert checked > 0, "no relation of ours was looked at"


def test_libraries_point_at_nothing_of_ours_but_the_user() -> None:
    user = apps.get_model(settings.AUTH_USER_MODEL)
    foreign = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        if room_of(model) is None
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many)
        if field.is_relation
        and room_of(model_of(field.related_model)) is not None
        and field.related_model is not user
    }

    assert foreign == set()


def test_no_django_signals_carry_news() -> None:
    banned = ("django.dispatch", "django.db.models.signals")
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in (SOURCE / "hub").rglob("*.py")
        for name, line in imports(path)
        if name.startswith(banned)
    ]

    assert found == []


def test_workflow_imports_only_the_standard_library_and_protocol() -> None:
    # protocol is made of pydantic, so it is there anyway; the catalogue's files are read with it.
    allowed = ("packwitness.protocol", "packwitness.station.workflow", "pydantic")
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in (SOURCE / "station" / "workflow").rglob("*.py")
        for name, line in imports(path)
        if not name.startswith(allowed) and name.split(".")[0] not in sys.stdlib_module_names
    ]

    assert found == []


def test_every_module_can_be_imported() -> None:
    # What types allow is not always there at run time: many of Django's generic classes take no brackets.
    names = [found.name for found in pkgutil.walk_packages(packwitness.__path__, "packwitness.")]
    for name in names:
        importlib.import_module(name)

    assert {"packwitness.hub.desk.urls", "packwitness.station.app"} <= set(names)


def loaded_after(statement: str) -> set[str]:
    """The names of all modules that a fresh interpreter holds after a statement."""
    program = f"import sys\n{statement}\nprint(*sys.modules, sep='\\n')"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_the_door_opens_no_room() -> None:
    loaded = loaded_after("import packwitness.cli")

    assert {name for name in loaded if name.startswith("packwitness")} == {"packwitness", "packwitness.cli"}
    assert loaded & {"django", "av", "starlette", "pydantic", "cryptography"} == set()


def test_verifying_loads_neither_django_nor_ffmpeg() -> None:
    loaded = loaded_after("import packwitness.evidence.command, packwitness.protocol")

    assert (
        loaded & {"django", "av", "starlette", "cv2", "numpy", "packwitness.hub", "packwitness.station"}
        == set()
    )
