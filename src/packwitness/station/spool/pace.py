"""How fast films may go up, so that a shop's line stays free for its work. Pure: time is told to it."""


class Pace:
    """At most ``bytes_per_second`` on average, all calls together; 0: as fast as it goes.

    A part is the smallest that can wait, so over less than a part's time the line may be used whole.
    """

    def __init__(self, bytes_per_second: float) -> None:
        self._rate = bytes_per_second
        self._free_at = 0.0

    def wait(self, size: int, *, now: float) -> float:
        """Return how many seconds to wait before ``size`` bytes may go; they are counted as gone then."""
        if not self._rate:
            return 0.0
        begin = max(now, self._free_at)
        self._free_at = begin + size / self._rate
        return begin - now
