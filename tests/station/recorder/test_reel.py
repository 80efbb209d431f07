"""One film's line of time, through all that may happen to its camera."""

from dataclasses import replace

from packwitness.station.recorder.packets import Packet, Run
from packwitness.station.recorder.reel import OPEN_NS, PATIENCE_NS, Item, Piece, Reel, Said
from tests.station.recorder.made import TRACK, packets, run

SECOND = 1_000_000_000
MS = 1_000_000
Items = list[Item]


def push(reel: Reel, items: list[Packet], now_ns: int = 0) -> Items:
    return [done for item in items for done in reel.push(item, now_ns)]


def shape(items: Items) -> list[tuple[object, ...]]:
    """Pieces as (start, duration) and gaps as (reason, at, duration), in hundredths of a second."""
    return [
        (item.start / 900, item.duration / 900)
        if isinstance(item, Piece)
        else (item.reason, item.at / 900, item.duration / 900)
        for item in items
        if not isinstance(item, Said)
    ]


def counts(items: Items) -> tuple[int, int, int]:
    """Lost packets, stalls, reconnects."""
    said = [item for item in items if isinstance(item, Said)]
    return sum(s.lost for s in said), sum(s.stalls for s in said), sum(s.reconnects for s in said)


def test_media_time_begins_with_the_first_packet() -> None:
    reel = Reel(t_start_ns=10 * SECOND)
    found = push(reel, packets(run(at_ns=5 * SECOND), 60, first=30)) + reel.close()
    assert shape(found) == [(0, 100), (100, 100)]
    assert {item.origin_ns for item in found if isinstance(item, Piece)} == {6 * SECOND}


def test_b_frames_keep_what_is_shown_when() -> None:
    line = run(at_ns=0)
    first = Packet(b"", 6000, 0, 3000, True, line, TRACK)
    reel = Reel(t_start_ns=0)
    (piece,) = [item for item in push(reel, [first]) + reel.close() if isinstance(item, Piece)]
    shown = first.pts + piece.offset
    assert piece.origin_ns + shown * SECOND // 90_000 == line.moment(first.pts)


def test_reconnecting_leaves_a_hole_and_no_shift() -> None:
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(run(at_ns=0), 15))
    found += reel.flush()
    # The camera counts from anew; its first picture was taken at 2 s.
    found += push(reel, packets(run(at_ns=2 * SECOND, connection=2), 30))
    found += reel.close()
    assert shape(found) == [(0, 50), ("reconnect", 50, 150), (200, 100)]
    assert counts(found) == (0, 0, 1)


def test_the_cameras_clock_jumps() -> None:
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(run(at_ns=0), 15))
    found += (
        push(reel, packets(run(at_ns=SECOND // 2 - 300_000 * SECOND), 15, first=9_000_000)) + reel.close()
    )
    assert shape(found) == [(0, 50), (50, 50)]


def test_a_new_line_never_overlaps_the_film() -> None:
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(run(at_ns=0), 30))
    found += push(reel, packets(run(at_ns=SECOND - 40 * MS, connection=2), 30)) + reel.close()
    assert shape(found) == [(0, 100), (100, 96)]


def test_a_connection_that_begins_with_what_the_film_holds_already_shifts_nothing() -> None:
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(run(at_ns=0), 60)) + reel.flush()
    # The camera comes back with the second before, and goes on.
    found += push(reel, packets(run(at_ns=SECOND, connection=2), 90)) + reel.close()
    assert shape(found)[:2] == [(0, 100), (100, 100)]
    pieces = [item for item in found if isinstance(item, Piece)]
    shown = [packet.dts + piece.offset for piece in pieces for packet in piece.packets]
    # No picture is missing; those of the second pass at its end; what follows is where it belongs.
    assert shown[:60] == [3_000 * number for number in range(60)]
    assert shown[60:90] == [180_000 + number for number in range(30)]
    assert shown[90:] == [180_000 + max(30, 3_000 * number) for number in range(60)]
    assert pieces[-1].start + pieces[-1].duration == 360_000


def test_a_stall_that_is_over_is_not_why_the_film_ends_early() -> None:
    line = run()
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(line, 30)) + reel.flush() + reel.stalled()
    found += push(reel, packets(line, 30, first=90)) + reel.flush()
    reel.t_stop_ns = 10 * SECOND
    found += reel.close()
    assert [one[0] for one in shape(found) if isinstance(one[0], str)] == ["stalled", "camera_lost"]


def test_going_on_after_the_recorder_died() -> None:
    reel = Reel(t_start_ns=0, origin_ns=2 * SECOND, end=450_000)
    found = push(reel, packets(run(at_ns=8 * SECOND), 30)) + reel.close()
    assert shape(found) == [("recorder", 500, 100), (600, 100)]


def test_a_hole_within_a_connection_is_stated() -> None:
    line = run()
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(line, 15) + packets(line, 30, first=90)) + reel.close()
    assert shape(found) == [(0, 50), ("no_picture", 50, 250), (300, 100)]


def test_so_is_a_short_one_that_no_part_covers() -> None:
    line = run()
    reel = Reel(t_start_ns=0)
    # 24 pictures are 0.8 s; a part is a second at most, and what follows comes at 1.5 s.
    found = push(reel, packets(line, 24) + packets(line, 30, first=45)) + reel.close()
    assert shape(found) == [(0, 100), ("no_picture", 100, 50), (150, 50), (200, 50)]


def test_a_film_that_ends_a_few_pictures_early_says_so() -> None:
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(run(), 27))
    reel.t_stop_ns = SECOND
    assert shape(found + reel.close()) == [(0, 90), ("camera_lost", 90, 10)]


def stopped(reel: Reel, at_ns: int) -> Reel:
    reel.t_stop_ns = at_ns
    return reel


def test_ends_before_the_first_packet_after_the_stop() -> None:
    line: Run = run(at_ns=SECOND)
    items = packets(line, 60)
    reel = stopped(Reel(t_start_ns=0), 2 * SECOND)
    over = [item.dts for item in items if reel.over(item)]
    assert over[0] == 90_000
    assert over == [item.dts for item in items[30:]]
    assert not Reel(t_start_ns=0).over(items[0])


def test_waits_a_moment_for_late_packets_then_closes() -> None:
    reel = stopped(Reel(t_start_ns=0), 5 * SECOND)
    push(reel, packets(run(at_ns=4 * SECOND), 10), now_ns=5 * SECOND + 100 * MS)
    assert not reel.overdue(5 * SECOND + 100 * MS + PATIENCE_NS - 1)
    assert reel.overdue(5 * SECOND + 100 * MS + PATIENCE_NS)
    assert not Reel(t_start_ns=0).overdue(10**18)


def test_says_what_is_missing_at_the_end() -> None:
    reel = stopped(Reel(t_start_ns=0), 6 * SECOND)
    found = push(reel, packets(run(), 30)) + reel.close()
    assert shape(found) == [(0, 100), ("camera_lost", 100, 500)]
    assert shape(stopped(Reel(t_start_ns=SECOND), 3 * SECOND).close()) == [("no_picture", 0, 200)]
    resumed = stopped(Reel(t_start_ns=0, origin_ns=0, end=90_000), 3 * SECOND)
    assert shape(resumed.close()) == [("recorder", 100, 200)]


def test_no_picture_stays_in_memory_while_the_camera_stalls() -> None:
    reel = Reel(t_start_ns=0)
    push(reel, packets(run(), 10), now_ns=SECOND)
    assert reel.flush_stale(SECOND + OPEN_NS - 1) == []
    assert len(reel.flush_stale(SECOND + OPEN_NS)) == 1
    assert reel.flush_stale(9 * SECOND) == []


def test_a_stall_that_leaves_a_hole_is_its_reason() -> None:
    reel = Reel(t_start_ns=0)
    line = run()
    found = push(reel, packets(line, 30)) + reel.flush() + reel.stalled()
    found += push(reel, packets(line, 30, first=120)) + reel.flush()
    found += push(reel, packets(line, 30, first=240)) + reel.close()
    assert shape(found) == [
        (0, 100), ("stalled", 100, 300), (400, 100), ("no_picture", 500, 300), (800, 100)
    ]  # fmt: skip
    assert counts(found) == (0, 1, 0)


def test_a_stall_after_which_all_comes_late_leaves_no_hole() -> None:
    reel = Reel(t_start_ns=0)
    line = run()
    found = push(reel, packets(line, 30)) + reel.flush() + reel.stalled()
    found += push(reel, packets(line, 60, first=30)) + reel.flush()
    found += push(reel, packets(run(at_ns=5 * SECOND, connection=2), 30)) + reel.close()
    assert shape(found) == [(0, 100), (100, 100), (200, 100), ("reconnect", 300, 200), (500, 100)]
    assert counts(found) == (0, 1, 1)


def test_a_stall_that_ends_with_the_connection() -> None:
    reel = Reel(t_start_ns=0)
    found = push(reel, packets(run(), 30)) + reel.flush() + reel.stalled()
    found += push(reel, packets(run(at_ns=7 * SECOND, connection=2), 30)) + reel.close()
    assert shape(found) == [(0, 100), ("stalled", 100, 600), (700, 100)]
    assert counts(found) == (0, 1, 1)
    stays = stopped(Reel(t_start_ns=0), 6 * SECOND)
    found = push(stays, packets(run(), 30)) + stays.flush() + stays.stalled() + stays.close()
    assert shape(found) == [(0, 100), ("stalled", 100, 500)]


def test_what_was_lost_before_the_first_picture_is_not_this_films() -> None:
    reel = Reel(t_start_ns=0)
    sent = [replace(packet, lost=2) for packet in packets(run(), 60)]
    assert counts(push(reel, sent) + reel.close()) == (118, 0, 0)


def test_the_latest_picture_is_the_jitter() -> None:
    reel = Reel(t_start_ns=0)
    sent = packets(run(), 60)
    sent[7] = replace(sent[7], late_ns=48 * MS + 1)
    found = push(reel, sent) + reel.close()
    said = [item.timing for item in found if isinstance(item, Said) and item.timing]
    assert (said[-1].source, said[-1].jitter_ms) == ("stream", 49)
