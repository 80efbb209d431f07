"""RTP to pictures: the framings of RFC 6184 and RFC 7798, and what may go wrong on the way."""

import itertools
import struct
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packwitness.station.cameras.rtp import BadPacket, Depacketiser, Picture
from packwitness.station.recorder import nal

SPS, PPS = b"\x67\x42\x00\x1f", b"\x68\xce\x3c\x80"
IDR, P = b"\x65" + bytes(range(200)) * 30, b"\x41" + bytes(reversed(range(200))) * 20


def rtp(
    payload: bytes,
    sequence: int,
    stamp: int,
    *,
    marker: bool = False,
    kind: int = 96,
    first: int = 0x80,
    source: int = 7,
) -> bytes:
    head = (first, marker << 7 | kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, source)
    return struct.pack(">BBHII", *head) + payload


def fragments(unit: bytes, *, hevc: bool = False, size: int = 1000) -> list[bytes]:
    if hevc:
        head, kind, body = bytes([unit[0] & 0x81 | 98, unit[1]]), unit[0] >> 1 & 0x3F, unit[2:]
    else:
        head, kind, body = bytes([unit[0] & 0xE0 | 28]), unit[0] & 0x1F, unit[1:]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    marks = [0x80, *[0] * (len(pieces) - 2), 0x40]
    return [head + bytes([kind | mark]) + piece for mark, piece in zip(marks, pieces, strict=True)]


def sent(pictures: Iterable[Sequence[bytes]], *, stamp: int = 0, sequence: int = 0) -> list[bytes]:
    """Payloads of each picture as packets, 3000 ticks apart, the marker on each picture's last."""
    packets = []
    for number, payloads in enumerate(pictures):
        for index, payload in enumerate(payloads):
            last = index == len(payloads) - 1
            packets.append(rtp(payload, sequence, stamp + 3000 * number, marker=last))
            sequence += 1
    return packets


def interleaved(packets: Iterable[bytes], *, channel: int = 0) -> bytes:
    return b"".join(b"$%c" % channel + struct.pack(">H", len(packet)) + packet for packet in packets)


def taken(packets: Iterable[bytes], codec: str = "h264") -> list[Picture]:
    depacketiser = Depacketiser(codec, 96)
    return [picture for packet in packets for picture in depacketiser.push(memoryview(packet))]


def units(pictures: Iterable[Picture]) -> list[list[bytes]]:
    return [nal.prefixed_units(picture.data) for picture in pictures]


PICTURES = [[SPS, PPS, *fragments(IDR)], fragments(P), [b"\x41small"], fragments(P, size=333)]
WHOLE = [[SPS, PPS, IDR], [P], [b"\x41small"], [P]]


def test_single_and_fragmented_units() -> None:
    pictures = taken(sent(PICTURES))
    assert units(pictures) == WHOLE
    assert [picture.key for picture in pictures] == [True, False, False, False]
    assert [picture.timestamp for picture in pictures] == [0, 3000, 6000, 9000]


def test_aggregated_units() -> None:
    stap = b"\x18" + b"".join(struct.pack(">H", len(unit)) + unit for unit in (SPS, PPS, b"\x65small"))
    (picture,) = taken([rtp(stap, 1, 0, marker=True)])
    assert units([picture]) == [[SPS, PPS, b"\x65small"]]
    assert picture.key
    vps, idr = b"\x40\x01\x0c", b"\x26\x01\xaf"
    pack = b"\x60\x01" + b"".join(struct.pack(">H", len(unit)) + unit for unit in (vps, idr))
    (picture,) = taken([rtp(pack, 1, 0, marker=True)], "hevc")
    assert units([picture]) == [[vps, idr]]
    assert picture.key


def test_h265_fragments() -> None:
    idr, trail = b"\x26\x01" + bytes(range(256)) * 20, b"\x02\x01" + bytes(range(256)) * 9
    pictures = taken(sent([fragments(idr, hevc=True), fragments(trail, hevc=True)]), "hevc")
    assert units(pictures) == [[idr], [trail]]
    assert [picture.key for picture in pictures] == [True, False]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@given(cuts=st.lists(st.integers(1, 3000), max_size=40), tail=st.integers(0, 3))
def test_however_the_network_cuts_it(codec: str, cuts: list[int], tail: int) -> None:
    hevc = codec == "hevc"
    idr = (b"\x26\x01" if hevc else b"\x65") + bytes(range(250)) * 25
    small = b"\x02\x01x" if hevc else b"\x41x"
    source = [fragments(idr, hevc=hevc), [small], fragments(idr, hevc=hevc, size=700), [small + bytes(tail)]]
    receiver_report = b"$\x01\x00\x08" + bytes(8)
    stream = receiver_report.join(interleaved([packet]) for packet in sent(source, sequence=65_530))
    depacketiser, found, rest = Depacketiser(codec, 96), [], b""
    at = 0
    for cut in [*cuts, len(stream)]:
        data = rest + stream[at : at + cut]
        at += cut
        pictures, used = depacketiser.take(data, 0)
        found += pictures
        rest = data[used:]
    assert rest == b""
    assert units(found) == [[idr], [small], [idr], [small + bytes(tail)]]


def test_what_stops_taking() -> None:
    packets = sent(PICTURES)
    text = b"RTSP/1.0 200 OK\r\n\r\n"
    depacketiser = Depacketiser("h264", 96)
    data = interleaved(packets[:4]) + text + interleaved(packets[4:])
    pictures, used = depacketiser.take(data, 0)
    assert data[used:].startswith(text)
    rest, _ = depacketiser.take(data[used + len(text) :], 0)
    assert units([*pictures, *rest]) == WHOLE


def test_other_channels_and_payload_types_do_not_disturb() -> None:
    packets = []
    for packet in sent(PICTURES):
        packets += [packet, rtp(b"\x80sound", 5, 77, kind=8, source=8)]
    assert units(taken(packets)) == WHOLE
    depacketiser = Depacketiser("h264", 96)
    mixed = b"".join(interleaved([packet]) + interleaved([packet], channel=2) for packet in sent(PICTURES))
    assert units(depacketiser.take(mixed, 0)[0]) == WHOLE


def test_padding_extension_and_contributors() -> None:
    payload = b"\x65whole"
    plain = rtp(payload, 1, 0, marker=True)
    padded = rtp(payload + b"\x00\x00\x03", 1, 0, marker=True, first=0xA0)
    extended = rtp(struct.pack(">HH", 0xABAC, 2) + bytes(8) + payload, 1, 0, marker=True, first=0x90)
    mixed = rtp(bytes(8) + payload, 1, 0, marker=True, first=0x82)
    for packet in (plain, padded, extended, mixed):
        assert units(taken([packet])) == [[payload]]


def test_time_stamps_count_on() -> None:
    packets = sent([[b"\x65a"], [b"\x41b"], [b"\x41c"]], stamp=0xFFFFFFFF - 2999)
    stamps = [picture.timestamp for picture in taken(packets)]
    assert [stamp - stamps[0] for stamp in stamps] == [0, 3000, 6000]
    back = [rtp(b"\x41a", 0, 9000, marker=True), rtp(b"\x41b", 1, 6000, marker=True)]
    assert [picture.timestamp for picture in taken(back)] == [9000, 6000]


def test_a_lost_packet_costs_its_unit_only() -> None:
    packets = sent([fragments(IDR), fragments(P), fragments(P)])
    middle = len(fragments(IDR)) + 1
    assert units(taken(packets[:middle] + packets[middle + 1 :])) == [[IDR], [P]]


def test_lost_packets_are_counted_also_where_the_count_wraps() -> None:
    small = [[b"\x41" + bytes([0x80, number])] for number in range(10)]
    packets = sent(small, sequence=65_533)
    packets = packets[:2] + packets[4:5] + packets[6:]  # numbers 65535, 0 and 2 are lost
    assert [(picture.timestamp // 3000, picture.lost) for picture in taken(packets)] == [
        (0, 0), (1, 0), (4, 2), (6, 1), (7, 0), (8, 0), (9, 0),
    ]  # fmt: skip
    # Come late, twice, or from a camera that began to count anew: not lost.
    twice = sent(small[:4])
    assert [picture.lost for picture in taken([*twice, *twice[2:]])] == [0] * 4
    anew = [*sent(small[:2], sequence=30_000), *sent(small[2:4], sequence=5, stamp=6000)]
    assert [picture.lost for picture in taken(anew)] == [0] * 4
    other = [rtp(b"\x41\x80", 9, 9000, source=99, marker=True), rtp(b"\x41\x80", 11, 12_000, source=99)]
    assert [picture.lost for picture in taken([*sent(small[:2]), *other])] == [0] * 3
    # Other payloads that share the count are no hole in it.
    mixed = [
        rtp(b"\x41\x80", 0, 0, marker=True),
        rtp(b"x", 1, 0, kind=97),
        rtp(b"\x41\x80", 2, 1, marker=True),
    ]
    assert [picture.lost for picture in taken(mixed)] == [0, 0]


FIRST, NEXT = b"\x65\x88first slice", b"\x65\x22second slice"


@pytest.mark.parametrize(
    ("lost", "keys", "left"),
    [
        ((), [False, True, False], [[b"\x41\x9a"], [SPS, PPS, FIRST, NEXT], [b"\x41\x9b"]]),
        ((3,), [False, False, False], [[b"\x41\x9a"], [SPS, PPS, NEXT], [b"\x41\x9b"]]),
        ((1, 2, 3), [False, False, False], [[b"\x41\x9a"], [NEXT], [b"\x41\x9b"]]),
        ((4,), [False, False, False], [[b"\x41\x9a"], [SPS, PPS, FIRST], [b"\x41\x9b"]]),
        ((0,), [True, False], [[SPS, PPS, FIRST, NEXT], [b"\x41\x9b"]]),
    ],
)
def test_a_damaged_picture_is_no_place_to_begin(
    lost: tuple[int, ...], keys: list[bool], left: list[list[bytes]]
) -> None:
    packets = sent([[b"\x41\x9a"], [SPS, PPS, FIRST, NEXT], [b"\x41\x9b"]], sequence=1)
    pictures = taken([rtp(b"\x09\x10", 0, 0), *[one for n, one in enumerate(packets) if n not in lost]])
    assert [picture.key for picture in pictures] == keys
    assert units(pictures)[-1] == left[-1]
    assert [[unit for unit in one if unit != b"\x09\x10"] for one in units(pictures)] == left
    assert sum(picture.lost for picture in pictures) == len(lost)


def test_without_markers_the_next_time_stamp_ends_a_picture() -> None:
    packets = [
        rtp(payload, sequence, 3000 * number)
        for sequence, (number, payload) in enumerate(
            (number, payload) for number, payloads in enumerate(PICTURES) for payload in payloads
        )
    ]
    assert units(taken(packets)) == WHOLE[:3]


def test_markers_on_every_unit_are_not_trusted_for_long() -> None:
    first, second = b"\x41slice one", b"\x41slice two"
    packets = [
        rtp(unit, 2 * number + index, 3000 * number, marker=True)
        for number in range(5)
        for index, unit in enumerate((first, second))
    ]
    # The first picture comes in two; then it is clear that the marker says nothing.
    assert units(taken(packets)) == [[first], [second], [first, second], [first, second], [first, second]]


def test_parameter_sets_marked_as_pictures_wait_for_theirs() -> None:
    packets = [rtp(SPS, 0, 0, marker=True), rtp(PPS, 1, 0, marker=True), rtp(b"\x65i", 2, 0, marker=True)]
    assert units(taken(packets)) == [[SPS, PPS, b"\x65i"]]


def test_a_recovery_point_is_a_place_to_begin() -> None:
    (picture,) = taken([rtp(b"\x06\x06\x01\x80", 0, 0), rtp(b"\x41i", 1, 0, marker=True)])
    assert picture.key


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x80\x60", b"\x40" + bytes(20), rtp(b"\x00", 1, 0, first=0x90), rtp(b"\x1c", 1, 0)],
)
def test_what_is_no_packet(packet: bytes) -> None:
    with pytest.raises(BadPacket):
        taken([packet])


def test_pictures_without_end_are_refused() -> None:
    begin = rtp(b"\x1c\x85a", 0, 0)
    fragments_for_ever = (rtp(b"\x1c\x05a", number, 0) for number in itertools.count(1))
    with pytest.raises(BadPacket):
        taken(itertools.chain([begin], fragments_for_ever))
    in_chunks = Depacketiser("h264", 96)
    in_chunks.push(memoryview(begin))
    chunk = interleaved(rtp(b"\x1c\x05a", number, 0) for number in range(1, 70_000))
    with pytest.raises(BadPacket):
        in_chunks.take(chunk, 0)
    with pytest.raises(BadPacket):
        taken(rtp(b"\x41" + bytes(60_000), number, 0) for number in itertools.count())


@given(st.sampled_from(["h264", "hevc"]), st.lists(st.binary(max_size=60), max_size=20))
def test_noise_is_refused_or_ignored(codec: str, packets: list[bytes]) -> None:
    depacketiser = Depacketiser(codec, 96)
    for number, packet in enumerate(packets):
        try:
            depacketiser.push(memoryview(rtp(packet, number, 0, marker=True)))
            depacketiser.push(memoryview(packet))
        except BadPacket:
            continue
