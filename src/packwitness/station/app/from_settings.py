"""Parts of a station as its settings want them."""

import json
from dataclasses import replace

from packwitness import __version__
from packwitness.station.config import Settings, SettingsError
from packwitness.station.spool.guard import DiskGuard
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger
from packwitness.station.spool.seal import Identity
from packwitness.station.workflow.logic import Logic
from packwitness.station.workflow.logics import catalogue


def identity_of(settings: Settings, layout: Layout) -> Identity:
    """Return who this station is, as enrolment wrote it down."""
    certificates = json.loads(layout.certificates.read_bytes())
    benches = {bench.id: bench.name for bench in settings.benches}
    return Identity(
        settings.hub.organisation, settings.hub.station, benches, tuple(certificates), __version__
    )


def guard_of(settings: Settings, layout: Layout, ledger: Ledger) -> DiskGuard:
    """Return the guard of the spool's disk, with this station's limits."""
    disk = settings.disk
    return DiskGuard(
        ledger,
        layout,
        keep_ms=int(disk.keep_hours * 3_600_000),
        low_bytes=disk.low_mb << 20,
        full_bytes=disk.full_mb << 20,
        budget_bytes=round(disk.budget_gb * (1 << 30)),
    )


def logics_of(settings: Settings) -> dict[str, Logic]:
    """Return each bench's logic with this station's pre-roll and post-roll.

    Raises:
        SettingsError: there is none of that name, or no camera to film with.
    """
    if not settings.cameras:
        raise SettingsError("There is no camera. Add [[cameras]] to station.toml, or give --camera URL.")
    known, chosen = catalogue(), {}
    for bench in settings.benches:
        name = settings.logic_of(bench.id)
        if name not in known:
            raise SettingsError(
                f"There is no recording logic '{name}'; known are: {', '.join(sorted(known))}."
            )
        own = {
            "pre_roll_ms": round(settings.pre_roll_s * 1000),
            "post_roll_ms": round(settings.post_roll_s * 1000),
        }
        chosen[bench.id] = replace(known[name], parameters={**known[name].parameters, **own})
    return chosen
