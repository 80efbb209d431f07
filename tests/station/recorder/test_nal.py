"""Framing of NAL units, and the records that MP4 keeps of them."""

import pytest

from packwitness.station.recorder import nal

SPS, PPS = bytes.fromhex("6742c00ddd"), bytes.fromhex("68ce0fc8")


def test_both_framings_hold_the_same_units() -> None:
    units = [SPS, PPS, b"\x65\x00\x00\x03\x01\x80"]
    mixed = b"\x00\x00\x00\x01" + SPS + b"\x00\x00\x01" + PPS + b"\x00\x00\x00\x01" + units[2]
    assert nal.annexb_units(mixed) == units
    assert nal.annexb_units(nal.annexb(units)) == units
    assert nal.prefixed_units(nal.prefixed(units)) == units


def test_short_lengths_and_lengths_that_lie() -> None:
    assert nal.prefixed_units(b"\x00\x02ab\x00\x01c", 2) == [b"ab", b"c"]
    with pytest.raises(nal.BadStream):
        nal.prefixed_units(b"\x00\x00\x00\x09abc")
    with pytest.raises(nal.BadStream):
        nal.prefixed_units(b"\x00\x00")


def test_parameter_sets_once_each_in_order() -> None:
    assert nal.parameter_sets("h264", [PPS, b"\x65\x01", SPS, PPS, b""]) == (SPS, PPS)
    vps, hevc_slice = b"\x40\x01", b"\x26\x01"
    assert nal.parameter_sets("hevc", [hevc_slice, vps]) == (vps,)


def test_avc_record() -> None:
    record = bytes.fromhex("0142c00dffe1") + b"\x00\x05" + SPS + b"\x01\x00\x04" + PPS
    assert nal.record_units("h264", record) == [SPS, PPS]
    assert nal.length_size("h264", record) == 4
    assert nal.codec_name("h264", record) == "avc1.42c00d"
    for length in (3, 6, 9, len(record) - 1):
        with pytest.raises(nal.BadStream):
            nal.length_size("h264", record[:4])
        with pytest.raises(nal.BadStream):
            nal.record_units("h264", record[:length])


def test_hevc_name() -> None:
    # The example of ISO/IEC 14496-15, annex E: hvc1.1.6.L93.B0
    record = bytes([1, 0x01, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93])
    assert nal.codec_name("hevc", record) == "hvc1.1.6.L93.B0"
    assert nal.codec_name("hevc", bytes([1, 0x62, 0x20]) + bytes(9) + bytes([120])) == "hvc1.A2.4.H120"


def test_what_extradata_says_of_the_framing() -> None:
    assert nal.is_annexb(b"")
    assert nal.is_annexb(b"\x00\x00\x01\x67")
    assert not nal.is_annexb(b"\x01\x42\xc0\x0d")
