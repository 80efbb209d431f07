"""What happens at every start of a station, whether the last end was a clean stop, kill -9 or a power cut.

1. The spool folder is the ledger's (R7), else nothing starts.
2. ``boot`` goes into each bench's journal.
3. Takes still ``recording`` are closed as ``interrupted`` at their last part; then files of the last crash
   that no row names are deleted (R3). In this order, because a recorder outlives a killed station by the
   seconds that it needs to write its last parts: once a take is closed, no row comes for a file any more.
4. Closed takes are sealed; sealed takes whose folder lacks the manifest get it. One that cannot be sealed
   is set aside for a person: the bench has other parcels to film.

What is sealed without a receipt is the uploader's to carry on with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from packwitness.evidence.errors import EvidenceError
from packwitness.station.spool.journal import Journal
from packwitness.station.spool.layout import Layout, make_folder, new_spool_id, replace_durably
from packwitness.station.spool.ledger import Ledger, LedgerError
from packwitness.station.spool.outgoing import Outgoing
from packwitness.station.spool.seal import Identity, close, lay_out, remove_strays, seal

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found: takes that had been cut, and files that no row named."""

    interrupted: tuple[str, ...]
    strays: int


def create_spool(layout: Layout) -> Ledger:
    """Make an empty spool and the ledger bound to it; a folder of takes that exists is not taken over.

    Raises:
        LedgerError: there is a spool folder already.
    """
    if layout.spool_id.exists() or layout.ledger.exists():
        raise LedgerError(f"There is a spool in {layout.root} already. Choose another --data folder.")
    make_folder(layout.takes)
    spool_id = new_spool_id()
    replace_durably(layout.spool_id, spool_id.encode())
    return Ledger.create(layout.ledger, spool_id=spool_id)


def open_spool(layout: Layout) -> Ledger:
    """Open the ledger of a spool folder that is the ledger's own (R7).

    Raises:
        LedgerError: no ledger, another version, or a folder that is not the one the ledger knows: most
            often a disk that is not mounted.
    """
    ledger = Ledger(layout.ledger)
    known = ledger.meta("spool_id")
    try:
        found = layout.spool_id.read_text().strip()
    except OSError:
        found = None
    if found is None or found != known:
        ledger.close()
        what = "has no spool.id" if found is None else "belongs to another ledger"
        raise LedgerError(
            f"{layout.takes} {what}, so nothing is filmed onto it. "
            "Mount the disk that holds the films, then start again."
        )
    return ledger


def recover(
    ledger: Ledger,
    journal: Journal,
    layout: Layout,
    identity: Identity,
    *,
    benches: Sequence[str],
    boot: str,
    utc_ms: int,
) -> Recovered:
    """Bring the spool to the state in which no take is open, and say what was found."""
    for bench in benches:
        journal.boot(bench=bench, software=identity.software, boot=boot, utc_ms=utc_ms)
    cut = [row for row in ledger.unfinished() if row.state == "recording"]
    strays = 0
    for row in cut:
        close(ledger, take=row.take, outcome="interrupted", stopped_ms=None, clock=None)
        strays += remove_strays(ledger, layout, take=row.take)
    for row in ledger.unfinished():
        try:
            if row.state == "closed":
                seal(ledger, journal, layout, identity, take=row.take, utc_ms=utc_ms)
            elif not (layout.take(row.take) / "manifest.json").exists():
                lay_out(ledger, layout, identity, take=row.take)
        except EvidenceError as error:
            log.error("take cannot be sealed; it needs a person", take=row.take, reason=str(error))
            Outgoing(ledger).trouble(row.take, f"cannot be sealed: {error}")
    return Recovered(tuple(row.take for row in cut), strays)
