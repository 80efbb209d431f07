"""What ``packwitness station status`` says: read from the ledger, so it works whether or not the station
runs.
"""

import shutil

from packwitness.station.app.lock import is_held
from packwitness.station.config import Settings
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.outgoing import Outgoing


def describe(settings: Settings, layout: Layout, outgoing: Outgoing) -> str:
    """Return the station's state as text."""
    free = shutil.disk_usage(layout.root).free
    lines = [
        f"Station   {settings.hub.station_name} of {settings.hub.organisation_name}",
        f"Hub       {settings.hub.url}",
        f"Program   {'running' if is_held(layout) else 'not running'}",
        f"Disk      {free / (1 << 30):.1f} GiB free",
    ]
    for bench in settings.benches:
        counts = outgoing.counts(bench.id)
        said = ", ".join(f"{count} {state}" for state, count in counts.items()) or "no film yet"
        head = outgoing.ledger.head(bench.id).n
        pending, sent = outgoing.pending_parts(bench.id), outgoing.journal_next(bench.id) - 1
        lines.append(f"Bench     {bench.name}: {said}")
        lines.append(f"          {pending} parts wait for the hub; journal at {head}, hub has {sent}")
    for take, reason in outgoing.troubles():
        lines.append(f"Trouble   {take}: {reason}")
    if outgoing.has_trouble():
        lines.append("          When that is mended: packwitness station retry")
    return "\n".join(lines)
