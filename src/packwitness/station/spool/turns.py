"""Whose turn it is: which parts go up next.

Three of four places serve, bench by bench, what was filmed last, so that the parcel that was just packed can
be watched at once; the fourth serves the oldest of all, so that a backlog goes down too. Benches share the
three by bytes: one with eight cameras does not keep the one beside it waiting.

What is asked of the ledger is bounded by what is under way, not by what waits.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from packwitness.station.spool.outgoing import Job, Outgoing, SendPart, job_key
from packwitness.station.spool.rows import TakeRow

CALL_BYTES = 16 << 10
"""What a call that carries no film counts for."""


class Shares:
    """Who has had how much: start-time fair queueing. Pure.

    One that had nothing to send is not owed the time it was idle: it comes in at what the one now served had.
    """

    def __init__(self) -> None:
        self._given: dict[str, int] = {}
        self._now = 0

    def order(self, names: Iterable[str]) -> list[str]:
        """Return the names, first who has had least; as given where they have had the same."""
        return sorted(names, key=self._begin)

    def charge(self, name: str, size: int) -> None:
        """Say that ``name`` is served with ``size`` bytes."""
        self._now = self._begin(name)
        self._given[name] = self._now + size

    def _begin(self, name: str) -> int:
        return max(self._given.get(name, 0), self._now)


class Turns:
    """Chooses jobs for the places that are free."""

    def __init__(self, outgoing: Outgoing, benches: Sequence[str]) -> None:
        self._outgoing = outgoing
        self._benches = benches
        self._shares = Shares()
        self._aside: set[tuple[object, ...]] = set()
        """What of the jobs under way was begun for being the oldest."""

    def choose(
        self, under_way: Collection[tuple[object, ...]], *, places: int, without: Collection[str]
    ) -> list[Job]:
        """Return what to begin now, so that ``places`` jobs are under way; no take of ``without``."""
        busy = set(under_way)
        self._aside &= busy
        chosen: list[Job] = []
        aside = max(1, places // 4)
        while len(busy) < places:
            job = None
            if len(busy) - len(self._aside) < places - aside:
                job = self._newest(busy, without)
            if job is None:
                job = self._oldest(busy, without)
                if job is None:
                    break
                self._aside.add(job_key(job))
            self._shares.charge(job.take.bench, job.row.size if isinstance(job, SendPart) else CALL_BYTES)
            busy.add(job_key(job))
            chosen.append(job)
        return chosen

    def _newest(self, busy: set[tuple[object, ...]], without: Collection[str]) -> Job | None:
        for bench in self._shares.order(self._benches):
            takes = self._outgoing.newest(bench, limit=len(busy) + 1, without=without)
            job = next(self._free(takes, busy), None)
            if job is not None:
                return job
        return None

    def _oldest(self, busy: set[tuple[object, ...]], without: Collection[str]) -> Job | None:
        takes = self._outgoing.oldest(limit=len(busy) + 1, without=without)
        return next(self._free(takes, busy), None)

    def _free(self, takes: list[TakeRow], busy: set[tuple[object, ...]]) -> Iterator[Job]:
        for take in takes:
            for job in self._outgoing.jobs(take, limit=len(busy) + 1):
                if job_key(job) not in busy:
                    yield job
