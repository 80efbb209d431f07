"""Every scenario is played against its own logic, and must fail under every other."""

from pathlib import Path

import pytest

from packwitness.station.workflow.logics import catalogue
from packwitness.station.workflow.scenario import Scenario, ScenarioError, parse, play

FOLDER = Path(__file__).parents[2] / "scenarios"
FILES = sorted(FOLDER.glob("*.txt"))
LOGICS = sorted(catalogue())


def _played(logic: str, scenario: Scenario) -> list[tuple[str, tuple[str, ...]]]:
    return [(moment.text, effects) for moment, effects, _ in play(catalogue()[logic], scenario)]


def _expected(scenario: Scenario) -> list[tuple[str, tuple[str, ...]]]:
    return [(moment.text, moment.expected) for moment in scenario.moments]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario_holds(file: Path) -> None:
    scenario = parse(file.read_text())
    assert scenario.logic == file.name.partition(".")[0]
    assert _played(scenario.logic, scenario) == _expected(scenario)


@pytest.mark.parametrize("logic", LOGICS)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario_fails_under_another_logic(file: Path, logic: str) -> None:
    scenario = parse(file.read_text())
    if logic != scenario.logic:
        # Only what happens counts, not the logic's name that a start notes.
        renamed = [
            (text, tuple(effect.replace(f"logic={logic}", f"logic={scenario.logic}") for effect in effects))
            for text, effects in _played(logic, scenario)
        ]
        assert renamed != _expected(scenario)


def test_each_logic_has_a_scenario() -> None:
    assert {parse(file.read_text()).logic for file in FILES} == set(LOGICS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("logic x\n    say start\n", "line 2: an effect before the first event"),
        ("logic x\n0.0 dance\n", "line 2: '0.0 dance': unknown event 'dance'"),
        ("logic x\nsoon tick\n", "line 2: 'soon tick'"),
        ("0.0 tick\n", "names its logic"),
    ],
)
def test_unreadable_scenario_names_the_line(text: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    assert words in str(caught.value)
