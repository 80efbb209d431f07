"""How fast films go up."""

from packwitness.station.spool.pace import Pace


def test_the_average_keeps_to_the_limit_whoever_calls() -> None:
    pace = Pace(1_000_000)
    now, sent = 50.0, 0
    waits = []
    for _ in range(40):
        # Four calls at once, as the uploader makes them.
        waits = [pace.wait(250_000, now=now) for _ in range(4)]
        sent += 1_000_000
        now += max(waits)
    assert waits == [0.25, 0.5, 0.75, 1.0]
    assert 0.97e6 <= (sent - 1_000_000) / (now - 50.0) <= 1.03e6


def test_an_idle_line_saves_nothing_up() -> None:
    pace = Pace(1_000_000)
    assert pace.wait(500_000, now=0.0) == 0.0
    assert pace.wait(500_000, now=100.0) == 0.0
    assert pace.wait(1, now=100.0) == 0.5


def test_without_a_limit_nobody_waits() -> None:
    assert [Pace(0).wait(1 << 30, now=0.0) for _ in range(2)] == [0.0, 0.0]
