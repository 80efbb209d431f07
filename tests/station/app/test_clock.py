import pytest

from packwitness.station.app.clock import HubClock, Measurement, measure
from tests.station.spool.station_of_one import START_MS


@pytest.mark.parametrize(("out_ms", "back_ms"), [(5, 5), (0, 40), (40, 0), (300, 20)])
@pytest.mark.parametrize("ahead_ms", [-700, 0, 90_000])
def test_the_truth_lies_within_the_uncertainty(ahead_ms: int, out_ms: int, back_ms: int) -> None:
    sent = START_MS + 0.4
    hub = sent + out_ms - ahead_ms

    found = measure(sent_ms=sent, answered_ms=sent + out_ms + back_ms, hub_ms=hub)

    assert abs(found.offset_ms - ahead_ms) <= found.uncertainty_ms
    assert found.uncertainty_ms <= (out_ms + back_ms) / 2 + 2


def test_the_shortest_way_is_believed() -> None:
    clock = HubClock()
    assert clock.statement() == {
        "source": "system",
        "reference": "none",
        "offset_ms": None,
        "uncertainty_ms": None,
        "measured_at": None,
    }
    clock.add(Measurement(40, 90, START_MS))
    clock.add(Measurement(3, 5, START_MS + 10_000))
    clock.add(Measurement(30, 80, START_MS + 20_000))

    assert clock.statement() == {
        "source": "system",
        "reference": "hub",
        "offset_ms": 3,
        "uncertainty_ms": 5,
        "measured_at": "2026-11-22T10:00:10.000Z",
    }


def test_a_clock_that_was_set_makes_old_measurements_worthless() -> None:
    clock = HubClock()
    clock.add(Measurement(3, 5, START_MS))
    clock.add(Measurement(3_600_000, 50, START_MS + 10_000))

    assert clock.best == Measurement(3_600_000, 50, START_MS + 10_000)
