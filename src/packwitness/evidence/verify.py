"""The whole check of a bundle: manifest, films, receipt, log, time stamps, disclosures, journal.

Nothing here trusts the bundle: each file is read under a limit, and what cannot be read becomes a finding.
Only a bundle without a manifest is no evidence at all.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cryptography.x509 import Certificate as AuthorityCertificate

from packwitness.evidence.bundle import COMPANIONS, MANIFEST, Bundle
from packwitness.evidence.canonical import JSON_LIMIT
from packwitness.evidence.certificates import CERTIFICATE_LIMIT
from packwitness.evidence.companions import Reading, check_disclosures, check_log, check_receipt, check_time
from packwitness.evidence.credentials import without_credentials
from packwitness.evidence.errors import Malformed, NotABundle
from packwitness.evidence.film import StoredCamera, check_film, compare_stored
from packwitness.evidence.findings import FINDINGS_LIMIT, Finding, join_runs
from packwitness.evidence.folder import check_parts, match_camera
from packwitness.evidence.manifest import Camera, Manifest
from packwitness.evidence.seal import check_journal, check_manifest, malformed_manifest
from packwitness.evidence.statements import Statement
from packwitness.evidence.verdict import Note, Verdict

__all__ = [
    "StoredCamera",
    "check_film",
    "check_journal",
    "check_manifest",
    "compare_stored",
    "verify",
]

_KNOWN = (MANIFEST, *COMPANIONS, "README.txt", "what-this-does-not-show.txt")
_KNOWN_FOLDERS = ("time/", "captions/")


def verify(
    bundle: Bundle,
    trust: str | None,
    at: datetime,
    *,
    authorities: Sequence[AuthorityCertificate] = (),
    certificates: Sequence[Statement] = (),
) -> Verdict:
    """Judge a bundle, a take's folder, or a lone film with its manifest.

    Args:
        bundle: what ``open_bundle`` gave.
        trust: the key id of the organisation that the reader trusts; None: none is known.
        at: the reader's time.
        authorities: roots of the time-stamp authorities that the reader trusts.
        certificates: certificates that the reader has from elsewhere.

    Raises:
        NotABundle: there is no manifest.
    """
    if MANIFEST not in bundle:
        raise NotABundle(f"there is no {MANIFEST}")
    try:
        statement = Statement.from_json(bundle.read(MANIFEST, JSON_LIMIT))
    except Malformed as error:
        return malformed_manifest("", str(error))
    reading = Reading(bundle, statement.digest)
    known = [
        *reading.statements("certificates.json", CERTIFICATE_LIMIT, "certificate_invalid"),
        *certificates,
    ]
    verdict = check_manifest(statement, known, trust, at)
    if any(finding.code == "manifest_malformed" for finding in verdict.integrity.findings):
        return verdict
    manifest = Manifest.from_payload(dict(statement.payload))
    films = _check_films(reading, manifest)
    receipt = check_receipt(reading, manifest, known, verdict.key.fingerprint)
    logged = check_log(reading, manifest, known, verdict.key.fingerprint, receipt)
    time = check_time(reading, logged, verdict.time, authorities, at)
    disclosed = check_disclosures(reading, manifest)
    if "journal.json" in bundle:
        station = statement.signer(manifest.station.key)
        entries = reading.statements("journal.json", JSON_LIMIT, "journal_mismatch")
        if station and not any(one.code == "journal_mismatch" for one in reading.findings):
            reading.findings += check_journal(manifest, statement.digest, entries, station)
    if time.trusted and time.moment and manifest.stopped_at > time.moment:
        reading.notes.append(Note("sealed_after_stamp"))
    return replace(
        verdict.with_findings(*reading.findings),
        time=time,
        films_checked=tuple(films),
        disclosed=tuple(disclosed),
        notes=(*verdict.notes, *reading.notes),
    )


def _check_films(reading: Reading, manifest: Manifest) -> list[str]:
    """Check every film or folder of parts; return the cameras that were looked at."""
    bundle, checked = reading.bundle, list[str]()
    films = {camera.id: f"films/{camera.id}.mp4" for camera in manifest.cameras}
    if bundle.loose_film:
        with bundle.open(bundle.loose_film) as stream:
            film, _ = without_credentials(stream, {camera.film_size for camera in manifest.cameras})
            films = {match_camera(manifest, film).id: bundle.loose_film}
    for camera in manifest.cameras:
        name, parts = films.get(camera.id, ""), bundle.names(f"parts/{camera.id}/")
        # Where there are both, either may be what a reader watches.
        if name in bundle:
            reading.findings += _check_one(reading, camera, name)
        if parts:
            reading.findings += join_runs(check_parts(camera, bundle))[:FINDINGS_LIMIT]
        if name in bundle or parts:
            checked.append(camera.id)
        elif not camera.parts:
            continue
        elif bundle.loose_film:
            reading.notes.append(Note("film_not_checked", camera.id))
        else:
            reading.findings.append(Finding("camera_missing", camera.id))
    _name_strangers(reading, manifest)
    return checked


def _name_strangers(reading: Reading, manifest: Manifest) -> None:
    """Find what lies among the films and is none of the take's; note what else nobody sealed."""
    names, ids = reading.bundle.names(), [camera.id for camera in manifest.cameras]
    films = {f"films/{camera}.mp4" for camera in ids}
    folders = tuple(f"parts/{camera}/" for camera in ids)
    among = [name for name in names if name.startswith(("films/", "parts/"))]
    strangers = [name for name in among if name not in films and not name.startswith(folders)]
    for camera in sorted({name.split("/")[1].removesuffix(".mp4") for name in strangers})[:FINDINGS_LIMIT]:
        detail = "not of this take" if camera in ids else "no such camera filmed this take"
        reading.findings.append(Finding("film_extra_bytes", camera, detail=detail))
    covered = {*_KNOWN, *(name for name in among if name.endswith((".mp4", ".m4s")))}
    others = [name for name in names if name not in covered and not name.startswith(_KNOWN_FOLDERS)]
    if others and not reading.bundle.loose_film:
        detail = ", ".join(others[:5]) + (f", … ({len(others)})" if len(others) > 5 else "")
        reading.notes.append(Note("not_covered", detail=detail))


def _check_one(reading: Reading, camera: Camera, name: str) -> list[Finding]:
    with reading.bundle.open(name) as stream:
        film, aside = without_credentials(stream, {camera.film_size})
        if aside:
            reading.notes.append(Note("credentials_left_aside", camera.id, f"{aside} bytes"))
        return check_film(camera, film)
