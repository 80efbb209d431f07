"""A camera's time stamps on the monotonic clock."""

import random

from packwitness.station.recorder.clock import Anchor

MS = 1_000_000


def test_the_least_late_packet_tells_the_time() -> None:
    anchor = Anchor()
    noise = random.Random(3)
    for index in range(300):
        jitter = 0 if index == 40 else noise.randrange(2 * MS, 80 * MS)
        anchor.add(7_000 * MS + index * 33 * MS + jitter, index * 33 * MS)
    assert anchor.moment(1000 * MS) == 8_000 * MS


def test_it_follows_a_camera_whose_clock_runs_slow() -> None:
    anchor = Anchor()
    hours = 4
    for second in range(hours * 3600):
        # 100 in a million slow: after four hours its stamps lag 1.44 s behind.
        anchor.add(second * 1000 * MS, int(second * 1000 * MS * (1 - 1e-4)))
    now = hours * 3600 * 1000 * MS
    assert abs(anchor.moment(int(now * (1 - 1e-4))) - now) < 10 * MS
