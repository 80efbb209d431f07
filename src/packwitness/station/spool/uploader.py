"""Sends takes and journals to the hub while they are made, and fetches the receipt for each take.

Invariants:

- Whatever is sent may be sent again; a mark in the ledger ("the hub has it") is set only after the hub's 2xx.
- A take is ``receipted`` only when the receipt is signed by the hub's certified key and names this very
  manifest.
- Nothing is given up: what may pass is tried again for ever, what will not is set aside for a person and
  kept, and neither keeps other takes waiting.

At most four requests are under way. Three of them serve the newest takes first, so that a parcel that was
just packed can be watched at once; the fourth serves the oldest, so that a backlog goes down too.
"""

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterator

import structlog

from packwitness.evidence.certificates import find_chain
from packwitness.evidence.errors import EvidenceError
from packwitness.evidence.receipts import Receipt
from packwitness.evidence.statements import Statement
from packwitness.protocol import CameraStarted, Disclosed, JournalBatch, PartsMissing, TakeSealed, TakeStarted
from packwitness.station.spool.backoff import Backoff
from packwitness.station.spool.hub import Hub, HubAway, HubRefused, Unauthorised
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

PARALLEL = 4
JOURNAL_BATCH = 200
IDLE_SECONDS = 5.0
"""How long nothing happens before the ledger is looked at again without being woken."""

log = structlog.get_logger(__name__)


class Damaged(Exception):
    """A file of the spool is not what its row says."""


class Uploader:
    """Runs until cancelled. ``changed`` is called when a take's standing changes; ``utc_ms`` tells the time
    of day.
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
    ) -> None:
        self._outgoing = outgoing
        self._layout = layout
        self._hub = hub
        self._identity = identity
        self._hub_key = hub_key
        self._utc_ms = utc_ms
        self._changed = changed
        self._awake = asyncio.Event()
        self._hub_wait = Backoff()
        self._take_waits: dict[str, Backoff] = {}
        self._journal_waits: dict[str, Backoff] = {}
        self.unauthorised = False
        """The hub does not know this station's token: a person has to enrol it anew."""

    def wake(self) -> None:
        """Something new is in the ledger."""
        self._awake.set()

    async def run(self) -> None:
        """Send for ever. Cancelling is safe at any moment: what was under way is sent again by the next
        run.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._run_journals())
            await self._run_takes()

    async def _run_takes(self) -> None:
        under_way: dict[tuple[object, ...], asyncio.Task[None]] = {}
        try:
            while True:
                self._awake.clear()
                if self._hub_wait.ready(time.monotonic()):
                    for job in await asyncio.to_thread(self._choose, set(under_way)):
                        under_way[job_key(job)] = asyncio.create_task(self._carry_out(job))
                woken = asyncio.create_task(self._awake.wait())
                await asyncio.wait(
                    {woken, *under_way.values()}, timeout=self._pause(), return_when=asyncio.FIRST_COMPLETED
                )
                woken.cancel()
                for key in [key for key, task in under_way.items() if task.done()]:
                    under_way.pop(key).result()
        finally:
            for task in under_way.values():
                task.cancel()

    def _pause(self) -> float:
        """Return the seconds until something may be tried again."""
        now = time.monotonic()
        waits = [self._hub_wait, *self._take_waits.values()]
        ahead = [wait.not_before - now for wait in waits if wait.not_before > now]
        return min([IDLE_SECONDS, *ahead])

    def _choose(self, under_way: set[tuple[object, ...]]) -> list[Job]:
        """Return what to begin now: up to three of the newest takes' jobs, one of the oldest's."""
        now = time.monotonic()
        waiting = [take for take, wait in list(self._take_waits.items()) if not wait.ready(now)]
        chosen: list[Job] = []
        busy = set(under_way)

        def choose(rows: list[TakeRow], until: int) -> None:
            for job in self._jobs(rows):
                if len(busy) >= until:
                    return
                if job_key(job) not in busy:
                    busy.add(job_key(job))
                    chosen.append(job)

        choose(self._outgoing.newest(without=waiting), PARALLEL - 1)
        choose(self._outgoing.oldest(without=waiting), PARALLEL)
        return chosen

    def _jobs(self, takes: list[TakeRow]) -> Iterator[Job]:
        for take in takes:
            yield from self._outgoing.jobs(take, limit=2 * PARALLEL)

    async def _carry_out(self, job: Job) -> None:
        take = job.take.take
        wait = self._take_waits.setdefault(take, Backoff())
        try:
            await self._send(job)
        except HubAway as away:
            log.info("hub away", call=str(away), take=take)
            now = time.monotonic()
            wait.failed(now, after=away.after)
            # A hub that answers 500 to one take may well take the others; one that does not answer takes
            # none. Four calls that fail together are one failure.
            if not away.answered and self._hub_wait.ready(now):
                self._hub_wait.failed(now)
            return
        except Unauthorised as error:
            self._unauthorised(error)
            return
        except HubRefused as refused:
            await self._refused(job, refused, wait)
            return
        except Damaged as error:
            await self._set_aside(take, str(error))
            return
        except (OSError, sqlite3.Error) as error:
            log.error("our own disk refuses; trying again", take=take, reason=str(error))
            wait.failed(time.monotonic())
            return
        # One take that we cannot put into words must not keep all others from going up.
        except Exception as error:
            log.error("a take cannot be sent", take=take, exc_info=error)
            await self._set_aside(take, f"cannot be sent: {type(error).__name__}: {error}"[:1000])
            return
        self.unauthorised = False
        self._hub_wait.succeeded()
        wait.succeeded()
        if isinstance(job, SendManifest):
            self._take_waits.pop(take, None)
        self._changed(take)

    def _unauthorised(self, error: Unauthorised) -> None:
        if not self.unauthorised:
            log.error("the hub does not know this station; enrol it anew", call=str(error))
        self.unauthorised = True
        self._hub_wait.failed(time.monotonic(), after=10)

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
        assert take.film_from_ms is not None  # noqa: S101 - Ledger.unsent() leaves others out
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

    async def _refused(self, job: Job, refused: HubRefused, wait: Backoff) -> None:
        """Do what a 4xx asks for, or set the take aside."""
        problem, take = refused.problem, job.take.take
        media = isinstance(job, SendInit | SendPart)
        wait.failed(time.monotonic())
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

    # --- journals ---

    async def _run_journals(self) -> None:
        """Send each bench's journal, entry by entry, apart from the takes: it is what shows that none is
        missing.
        """
        while True:
            sent = 0
            for bench in self._identity.benches:
                wait = self._journal_waits.setdefault(bench, Backoff())
                if wait.ready(time.monotonic()):
                    sent += await self._send_journal(bench, wait)
            if not sent:
                await asyncio.sleep(1)

    async def _send_journal(self, bench: str, wait: Backoff) -> int:
        """Send one batch and return how many entries the hub took."""
        outgoing = self._outgoing
        first = await asyncio.to_thread(outgoing.journal_next, bench)
        entries = await asyncio.to_thread(outgoing.ledger.entries, bench, first=first, limit=JOURNAL_BATCH)
        trouble = await asyncio.to_thread(outgoing.journal_trouble, bench)
        if trouble or not entries:
            return 0
        try:
            answer = await self._hub.journal(bench, JournalBatch(entries=entries))
        except (HubAway, Unauthorised) as error:
            wait.failed(time.monotonic(), after=getattr(error, "after", 10.0))
            return 0
        except HubRefused as refused:
            wait.failed(time.monotonic())
            if not refused.problem.retry:
                log.error("needs a person", bench=bench, reason=str(refused))
                await asyncio.to_thread(outgoing.set_journal_trouble, bench, str(refused))
            return 0
        await asyncio.to_thread(outgoing.journal_sent, bench, wanted=answer.next)
        if answer.next <= first:
            # The hub lost entries and wants them again; not at once, should it never be content.
            wait.failed(time.monotonic())
            return 0
        wait.succeeded()
        return len(entries)
