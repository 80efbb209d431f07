"""Packets to parts."""

from hypothesis import given
from hypothesis import strategies as st

from packwitness.station.recorder.cutter import LIMIT, Cut, Cutter
from packwitness.station.recorder.packets import Packet
from tests.station.recorder.made import TRACK, packets, run

LINE = run()


def cuts(items: list[Packet]) -> list[Cut]:
    cutter = Cutter()
    found = [cut for item in items if (cut := cutter.push(item)) is not None]
    last = cutter.flush()
    assert cutter.flush() is None
    return [*found, last] if last else found


def test_a_second_each_and_a_new_one_at_every_keyframe() -> None:
    found = cuts(packets(LINE, 100, gop=40))
    assert [(cut.start // 3000, cut.duration // 3000, cut.key) for cut in found] == [
        (0, 30, True),
        (30, 10, False),
        (40, 30, True),
        (70, 10, False),
        (80, 20, True),
    ]


def test_a_rate_that_does_not_divide_a_second_stays_below_it() -> None:
    found = cuts(packets(LINE, 100, gop=1000, step=3570))  # 25.2 pictures a second
    assert {len(cut.packets) for cut in found[:-1]} == {25}


def test_a_hole_is_not_filled_by_a_long_picture() -> None:
    items = packets(LINE, 10, gop=100) + packets(LINE, 10, first=200, gop=1000)
    found = cuts(items)
    assert [(cut.start // 3000, cut.duration // 3000) for cut in found] == [(0, 10), (200, 10)]


steps = st.one_of(st.integers(1, 12_000), st.integers(1, 200_000))


@given(st.lists(st.tuples(steps, st.booleans(), st.sampled_from([0, 3000, 6000])), min_size=1, max_size=120))
def test_every_packet_once_in_order_and_no_part_too_long(plan: list[tuple[int, bool, int]]) -> None:
    items: list[Packet] = []
    at = 0
    for step, key, duration in plan:
        at += step
        items.append(Packet(b"", at, at, duration, key or not items, LINE, TRACK))
    found = cuts(items)
    assert [packet for cut in found for packet in cut.packets] == items
    for cut, after in zip(found, [*found[1:], None], strict=True):
        assert 0 < cut.duration <= LIMIT
        assert cut.start == cut.packets[0].dts
        assert cut.start + cut.duration > cut.packets[-1].dts
        assert not any(packet.key for packet in cut.packets[1:])
        if after is not None:
            assert cut.start + cut.duration <= after.start
