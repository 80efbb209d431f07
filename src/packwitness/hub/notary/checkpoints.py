"""Signing the log's state, and having an authority stamp its time.

A burst of receipts asks for one checkpoint: the first one enqueues the task and marks the log, those that
follow find the mark. The task takes the mark away in the transaction in which it reads the size, so that what
is appended later asks again. A mark that has stood too long belongs to a task that is lost, and the next one
enqueues anew.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils.module_loading import import_string

from packwitness.evidence import log as merkle
from packwitness.evidence.checkpoints import Checkpoint as SignedState
from packwitness.evidence.checkpoints import note_text, sign_checkpoint
from packwitness.hub.notary import authority, log
from packwitness.hub.notary.models import Checkpoint, Log, StampState, TimeStamp

logger = structlog.get_logger(__name__)

LOST_AFTER: Final = timedelta(minutes=2)
DEBOUNCE: Final = timedelta(seconds=2)
"""How long a burst is waited for; a receipt itself waits for nothing."""
SIGN_TASK: Final = "packwitness.hub.notary.tasks.sign_checkpoint"
"""Named, not imported: the task's module imports this one."""


def ask_for_one(the_log: Log, *, at: datetime) -> None:
    """Have the locked log's state signed soon; to be called in the transaction that changed it."""
    if the_log.signing_since is not None and at - the_log.signing_since < LOST_AFTER:
        return
    the_log.signing_since = at
    the_log.save(update_fields=["signing_since"])
    import_string(SIGN_TASK).using(run_after=at + DEBOUNCE).enqueue()


def sign(*, at: datetime) -> Checkpoint | None:
    """Sign the log as it stands and note that it wants a time stamp; return it, or None for an empty log."""
    with transaction.atomic():
        the_log = log.locked()
        the_log.signing_since = None
        the_log.save(update_fields=["signing_since"])
        if the_log.size == 0:
            return None
        known = Checkpoint.objects.filter(pk=the_log.size).first()
        if known is not None:
            return known
        state = SignedState(the_log.origin, the_log.size, merkle.root(log.split(bytes(the_log.frontier))))
        signed = Checkpoint.objects.create(
            size=the_log.size, note=sign_checkpoint(state, log.signer(the_log)), signed_at=at
        )
        if settings.TSA_URL:
            TimeStamp.objects.create(checkpoint=signed, url=settings.TSA_URL, asked_at=at)
        return signed


def stamp_all(*, at: datetime, limit: int = 20) -> int:
    """Ask the authorities for every time stamp that is missing; return how many are still missing.

    The newest first: it covers everything before it. A failure is kept in its row and tried again by the next
    call.
    """
    unfinished = TimeStamp.objects.exclude(state=StampState.STAMPED)
    for row in unfinished.select_related("checkpoint").order_by("-checkpoint_id")[:limit]:
        try:
            stamp = authority.ask(row.url, note_text(row.checkpoint.note), at=at)
        except authority.NoStamp as error:
            TimeStamp.objects.filter(pk=row.pk).update(
                state=StampState.FAILED, attempts=F("attempts") + 1, last_error=str(error)[:500], asked_at=at
            )
            logger.warning("time_stamp_failed", checkpoint=row.checkpoint_id, reason=str(error))
            continue
        TimeStamp.objects.filter(pk=row.pk).update(
            state=StampState.STAMPED,
            attempts=F("attempts") + 1,
            last_error="",
            token=stamp.token,
            chain=stamp.chain,
            authority=stamp.authority,
            moment=stamp.moment,
            asked_at=at,
        )
    return unfinished.count()
