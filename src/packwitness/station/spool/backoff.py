"""When to try again."""

import random
from dataclasses import dataclass

SHORTEST = 0.5
LONGEST = 60.0


@dataclass(slots=True)
class Backoff:
    """Waits that double from ``shortest`` to ``longest`` seconds, each with jitter: a fleet does not come
    back all at once.

    Moments are seconds of a monotonic clock that the caller reads.
    """

    failures: int = 0
    not_before: float = 0.0
    shortest: float = SHORTEST
    longest: float = LONGEST

    def failed(self, now: float, *, after: float = 0.0) -> None:
        """Wait longer than last time: a random time in the upper half of the doubled wait, or ``after`` if
        longer.
        """
        wait = min(self.longest, self.shortest * 2 ** min(self.failures, 16))
        self.failures += 1
        jitter = random.uniform(max(self.shortest, wait / 2), wait)  # noqa: S311 - no secret
        self.not_before = now + max(after, jitter)

    def succeeded(self) -> None:
        self.failures = 0
        self.not_before = 0.0

    def ready(self, now: float) -> bool:
        return now >= self.not_before
