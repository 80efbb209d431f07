"""RTP payloads to sound: AAC in RFC 3640's framing, G.711 as it is (RFC 3551). Pure."""

import struct

from packwitness.station.cameras.rtp import LATE, BadPacket, payload_of
from packwitness.station.cameras.sdp import Sound

FRAME_SAMPLES = 1024
"""Of a frame of AAC-LC."""
FRAME_LIMIT = 1 << 16


class SoundDepacketiser:
    """Takes RTP packets of one stream in order, gives frames with their time stamps, counted without wrap."""

    def __init__(self, sound: Sound) -> None:
        self._sound = sound
        self._expected: int | None = None
        self._stamp: int | None = None
        self._time = 0
        self._open = b""

    def push(self, packet: bytes) -> list[tuple[bytes, int]]:
        """Take one packet. What cannot be read is left out: sound is no reason to lose the picture."""
        try:
            first, second, sequence, stamp = struct.unpack_from(">BBHI", packet)
            payload = bytes(payload_of(memoryview(packet), first))
        except (struct.error, BadPacket):
            return []
        if second & 0x7F != self._sound.payload_type or not payload:
            return []
        gap = 0 if self._expected is None else sequence - self._expected & 0xFFFF
        if gap > 0xFFFF - LATE:
            return []
        if gap:
            self._open = b""
        self._expected = sequence + 1 & 0xFFFF
        if self._stamp is None:
            self._time = stamp
        else:
            self._time += (stamp - self._stamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        self._stamp = stamp
        if self._sound.info.sound_codec != "aac":
            return [(payload, self._time)]
        return [
            (frame, self._time + number * FRAME_SAMPLES)
            for number, frame in enumerate(self._frames(payload, whole=second >= 0x80))
        ]

    def _frames(self, payload: bytes, *, whole: bool) -> list[bytes]:
        """Headers' length in bits, headers (size, index), frames (RFC 3640, 3.2.1)."""
        bits = int.from_bytes(payload[:2], "big")
        each = self._sound.size_bits + self._sound.index_bits
        at = 2 + (bits + 7) // 8
        if bits < each or at > len(payload):
            return []
        headers = int.from_bytes(payload[2:at], "big") >> (8 * (at - 2) - bits)
        sizes = [
            headers >> (bits - each * number - self._sound.size_bits) & (1 << self._sound.size_bits) - 1
            for number in range(bits // each)
        ]
        if len(sizes) == 1 and sizes[0] > len(payload) - at + len(self._open):
            # A frame in several packets; the last one is marked.
            self._open += payload[at:]
            if whole or len(self._open) > FRAME_LIMIT:
                self._open = b""
            return []
        if self._open:
            frame, self._open = self._open + payload[at:], b""
            return [frame] if len(frame) == sizes[0] else []
        frames: list[bytes] = []
        for size in sizes:
            if not 0 < size <= len(payload) - at:
                break
            frames.append(payload[at : at + size])
            at += size
        return frames
