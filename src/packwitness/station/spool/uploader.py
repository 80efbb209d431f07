"""Sends takes and journals to the hub while they are made, and fetches the receipt for each take.

Invariants:

- Whatever is sent may be sent again; a mark in the ledger ("the hub has it") is set only after the hub's 2xx.
- A take is ``receipted`` only when the receipt is signed by the hub's certified key and names this very
  manifest.
- Nothing is given up: what may pass is tried again for ever, what will not is set aside for a person and
  kept, and neither keeps other takes waiting.

At most four requests are under way, or two batches of parts where they go straight to the object store
(``direct``). Which come first, ``turns`` says.
"""

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TypeGuard

import structlog

from packwitness.evidence.certificates import find_chain
from packwitness.evidence.errors import EvidenceError
from packwitness.evidence.receipts import Receipt
from packwitness.evidence.statements import Statement
from packwitness.protocol import (
    PART_LIMIT,
    CameraStarted,
    Disclosed,
    PartsMissing,
    TakeSealed,
    TakeStarted,
)
from packwitness.station.spool.backoff import Backoff
from packwitness.station.spool.direct import BATCH, Direct
from packwitness.station.spool.hub import Hub, HubAway, HubRefused, StoreAway, Unauthorised
from packwitness.station.spool.journal_sender import JournalSender
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.moments import from_ms
from packwitness.station.spool.outgoing import (
    Announce,
    Job,
    Outgoing,
    SendInit,
    SendManifest,
    SendPart,
    job_key,
)
from packwitness.station.spool.rows import InitRow, PartRow, TakeRow
from packwitness.station.spool.seal import Identity, lay_out
from packwitness.station.spool.turns import Turns

PARALLEL = 4
IDLE_SECONDS = 5.0
"""How long nothing happens before the ledger is looked at again without being woken."""
FORGET_SECONDS = 600.0
"""How long after its wait a take that failed is remembered; so what is remembered does not grow."""

log = structlog.get_logger(__name__)


class Damaged(Exception):
    """A file of the spool is not what its row says."""


def _may_go_past(job: Job) -> TypeGuard[SendPart]:
    """Say whether a job is a part that a batch can name. To one of another size, which would refuse the whole
    batch, the hub says itself what is wrong with it.
    """
    return isinstance(job, SendPart) and 0 < job.row.size <= PART_LIMIT


class Uploader:
    """Runs until cancelled. ``changed`` is called when a take's standing changes; ``utc_ms`` tells the time
    of day, ``clock`` monotonic seconds.
    """

    def __init__(
        self,
        *,
        outgoing: Outgoing,
        layout: Layout,
        hub: Hub,
        identity: Identity,
        hub_key: str,
        utc_ms: Callable[[], int],
        changed: Callable[[str], None] = lambda take: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._outgoing = outgoing
        self._layout = layout
        self._hub = hub
        self._identity = identity
        self._hub_key = hub_key
        self._utc_ms = utc_ms
        self._changed = changed
        self._clock = clock
        self._turns = Turns(outgoing, list(identity.benches))
        self._direct = Direct(hub, clock=clock)
        self._lanes = asyncio.Semaphore(PARALLEL)
        self._awake = asyncio.Event()
        self._hub_wait = Backoff()
        self._take_waits: dict[str, Backoff] = {}
        self._journals = JournalSender(outgoing, hub, list(identity.benches), clock=clock)
        self.unauthorised = False
        """The hub does not know this station's token: a person has to enrol it anew."""

    @property
    def detour(self) -> str:
        """Why parts go through the hub although it would have them put into its store; empty if they do
        not.
        """
        return self._direct.detour

    def wake(self) -> None:
        """Something new is in the ledger."""
        self._awake.set()

    async def run(self) -> None:
        """Send for ever. Cancelling is safe at any moment: what was under way is sent again by the next
        run.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._journals.run())
            await self._run_takes()

    async def _run_takes(self) -> None:
        under_way: dict[asyncio.Task[None], list[tuple[object, ...]]] = {}
        try:
            while True:
                self._awake.clear()
                if self._hub_wait.ready(self._clock()):
                    busy = {key for keys in under_way.values() for key in keys}
                    self._forget()
                    for jobs in await asyncio.to_thread(self._choose, busy, dict(self._take_waits)):
                        task = asyncio.create_task(self._carry_out(jobs))
                        under_way[task] = [job_key(job) for job in jobs]
                woken = asyncio.create_task(self._awake.wait())
                await asyncio.wait(
                    {woken, *under_way}, timeout=self._pause(), return_when=asyncio.FIRST_COMPLETED
                )
                woken.cancel()
                for task in [task for task in under_way if task.done()]:
                    del under_way[task]
                    task.result()
        finally:
            for task in under_way:
                task.cancel()

    def _pause(self) -> float:
        """Return the seconds until something may be tried again."""
        now = self._clock()
        waits = [self._hub_wait, *self._take_waits.values()]
        ahead = [wait.not_before - now for wait in waits if wait.not_before > now]
        return min([IDLE_SECONDS, *ahead])

    def _forget(self) -> None:
        """Forget takes that failed long ago and were not tried since."""
        now = self._clock()
        old = [take for take, wait in self._take_waits.items() if now > wait.not_before + FORGET_SECONDS]
        for take in old:
            del self._take_waits[take]

    def _choose(self, under_way: set[tuple[object, ...]], failed: dict[str, Backoff]) -> list[list[Job]]:
        """Return what to begin now: jobs one by one, parts in batches where they go straight to the store."""
        waiting = [take for take, wait in failed.items() if not wait.ready(self._clock())]
        direct = self._direct.open()
        places = 2 * BATCH if direct else PARALLEL
        if self._hub_wait.failures:
            # Whether it is back, one call tells; a fleet of stations should not come back with all at once.
            places = 1
        if direct and under_way and places - len(under_way) < BATCH // 2:
            # Soon there is room for a batch that is worth its calls.
            return []
        jobs = self._turns.choose(under_way, places=places, without=waiting)
        if not direct:
            return [[job] for job in jobs]
        # A take that failed last time does not take others along: its parts go one by one until one arrives.
        parts = [job for job in jobs if _may_go_past(job) and job.take.take not in failed]
        batches: list[list[Job]] = [list(parts[at : at + BATCH]) for at in range(0, len(parts), BATCH)]
        alone: list[list[Job]] = [[job] for job in jobs if job not in parts]
        return alone + batches

    async def _carry_out(self, jobs: Sequence[Job]) -> None:
        parts = [job for job in jobs if _may_go_past(job)]
        if parts and self._direct.open():
            outcomes = await self._send_directly(parts)
        else:
            outcomes = [await self._send_alone(job) for job in jobs]
        for job, outcome in zip(jobs, outcomes, strict=True):
            try:
                await self._ended(job, outcome)
            except Exception as error:  # most often a full disk; others' jobs go on
                log.error(
                    "how a job ended cannot be noted; trying again", take=job.take.take, reason=str(error)
                )
                self._take_failed(job.take.take)

    async def _send_alone(self, job: Job) -> Exception | None:
        try:
            async with self._lanes:
                await self._send(job)
        except Exception as error:  # _ended tells them apart
            return error
        return None

    async def _send_directly(self, jobs: Sequence[SendPart]) -> list[Exception | None]:
        async def read(row: PartRow) -> bytes:
            return await asyncio.to_thread(self._read, row)

        try:
            found = await self._direct.send([job.row for job in jobs], read)
            sent = [job.row for job, outcome in zip(jobs, found, strict=True) if outcome is None]
            if sent:
                await asyncio.to_thread(self._outgoing.parts_sent, sent)
        except Exception as error:  # _ended tells them apart
            return [error] * len(jobs)
        return found

    async def _ended(self, job: Job, outcome: Exception | None) -> None:
        """Draw the consequences of how a job ended."""
        take = job.take.take
        match outcome:
            case None:
                self.unauthorised = False
                self._hub_wait.succeeded()
                self._take_waits.pop(take, None)
                self._changed(take)
            case StoreAway():
                pass  # It is chosen again, and goes through the hub.
            case HubAway():
                self._away(take, outcome)
            case Unauthorised():
                self._unauthorised(outcome)
            case HubRefused():
                await self._refused(job, outcome)
            case Damaged():
                await self._set_aside(take, str(outcome))
            case OSError() | sqlite3.Error():
                log.error("our own disk refuses; trying again", take=take, reason=str(outcome))
                self._take_failed(take)
            case _:
                # One take that we cannot put into words must not keep all others from going up.
                log.error("a take cannot be sent", take=take, exc_info=outcome)
                await self._set_aside(take, f"cannot be sent: {type(outcome).__name__}: {outcome}"[:1000])

    def _take_failed(self, take: str, *, after: float = 0.0) -> None:
        wait, now = self._take_waits.setdefault(take, Backoff()), self._clock()
        # Jobs of a take that fail together, such as all parts of a batch, are one failure.
        if wait.ready(now):
            wait.failed(now, after=after)

    def _away(self, take: str, away: HubAway) -> None:
        log.info("hub away", call=str(away), take=take)
        self._take_failed(take, after=away.after)
        # A hub that answers 500 to one take may well take the others; one that does not answer takes none.
        # Four calls that fail together are one failure.
        if not away.answered and self._hub_wait.ready(self._clock()):
            self._hub_wait.failed(self._clock())

    def _unauthorised(self, error: Unauthorised) -> None:
        if not self.unauthorised:
            log.error("the hub does not know this station; enrol it anew", call=str(error))
        self.unauthorised = True
        self._hub_wait.failed(self._clock(), after=10)

    # --- sending ---

    async def _send(self, job: Job) -> None:
        take = job.take.take
        match job:
            case Announce():
                await self._hub.announce(take, await asyncio.to_thread(self._started, job.take))
                await asyncio.to_thread(self._outgoing.announced, take)
            case SendInit():
                data = await asyncio.to_thread(self._read, job.row)
                await self._hub.put_init(job.row, data)
                await asyncio.to_thread(self._outgoing.init_sent, job.row)
            case SendPart():
                data = await asyncio.to_thread(self._read, job.row)
                await self._hub.put_part(job.row, data)
                await asyncio.to_thread(self._outgoing.parts_sent, [job.row])
            case SendManifest():
                await self._send_manifest(job.take)

    def _started(self, take: TakeRow) -> TakeStarted:
        assert take.film_from_ms is not None  # noqa: S101 - Outgoing leaves others out
        return TakeStarted(
            bench=take.bench,
            kind=take.kind,
            code=take.code,
            code_kind=take.code_kind,
            started_at=from_ms(take.started_ms),
            film_from=from_ms(take.film_from_ms),
            cameras=[
                CameraStarted(id=row.camera, name=row.name)
                for row in self._outgoing.ledger.cameras(take.take)
            ],
            start=self._outgoing.start_entry(take),
        )

    def _read(self, row: InitRow | PartRow) -> bytes:
        """Return a file's bytes, checked against its row.

        Raises:
            Damaged: they differ, or the file is gone.
        """
        if isinstance(row, InitRow):
            path = self._layout.init_file(row.take, row.camera, row.k)
        else:
            path = self._layout.part_file(row.take, row.camera, row.n)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise Damaged(f"{path.name} of camera {row.camera} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != row.sha256:
            raise Damaged(f"{path.name} of camera {row.camera} is no longer what was recorded")
        return data

    async def _send_manifest(self, take: TakeRow) -> None:
        statement = await asyncio.to_thread(self._outgoing.manifest, take.take)
        opened = await asyncio.to_thread(self._outgoing.ledger.disclosures, take.take)
        disclosures = [Disclosed(commitment=one, salt=salt, value=value) for one, salt, value in opened]
        answer = await self._hub.seal(take.take, TakeSealed(manifest=statement, disclosures=disclosures))
        try:
            self._check_receipt(take, answer.receipt)
        except EvidenceError as error:
            raise Damaged(f"the hub's receipt does not hold: {error}") from error
        await asyncio.to_thread(self._keep_receipt, take.take, answer.receipt)
        log.info("receipt", take=take.take)

    def _check_receipt(self, take: TakeRow, value: object) -> None:
        """Hold the receipt against the manifest and the key that the organisation certified for its hub.

        Raises:
            EvidenceError: it does not hold; the message says why.
        """
        statement = Statement.from_value(value)
        receipt = Receipt.from_payload(statement.payload)
        chain = find_chain(
            [Statement.from_value(one) for one in self._identity.certificates],
            key=self._hub_key,
            kind="hub",
            organisation=self._identity.organisation,
            moment=receipt.received_at,
        )
        if not statement.verified_by(chain.leaf.public):
            raise EvidenceError("it is not signed by the hub's key")
        found = (receipt.take, receipt.organisation.id, receipt.manifest)
        if found != (take.take, self._identity.organisation, take.manifest_digest):
            raise EvidenceError("it names another take, organisation or manifest")

    def _keep_receipt(self, take: str, receipt: dict[str, object]) -> None:
        self._outgoing.receipted(take, receipt=receipt, utc_ms=self._utc_ms())
        lay_out(self._outgoing.ledger, self._layout, self._identity, take=take)

    # --- refusals ---

    async def _refused(self, job: Job, refused: HubRefused) -> None:
        """Do what a 4xx asks for, or set the take aside."""
        problem, take = refused.problem, job.take.take
        media = isinstance(job, SendInit | SendPart)
        self._take_failed(take)
        if isinstance(problem, PartsMissing) and isinstance(job, SendManifest):
            inits = [(one.camera, one.init) for one in problem.missing if one.init is not None]
            parts = [(one.camera, one.part) for one in problem.missing if one.part is not None]
            have = await asyncio.to_thread(self._outgoing.missing, take, inits=inits, parts=parts)
            if have:
                log.info("the hub lacks parts; sending them again", take=take, parts=have)
                return
        elif problem.code == "take_sealed" and isinstance(job, SendPart):
            # An answer to the manifest was lost. The receipt, which names the manifest, will tell.
            await asyncio.to_thread(self._outgoing.parts_sent, [job.row])
            return
        elif problem.code == "take_sealed" and isinstance(job, SendInit):
            await asyncio.to_thread(self._outgoing.init_sent, job.row)
            return
        elif problem.code == "take_unknown" and not isinstance(job, Announce):
            log.warning("the hub has forgotten a take; sending all of it again", take=take)
            await asyncio.to_thread(self._outgoing.announced, take, known=False)
            return
        elif problem.retry or (media and problem.code == "digest_mismatch"):
            # Our bytes were checked just before sending, so they were changed on the way.
            log.info("refused for now", call=str(refused), take=take)
            return
        await self._set_aside(take, str(refused))

    async def _set_aside(self, take: str, reason: str) -> None:
        log.error("needs a person", take=take, reason=reason)
        await asyncio.to_thread(self._outgoing.trouble, take, reason)
        self._changed(take)
