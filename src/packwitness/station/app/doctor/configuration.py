"""``station.toml`` and the files beside it: whether they fit together, and who else can read them."""

import stat
from pathlib import Path

from packwitness.evidence.errors import EvidenceError
from packwitness.evidence.keys import SigningKey
from packwitness.station.app.doctor.verdict import Verdict, fail, ok, warn
from packwitness.station.app.from_settings import logics_of
from packwitness.station.cameras.camera import BadAddress
from packwitness.station.cameras.kinds import open_camera
from packwitness.station.config import Settings, SettingsError
from packwitness.station.spool import check
from packwitness.station.spool.layout import Layout
from packwitness.station.spool.ledger import Ledger, LedgerError

SHOWN = 3
"""Findings of the ledger that are printed; `station check` has them all."""


def judge(settings: Settings, layout: Layout) -> list[Verdict]:
    """Say what is wrong with the settings, without trying them."""
    judged: list[Verdict] = []
    try:
        logics_of(settings)
    except SettingsError as error:
        judged.append(fail("configuration", str(error), "See docs/guides/station.md."))
    for camera in settings.cameras:
        try:
            for url in filter(None, (camera.url, camera.look_url)):
                open_camera(url)
        except BadAddress as error:
            judged.append(fail("configuration", error.message, error.advice, subject=f"of {camera.id}"))
    judged += [
        fail("configuration", f"{path} is missing.", "Restore it from a backup, or enrol anew.")
        for path in (layout.token, layout.certificates, layout.key)
        if not path.is_file()
    ]
    secret = [layout.key, layout.token]
    if any("@" in f"{camera.url}{camera.look_url}" for camera in settings.cameras):
        secret.append(layout.settings)
    judged += [
        warn(
            "configuration",
            f"Everybody on this machine can read {path}, which holds a secret.",
            f"chmod 600 {path}",
        )
        for path in secret
        if _open_to_all(path)
    ]
    if not judged:
        count = len(settings.cameras)
        judged.append(ok("configuration", f"{len(settings.benches)} bench(es), {count} camera(s)."))
    return judged


def _open_to_all(path: Path) -> bool:
    """Whether a file can be read by others, and they can get to it."""
    try:
        return all(
            stat.S_IMODE(one.stat().st_mode) & (stat.S_IROTH if one == path else stat.S_IXOTH)
            for one in (path, path.parent)
        )
    except OSError:
        return False


def judge_ledger(settings: Settings, layout: Layout) -> list[Verdict]:
    """Compare the ledger with the disk, as `station check` does without reading the films.

    Raises:
        sqlite3.Error: the ledger's disk refuses.
    """
    try:
        key = SigningKey.load(layout.key.read_bytes()).public.key_id
        ledger = Ledger(layout.ledger)
    except (OSError, ValueError, EvidenceError, LedgerError) as error:
        return [fail("ledger", f"It cannot be opened: {error}", "Keep the folder as it is and ask for help.")]
    try:
        benches = [bench.id for bench in settings.benches]
        found = list(check.examine(ledger, layout, benches=benches, key=key))
    finally:
        ledger.close()
    if not found:
        return [ok("ledger", "It agrees with what lies on the disk.")]
    words = "; ".join(one.words for one in found[:SHOWN])
    more = f" (and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
    advice = "See all: packwitness station check. With no station running --repair mends what can be."
    # Leftovers of a crash harm nothing; what is missing from a film does.
    harmless = all(one.code in ("leftover", "unknown_folder") for one in found)
    return [(warn if harmless else fail)("ledger", f"{words}{more}.", advice, facts={"found": len(found)})]
