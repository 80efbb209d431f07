"""RTCP: the camera's clock, and what we report."""

import struct

import pytest

from packwitness.station.cameras.rtcp import EMPTY, Reception, sender_reports
from tests.station.cameras.test_rtp import rtp


def sender_report(stamp: int, unix_seconds: float, *, blocks: int = 0) -> bytes:
    ntp = int((unix_seconds + 2_208_988_800) * 2**32) & 0xFFFFFFFFFFFFFFFF
    head = struct.pack(">BBHIQIII", 0x80 | blocks, 200, 6 + 6 * blocks, 7, ntp, stamp, 10, 1000)
    return head + bytes(24 * blocks)


def test_the_cameras_clock() -> None:
    description = struct.pack(">BBHI", 0x81, 202, 2, 7) + bytes(4)
    compound = (
        sender_report(123, 1_700_000_000.25, blocks=1) + description + sender_report(456, 1_700_000_001)
    )
    found = list(sender_reports(compound))
    assert [stamp for stamp, _ in found] == [123, 456]
    assert [round(utc / 1e6) for _, utc in found] == [1_700_000_000_250, 1_700_000_001_000]
    # After NTP's seconds wrapped, in 2036.
    ((_, later),) = sender_reports(sender_report(1, 2_208_988_800.0))
    assert later == 2_208_988_800 * 10**9


@pytest.mark.parametrize(
    "packet",
    [b"", EMPTY, sender_report(1, 1.0)[:20], b"\x00" * 40, sender_report(1, -2_208_988_800)],
)
def test_no_report_of_a_clock(packet: bytes) -> None:
    assert list(sender_reports(packet)) == []


def test_what_came_is_reported() -> None:
    reception = Reception()
    assert reception.report() == EMPTY
    for sequence in (65_534, 65_535, 1, 0, 4):  # two of seven are missing
        reception.note(rtp(b"\x41", sequence, 0))
    first = struct.unpack(">BBHI6I", reception.report())
    assert first[4:7] == (7, (256 * 2 // 7) << 24 | 2, 65_536 + 4)
    for sequence in (5, 6):
        reception.note(rtp(b"\x41", sequence, 0))
    second = struct.unpack(">BBHI6I", reception.report())
    assert second[5:7] == (2, 65_536 + 6)
