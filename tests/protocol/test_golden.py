"""One example of each body, on disk, so that neither side can change the protocol unseen."""

import inspect
import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from packwitness import protocol

GOLDEN = Path(__file__).parent / "golden"
MODELS: dict[str, type[BaseModel]] = {
    name: each
    for name in protocol.__all__
    if inspect.isclass(each := getattr(protocol, name)) and issubclass(each, BaseModel)
}


def test_there_is_an_example_of_each_model_and_of_nothing_else() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.json")) == sorted(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_example_comes_back_as_it_was(name: str) -> None:
    text = (GOLDEN / f"{name}.json").read_text()

    assert json.loads(MODELS[name].model_validate_json(text).model_dump_json()) == json.loads(text)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_field_of_a_later_version_is_ignored(name: str) -> None:
    value = json.loads((GOLDEN / f"{name}.json").read_text())
    read = MODELS[name].model_validate(value)

    assert MODELS[name].model_validate({**value, "of_a_later_version": 1}) == read


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_example_holds_every_field_and_each_that_must_be_there_is_missed(name: str) -> None:
    value = json.loads((GOLDEN / f"{name}.json").read_text())
    fields = MODELS[name].model_fields

    assert set(value) == set(fields)
    for field in (field for field, about in fields.items() if about.is_required()):
        with pytest.raises(ValidationError, match=field):
            MODELS[name].model_validate({key: each for key, each in value.items() if key != field})
