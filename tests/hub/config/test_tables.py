"""The two tables of config name things that exist."""

import inspect

import pytest
from django.tasks import Task
from django.utils.module_loading import import_string

from packwitness.hub.config.schedules import SCHEDULES
from packwitness.hub.config.subscribers import SUBSCRIBERS


@pytest.mark.parametrize("path", sorted({path for paths in SUBSCRIBERS.values() for path in paths}))
def test_every_hearer_takes_an_event(path: str) -> None:
    assert path.split(".")[-2] == "hearers"
    assert len(inspect.signature(import_string(path)).parameters) == 1


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_every_schedule_names_a_task(name: str) -> None:
    assert isinstance(import_string(SCHEDULES[name]["task"]), Task)
