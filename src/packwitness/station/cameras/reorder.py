"""Packets of a network that may bring them in another order, put back in order. Pure."""

from packwitness.station.cameras.rtp import LATE

WAIT_NS = 100_000_000
"""How long a packet is waited for. On a house's network, one that overtakes does so by a millisecond."""
HELD_LIMIT = 1_000


class Reorder:
    """RTP packets of one source. What does not come in time is left out, for others to count."""

    def __init__(self, *, wait_ns: int = WAIT_NS, limit: int = HELD_LIMIT) -> None:
        self._wait_ns = wait_ns
        self._limit = limit
        self._next: int | None = None
        self._held: dict[int, tuple[int, bytes]] = {}

    def push(self, packet: bytes, now_ns: int) -> list[bytes]:
        """Take one packet of 12 bytes at least; return those that are next."""
        sequence = int.from_bytes(packet[2:4], "big")
        if self._next is None:
            self._next = sequence
        ahead = sequence - self._next & 0xFFFF
        if ahead == 0 and not self._held:
            self._next = sequence + 1 & 0xFFFF
            return [packet]
        if ahead > 0xFFFF - LATE or sequence in self._held:
            return []  # too late, or twice
        if ahead >= 0x8000:
            # The camera began to count anew.
            out = [held for _, held in self._in_order()]
            self._held, self._next = {}, sequence + 1 & 0xFFFF
            return [*out, packet]
        self._held[sequence] = (now_ns, packet)
        return self.due(now_ns)

    def due(self, now_ns: int) -> list[bytes]:
        """What need not wait any longer."""
        out: list[bytes] = []
        while self._held and self._next is not None:
            found = self._held.pop(self._next, None)
            if found is not None:
                out.append(found[1])
                self._next = self._next + 1 & 0xFFFF
                continue
            oldest = min(came for came, _ in self._held.values())
            if len(self._held) <= self._limit and now_ns - oldest < self._wait_ns:
                break
            self._next = self._in_order()[0][0]
        return out

    def _in_order(self) -> list[tuple[int, bytes]]:
        begin = self._next or 0
        numbers = sorted(self._held, key=lambda sequence: sequence - begin & 0xFFFF)
        return [(sequence, self._held[sequence][1]) for sequence in numbers]
