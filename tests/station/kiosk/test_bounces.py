"""A held scanner trigger is one scan."""

import anyio
import pytest

from packwitness.station.kiosk.bounces import Bounces, without_bounces
from packwitness.station.workflow.effects import Answer, Phase
from packwitness.station.workflow.events import Source


def test_bounces() -> None:
    bounces = Bounces()
    scans = [
        ("A1", 1_000),
        ("a1\r", 1_200),
        ("A1", 1_499),
        ("A1", 1_799),
        ("B2", 1_800),
        ("A1", 1_900),
        ("A1", 2_200),
    ]
    assert [bounces.is_bounce(raw, ms * 1_000_000) for raw, ms in scans] == [
        False,
        True,
        True,
        False,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(("source", "heard"), [(Source.SCANNER, 1), (Source.MANUAL, 2)])
def test_a_bounce_gets_the_answer_of_its_scan(source: Source, heard: int) -> None:
    calls: list[str] = []

    async def on_scan(raw: str, source: Source, ago_ms: int) -> Answer:
        await anyio.sleep(0.02)
        calls.append(raw)
        return Answer(True, Phase.RECORDING, "filming", take=f"t-{len(calls)}")

    answers: list[Answer] = []

    async def both() -> None:
        scan = without_bounces(on_scan, clock_ns=lambda: 5_000_000_000)

        async def one() -> None:
            answers.append(await scan("A1", source, 0))

        async with anyio.create_task_group() as group:
            group.start_soon(one)
            group.start_soon(one)

    anyio.run(both)
    assert len(calls) == heard
    assert [answer.take for answer in answers] == ["t-1", f"t-{heard}"]
