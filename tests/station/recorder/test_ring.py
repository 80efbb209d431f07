"""The ring: enough for the pre-roll, never more memory than agreed."""

import pytest

from packwitness.station.recorder.packets import Packet
from packwitness.station.recorder.ring import Ring
from tests.station.recorder.made import packets, run

SECOND = 1_000_000_000


def kept(ring: Ring) -> list[Packet]:
    return ring.since(-(10**18))


def filled(ring: Ring, items: list[Packet]) -> Ring:
    for item in items:
        ring.append(item)
    return ring


def test_keeps_its_seconds_and_little_more() -> None:
    items = packets(run(), 600, gop=15)
    for count in range(200, 600, 7):
        ring = filled(Ring(seconds=3), items[:count])
        oldest, newest = kept(ring)[0], items[count - 1]
        assert oldest.key
        assert 3 * 90_000 <= newest.dts - oldest.dts + 3000 <= 4 * 90_000 + 3000


def test_since_begins_at_the_last_keyframe_before() -> None:
    items = packets(run(at_ns=5 * SECOND), 300, gop=30)
    ring = filled(Ring(seconds=8), items)
    found = ring.since(5 * SECOND + 4 * SECOND + SECOND // 2)
    assert found == items[120:]
    assert ring.since(5 * SECOND + 4 * SECOND) == items[120:]
    assert ring.since(5 * SECOND + 4 * SECOND - 1) == items[90:]


def test_since_gives_what_there_is_when_asked_for_more() -> None:
    items = packets(run(), 40, gop=30)
    assert filled(Ring(seconds=3), items).since(-SECOND) == items


def test_ten_second_group_is_kept_whole() -> None:
    items = packets(run(), 500, gop=300)
    ring = filled(Ring(seconds=3), items[:299])
    assert ring.since(9 * SECOND) == items[:299]
    ring = filled(Ring(seconds=3), items)
    # The newest group reaches back 200 pictures, more than three seconds: the one before may go.
    assert kept(ring) == items[300:]
    assert kept(filled(Ring(seconds=3), items[:380])) == items[:380]


def test_bytes_bound_it_but_the_current_group_stays() -> None:
    items = packets(run(), 100, gop=10, size=1000)
    ring = filled(Ring(seconds=60, limit=25_000), items)
    assert ring.size == sum(len(item.data) for item in kept(ring)) <= 25_000
    ring = filled(Ring(seconds=60, limit=5_000), items)
    assert kept(ring) == items[90:]


def test_a_camera_without_keyframes_does_not_eat_the_memory() -> None:
    ring = filled(Ring(seconds=3, limit=10_000), packets(run(), 100, gop=1000, size=1000))
    assert kept(ring) == []
    assert ring.size == 0
    again = packets(run(), 5, first=1000, gop=1000, size=1000)
    assert kept(filled(ring, again)) == again


def test_nothing_before_the_first_keyframe() -> None:
    assert kept(filled(Ring(), packets(run(), 20, first=5))) == []


@pytest.mark.parametrize("gop", [30, 300], ids=["1 s", "10 s"])
def test_every_film_begins_before_its_scan_by_the_whole_pre_roll(gop: int) -> None:
    """Thousands of scans at any moment of a group: the keyframe is always there."""
    ring = Ring(seconds=4)
    line = run()
    sent = packets(line, 3000, gop=gop)
    for number, packet in enumerate(sent):
        ring.append(packet)
        if number < 300 + gop:
            continue
        scan_ns = line.moment(packet.dts) - 200_000_000
        first = ring.since(scan_ns - 3 * SECOND)[0]
        assert first.key
        assert line.moment(first.dts) <= scan_ns - 3 * SECOND


def test_a_small_memory_makes_the_film_begin_later_and_holds() -> None:
    ring = Ring(seconds=60, limit=100_000)
    line = run()
    for packet in packets(line, 3000, gop=30, size=500):
        ring.append(packet)
        assert ring.size <= 100_000
    first = ring.since(0)[0]
    assert first.key
    assert 5 <= (2999 * 3000 - first.dts) / 90_000 <= 7
