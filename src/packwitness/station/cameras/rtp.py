"""RTP payloads to pictures: H.264 (RFC 6184) and H.265 (RFC 7798). Pure: bytes in, pictures out.

A picture is what shares a time stamp. It is whole at the packet with the marker bit; for cameras that set the
marker anywhere, when the next time stamp begins.

Packets that do not come are counted (RFC 3550, A.1), and cost their unit and no more: what is left of the
picture, and the pictures after it, are handed on, since decoders conceal what they miss, and a smear for a
second tells more of a parcel than a hole until the next keyframe, which many cameras send every ten. But a
damaged picture is no place to begin, whatever its type.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

PICTURE_LIMIT = 32 << 20
"""Bytes of one picture; what grows beyond it is no camera's."""
_STEP = struct.Struct(">H")
_HEAD = struct.Struct(">BBHI")
_FRAME = struct.Struct(">HHHHI4xH")
"""Interleaved RTP: dollar and channel, size, flags, sequence, time stamp, first two bytes of the payload."""
FRAGMENT_LIMIT = 1 << 16
"""Fragments of one unit; the largest picture in the smallest packets has fewer."""
DOLLAR = 0x24
LATE = 100
"""A sequence number that is behind by no more is a packet come late, or twice; by more, a new count."""
# What a unit may be, by its type: slices; and what makes a picture one that decoding can begin with.
_SLICES = {"h264": range(1, 6), "hevc": range(32)}
_KEYS = {"h264": range(5, 6), "hevc": range(16, 22)}
_RECOVERY_POINT = {"h264": b"\x06\x06", "hevc": b"\x4e\x01\x06"}

Bytes = bytes | memoryview


class BadPacket(ValueError):
    """Not RTP, or not the payload that the camera announced."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`data`: units with 4-byte lengths. `timestamp` counts on without wrapping. `lost`: packets that did not
    come, since the picture before.
    """

    data: bytes
    timestamp: int
    key: bool
    lost: int = 0


class Depacketiser:
    """Takes RTP packets of one stream in order, gives pictures."""

    def __init__(self, codec: str, payload_type: int) -> None:
        self._hevc = codec == "hevc"
        self._payload_type = payload_type
        self._slices, self._keys = _SLICES[codec], _KEYS[codec]
        self._recovery_point = _RECOVERY_POINT[codec]
        # Of a plain packet: its flags, where a fragment's piece begins, and how its middle ones begin.
        self._plain = 0x8000 | payload_type
        self._piece_at = 15 if self._hevc else 14
        self._middle = -1
        self._expected: int | None = None
        self._source: bytes | None = None
        self._stamp: int | None = None
        self._timestamp = 0
        self._lost = 0
        self.aside: list[tuple[int, bytes]] = []
        """Channel and packet of what `take` found for others. The caller empties it."""
        self._given: int | None = None
        self._marked = True
        # The open picture: lengths and pieces by turns, and the unit that is being put together.
        self._pieces: list[Bytes] = []
        self._size = 0
        self._sliced = self._key = False
        # Packets of it are missing; or may be, where the ones missing lie before it.
        self._damaged = self._doubtful = False
        self._fragments: list[Bytes] | None = None

    def take(self, data: bytes, channel: int) -> tuple[list[Picture], int]:
        """Take interleaved packets (RFC 2326, 10.12) off the beginning of `data`; put those of other channels
        aside.

        Returns the pictures they complete, and how many bytes were taken: up to the first packet that is not
        there whole, or to what is no packet.

        Raises:
            BadPacket: see there.
        """
        view, at, end = memoryview(data), 0, len(data)
        unpack, lead, plain, begin = (
            _FRAME.unpack_from,
            DOLLAR << 8 | channel,
            self._plain,
            4 + self._piece_at,
        )
        expected, stamp_now, fragments, middle = self._expected, self._stamp, self._fragments, self._middle
        done: list[Picture] = []
        while at + 4 <= end:
            # The last packet may be shorter than what is looked at of the others.
            packed = data if at + _FRAME.size <= end else data[at:] + bytes(_FRAME.size)
            first, size, flags, sequence, stamp, kind = unpack(packed, at if packed is data else 0)
            after = at + 4 + size
            if first >> 8 != DOLLAR or after > end:
                break
            if (
                # Nine packets in ten: the middle of a fragmented unit, without any of the header's options.
                kind == middle
                and sequence == expected
                and stamp == stamp_now
                and first == lead
                and flags == plain
                and fragments is not None
                and data[at + begin - 1] < 0x40
            ):
                fragments.append(view[at + begin : after])
                expected = sequence + 1 & 0xFFFF
            elif first == lead:
                self._expected = expected
                done += self.push(view[at + 4 : after])
                expected, stamp_now, fragments, middle = (
                    self._expected,
                    self._stamp,
                    self._fragments,
                    self._middle,
                )
            else:
                self.aside.append((first & 0xFF, data[at + 4 : after]))
            at = after
        self._expected = expected
        if fragments is not None and len(fragments) > FRAGMENT_LIMIT:
            raise BadPacket("a picture has no end")
        return done, at

    def push(self, packet: memoryview) -> Sequence[Picture]:
        """Take one RTP packet; return the pictures that it completes (usually none or one).

        Raises:
            BadPacket: see there.
        """
        try:
            first, second, sequence, stamp = _HEAD.unpack_from(packet)
        except struct.error:
            raise BadPacket("not RTP") from None
        payload = payload_of(packet, first)
        source, mine = bytes(packet[8:12]), second & 0x7F == self._payload_type
        if not mine and source != self._source:
            return ()
        done: list[Picture] = []
        if source != self._source:
            self._source, self._expected, self._fragments = source, None, None
        gap = 0 if self._expected is None else sequence - self._expected & 0xFFFF
        if gap > 0xFFFF - LATE:
            return ()
        self._expected = sequence + 1 & 0xFFFF
        if gap:
            self._fragments = None
            self._damaged = True
            if gap < 0x8000:
                self._lost += gap
        if not mine or not payload:
            return ()
        if stamp != self._stamp:
            done += self._close()
            self._advance(stamp)
            # What is missing belonged to the picture before, to this one, or lay between.
            self._damaged, self._doubtful = False, gap > 0
        self._unpack(payload)
        if second >= 0x80 and self._marked and self._sliced:
            done += self._close()
        return done

    def counted(self, stamp: int) -> int | None:
        """A time stamp as `Picture.timestamp` counts; None before anything came."""
        if self._stamp is None:
            return None
        # The nearest step, forwards or back, modulo 2^32.
        return self._timestamp + (stamp - self._stamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000

    def _advance(self, stamp: int) -> None:
        counted = self.counted(stamp)
        self._timestamp = stamp if counted is None else counted
        self._stamp = stamp

    def _unpack(self, payload: memoryview) -> None:
        if self._hevc:
            kind = payload[0] >> 1 & 0x3F
            if kind == 49:
                self._fragment(payload, 3, payload[0] & 0x81, bytes(payload[1:2]))
            elif kind == 48:
                self._aggregate(payload[2:])
            elif kind < 48:
                self._unit([payload], len(payload))
            return
        kind = payload[0] & 0x1F
        if kind == 28:
            self._fragment(payload, 2, payload[0] & 0xE0, b"")
        elif kind == 24:
            self._aggregate(payload[1:])
        elif 0 < kind < 24:
            self._unit([payload], len(payload))

    def _fragment(self, payload: memoryview, head: int, first: int, second: bytes) -> None:
        """One fragment of a unit: `head` bytes, the last says begin, end and type; then the piece."""
        if len(payload) < head:
            raise BadPacket("a fragment is cut short")
        mark = payload[head - 1]
        piece = payload[head:]
        if mark & 0x80:
            kind = mark & 0x3F if self._hevc else mark & 0x1F
            self._fragments = [bytes([first | (kind << 1 if self._hevc else kind)]) + second]
            self._middle = payload[0] << 8 | (payload[1] if self._hevc else kind)
        if self._fragments is None:
            return
        self._fragments.append(piece)
        if mark & 0x40:
            self._unit(self._fragments, sum(map(len, self._fragments)))
            self._fragments = None
        elif len(self._fragments) > FRAGMENT_LIMIT:
            raise BadPacket("a picture has no end")

    def _aggregate(self, payload: memoryview) -> None:
        at = 0
        while at + 2 < len(payload):
            (size,) = _STEP.unpack_from(payload, at)
            unit = payload[at + 2 : at + 2 + size]
            if len(unit) != size or not size:
                raise BadPacket("an aggregated unit is cut short")
            self._unit([unit], size)
            at += 2 + size

    def _unit(self, pieces: list[Bytes], size: int) -> None:
        head = bytes(pieces[0][:2]) + (bytes(pieces[1][:2]) if len(pieces) > 1 else bytes(pieces[0][2:4]))
        kind = head[0] >> 1 & 0x3F if self._hevc else head[0] & 0x1F
        if kind in self._slices:
            if self._doubtful and not self._sliced:
                # Whether this slice begins its picture: first_mb_in_slice, first_slice_segment_in_pic_flag.
                flags = head[2:3] if self._hevc else head[1:2]
                self._damaged = self._damaged or flags < b"\x80"
                self._doubtful = False
            self._sliced = True
            self._key = self._key or kind in self._keys
        elif head.startswith(self._recovery_point):
            self._key = True
        self._pieces.append(size.to_bytes(4, "big"))
        self._pieces += pieces
        self._size += size
        if self._size > PICTURE_LIMIT:
            raise BadPacket("a picture has no end")

    def _close(self) -> list[Picture]:
        """The open picture, if it holds one. Parameter sets alone wait for the picture they belong to."""
        if not self._sliced:
            return []
        if self._timestamp == self._given:
            self._marked = False  # the marker came in the middle of a picture: do not trust it again
        self._given = self._timestamp
        key = self._key and not self._damaged
        picture = Picture(b"".join(self._pieces), self._timestamp, key, self._lost)
        self._pieces, self._size, self._lost = [], 0, 0
        self._sliced = self._key = self._damaged = self._doubtful = False
        return [picture]


def payload_of(packet: memoryview, first: int) -> memoryview:
    """What follows an RTP packet's header and its options, without the padding.

    Raises:
        BadPacket: see there.
    """
    if first >> 6 != 2:
        raise BadPacket("not RTP")
    begin = 12 + 4 * (first & 0x0F)
    if first & 0x10:
        if len(packet) < begin + 4:
            raise BadPacket("an RTP extension is cut short")
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4], "big")
    end = len(packet) - packet[-1] if first & 0x20 else len(packet)
    return packet[begin:end]
