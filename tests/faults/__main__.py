"""`make faults`: a station and a hub as processes, real streams, and one fault after the other.

Each fault has a shop of its own, so that an audit at its end looks at all its parcels: every accepted start
is exactly one sealed take, the journal has no hole, every bundle verifies, the hub's films are the station's
bytes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx2 as httpx
import psutil

from tests.e2e import numbered_film
from tests.e2e.audit import audit
from tests.e2e.shop import Shop, open_shop
from tests.faults.cuts import record, replay
from tests.faults.disk import Leaves
from tests.faults.faults import FAULTS
from tests.faults.holes import HOLE_MS, OPEN_PART_MS
from tests.faults.hub_line import HubLine
from tests.faults.odd_streams import FILMS
from tests.faults.runs import Outcome, faulty_hub, run, same_bytes
from tests.faults.soak import soak
from tests.faults.storage import own_mounts, unmount

REPLAY = "power-cut-replay"
NAMES = [*FAULTS, REPLAY]
SOAK_COLUMNS = "{:<22} {:>7} {:>8} {:>8} {:>7} {:>8} {:>5} {:>8}  {}"
COLUMNS = "{:<20} {:>5} {:>8} {:>6} {:>10} {:>12} {:>6} {:>8}  {}"


@dataclass(frozen=True)
class Row:
    """One fault's line in the table."""

    fault: str
    runs: int
    parcels: int
    lost_takes: int
    worst_loss_ms: int
    worst_unstated_ms: int
    gaps: int
    seconds: float
    verdict: str
    outcomes: list[Outcome] = field(default_factory=list)

    def cells(self) -> tuple[str | float, ...]:
        """What the table shows."""
        return tuple(list(asdict(self).values())[:-1])

    def note(self) -> str | None:
        """Return how far a sweep of fsyncs came, where it did not meet one in each run."""
        missed = [one.syncs for one in self.outcomes if not one.struck]
        if not missed:
            return None
        return (
            f"  {len(missed)} parcels were done before their kill, with {min(missed)} to {max(missed)} fsyncs"
        )


def try_fault(shop: Shop, hub: HubLine, fault: str, *, runs: range, seed: int, folder: Path) -> Row:
    """Do one fault in the runs of these numbers, audit, and sum up."""
    began = time.monotonic()
    outcomes: list[Outcome] = []
    verdict = "holds"
    try:
        for number in runs:
            outcomes.append(run(shop, hub, fault, seed + number, number=number))  # noqa: PERF401 - kept if a later one fails
        audit(shop, folder)
        damaged = [one.take for one in outcomes if not same_bytes(shop, one.take)]
        if damaged:
            verdict = f"other bytes at the hub: {damaged[:3]}"
    # Whatever breaks one fault's runs, the others' lines and the JSON are still wanted.
    except (
        AssertionError,
        OSError,
        ValueError,
        httpx.HTTPError,
        psutil.Error,
        subprocess.SubprocessError,
    ) as error:
        verdict = f"seed {seed}, run {runs.start + len(outcomes)}: {type(error).__name__}: {str(error)[:120]}"
    worst = max((one.unstated_ms for one in outcomes), default=0)
    loss = max((one.lost_ms for one in outcomes), default=0)
    if verdict == "holds" and (worst > HOLE_MS or loss > OPEN_PART_MS):
        verdict = "loses more than it may"
    return Row(
        fault=fault,
        runs=len(outcomes),
        parcels=len(shop.accepted),
        lost_takes=_lost(shop),
        worst_loss_ms=loss,
        worst_unstated_ms=worst,
        gaps=sum(one.gaps for one in outcomes),
        seconds=round(time.monotonic() - began, 1),
        verdict=verdict,
        outcomes=outcomes,
    )


def _lost(shop: Shop) -> int:
    """How many of the accepted starts are no sealed take at the hub."""
    found = [shop.take(take) for take in shop.accepted]
    return sum(take is None or take["state"] != "sealed" for take in found)


def _film_for(fault: str, usual: Path) -> Path:
    """Return the film that a fault's cameras show."""
    if fault not in FILMS:
        return usual
    return numbered_film.make(usual.with_name(f"{fault}.mp4"), **FILMS[fault])


def try_replay(place: Path, film: Path, *, cuts: int, seed: int) -> Row:
    """Record a station once, cut its power so often, and sum up."""
    began = time.monotonic()
    with open_shop(place / "shop", film) as shop:
        log, before = record(shop, seconds=8)
        judged = replay(log, shop.layout.root, before, cuts=cuts, each=len(Leaves), seed=seed)
        wrong = [f"{one.leaves.name} at {one.cut}: {one.wrong[0]}" for one in judged if one.wrong]
        loss = max(one.lost_ms for one in judged)
        unstated = max(one.unstated_ms for one in judged)
        verdict = f"{len(wrong)} wrong: {wrong[0][:150]}" if wrong else "holds"
        if verdict == "holds" and (unstated > HOLE_MS or loss > OPEN_PART_MS):
            verdict = "loses more than it may"
        return Row(
            fault=REPLAY,
            runs=len(judged),
            parcels=len(shop.accepted),
            lost_takes=sum("accepted and is gone" in one for one in wrong),
            worst_loss_ms=loss,
            worst_unstated_ms=unstated,
            gaps=0,
            seconds=round(time.monotonic() - began, 1),
            verdict=verdict,
        )


def _soak(minutes: float, report: Path | None) -> int:
    with tempfile.TemporaryDirectory(prefix="packwitness-soak-") as place:
        film = numbered_film.make(Path(place) / "numbered.mp4")
        found = soak(Path(place), film, minutes=minutes)
    print(f"{found.minutes:g} minutes, {found.takes} takes, {found.unsealed} not sealed")
    heads = ("process", "samples", "MB then", "MB end", "MB/h", "handles", "end", "threads", "")
    print(SOAK_COLUMNS.format(*heads))
    for line in found.lines:
        print(SOAK_COLUMNS.format(*list(asdict(line).values())[:-1], "flat" if line.flat else "GROWS"))
    if report:
        report.write_text(json.dumps(asdict(found), indent=2) + "\n")
    return 0 if all(line.flat for line in found.lines) and not found.unsealed else 1


def main(arguments: list[str]) -> int:
    """Run what is asked for, print the table, write the JSON; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog="make faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="FAULT")
    parser.add_argument("--runs", type=int, default=10, help="of each fault (default 10)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first run")
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first run; a kill at an fsync waits for one more"
    )
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="film so long with eight cameras instead"
    )
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args(arguments)
    numbers = range(chosen.first, chosen.first + chosen.runs)
    if chosen.soak:
        return _soak(chosen.soak, chosen.json)
    if not own_mounts() and "disk-full" in chosen.only:
        print("disk-full mounts a small disk, for which one has to be root: left out")
        chosen.only.remove("disk-full")
    print(f"seed {chosen.seed}")
    heads = ("fault", "runs", "parcels", "lost", "loss ms", "unstated ms", "gaps", "seconds", "verdict")
    print(COLUMNS.format(*heads), flush=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="packwitness-faults-") as place:
        film = numbered_film.make(Path(place) / "numbered.mp4")
        for fault in chosen.only:
            data = Path(place) / fault
            data.mkdir()
            if fault == REPLAY:
                rows.append(try_replay(data, film, cuts=20 * chosen.runs, seed=chosen.seed))
                print(COLUMNS.format(*rows[-1].cells()), flush=True)
                continue
            try:
                with open_shop(data / "shop", _film_for(fault, film)) as shop, faulty_hub(shop) as hub:
                    shop.cameras_up()
                    row = try_fault(shop, hub, fault, runs=numbers, seed=chosen.seed, folder=data)
            finally:
                unmount(data / "shop" / "station")
            rows.append(row)
            print(COLUMNS.format(*row.cells()), flush=True)
            if note := row.note():
                print(note, flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0 if all(row.verdict == "holds" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
