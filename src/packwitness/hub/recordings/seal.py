"""Sealing a take: the check a court would make, against what is durable here, and the receipt.

1. Read and check the manifest: signature, chains, the station's key, this take's ids, the stored journal.
2. Compare it with the names of the objects in the vault; their digests were checked when they were put.
3. Put the manifest into the vault.
4. In one transaction: the row, its span and recording, the disclosures, the log entry and receipt, the event,
the task
   that joins the film.

A crash before 4 leaves a take that is still recording and a manifest that the same call finds again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from django.db import transaction

from packwitness.evidence.commitments import Disclosure as Opened
from packwitness.evidence.errors import EvidenceError, Malformed
from packwitness.evidence.findings import Finding
from packwitness.evidence.manifest import Camera, Legibility, Manifest
from packwitness.evidence.statements import Statement
from packwitness.evidence.verdict import Verdict
from packwitness.evidence.verify import StoredCamera, check_manifest, compare_stored
from packwitness.hub.notary import operations as notary
from packwitness.hub.notary import queries as certified
from packwitness.hub.orders.codes import code_key
from packwitness.hub.outbox import operations as outbox
from packwitness.hub.recordings import filing, joining, losses, names, stored
from packwitness.hub.recordings.layout import of_manifest
from packwitness.hub.recordings.models import Disclosure, Take, TakeState
from packwitness.hub.recordings.operations import IngestError, TakeDiffers, station_take
from packwitness.hub.scope.scope import Scope
from packwitness.hub.stations.models import JournalEntry, Station
from packwitness.hub.vault.interface import VaultConflict
from packwitness.hub.vault.store import vault
from packwitness.protocol import Disclosed, MissingPart, TakeSealed

log = structlog.get_logger(__name__)

MISSING_LIMIT: Final = 1_000
"""Most missing parts named in one answer."""


class ManifestInvalid(IngestError):
    """The manifest does not hold; ``findings`` says where."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{one.code} {one.detail}".strip() for one in findings[:5]))
        self.findings = list(findings)


class PartsMissing(IngestError):
    """What the manifest names is not all here; the same call succeeds once ``missing`` has been sent."""

    def __init__(self, missing: Sequence[MissingPart]) -> None:
        super().__init__(f"{len(missing)} parts are missing.")
        self.missing = list(missing[:MISSING_LIMIT])


def seal_take(*, scope: Scope, station: Station, take: str, sealed: TakeSealed, at: datetime) -> Statement:
    """Seal a take and return the receipt. The same manifest again returns the same receipt.

    Raises:
        TakeUnknown: this station has no such take.
        TakeDiffers: the take is sealed with another manifest.
        ManifestInvalid: the manifest or a disclosure does not hold.
        PartsMissing: parts or inits have yet to be sent.
    """
    row = station_take(scope=scope, station=station, take=take)
    try:
        statement = Statement.from_value(sealed.manifest)
    except EvidenceError as error:
        raise ManifestInvalid([Finding("manifest_malformed", detail=str(error)[:300])]) from error
    if row.state != TakeState.RECORDING:
        return _receipt_again(row, statement)
    verdict, manifest = _check(row, station, statement, at)
    opened = _opened(row, manifest, sealed.disclosures)
    extra = _compare(row, manifest)
    if extra:
        log.warning("parts_not_sealed", take=row.id, parts=extra[:20])
    key = names.manifest_key(organisation_id=row.organisation_id, take=row.id)
    data = statement.to_json()
    try:
        vault().put(key, data, sha256=joining.sha256(data))
    except VaultConflict as error:
        raise TakeDiffers(f"Take {take} was sent with another manifest before.") from error
    with transaction.atomic():
        row = Take.objects.select_for_update().get(pk=row.pk)
        if row.state != TakeState.RECORDING:
            return _receipt_again(row, statement)
        row.verdict = {**verdict.to_value(), "parts_not_sealed": len(extra)}
        return _store(scope, row, statement, manifest, opened, at)


def _receipt_again(row: Take, statement: Statement) -> Statement:
    if row.manifest_digest != statement.digest or row.receipt is None:
        raise TakeDiffers(f"Take {row.id} is sealed with another manifest.")
    return Statement.from_value(row.receipt)


def _check(row: Take, station: Station, statement: Statement, at: datetime) -> tuple[Verdict, Manifest]:
    """Return the verdict on the manifest alone, or refuse it."""
    certificates = certified.certificates(
        organisation_id=row.organisation_id, station_certificate=station.certificate
    )
    trust = certified.organisation_fingerprint(organisation_id=row.organisation_id)
    verdict = check_manifest(statement, certificates, trust, at)
    findings = list(verdict.integrity.findings)
    if any(finding.code == "manifest_malformed" for finding in findings):
        raise ManifestInvalid(findings)
    if verdict.key.state != "trusted":
        findings.append(Finding("certificate_invalid", detail=verdict.key.reason))
    manifest = Manifest.from_payload(dict(statement.payload))
    findings += [
        Finding("manifest_malformed", detail=f"it names another {what}") for what in _strange(row, manifest)
    ]
    findings += _against_journal(row, manifest)
    if findings:
        raise ManifestInvalid(findings)
    return verdict, manifest


def _strange(row: Take, manifest: Manifest) -> list[str]:
    """Return which of the manifest's ids are not this take's."""
    pairs = {
        "take": (manifest.take, row.id),
        "organisation": (manifest.organisation.id, row.organisation_id),
        "bench": (manifest.bench.id, row.bench_id),
        "station": (manifest.station.id, row.bench.station_id),
        "start entry": (manifest.journal.start.digest, row.start_digest),
        "kind": (manifest.kind, row.kind),
    }
    return [what for what, (said, known) in pairs.items() if said != known]


def _against_journal(row: Take, manifest: Manifest) -> list[Finding]:
    """Compare the manifest's journal position with the entries that are stored; the rest may still be on its
    way.
    """
    points = (manifest.journal.start, manifest.journal.head)
    known = dict(
        JournalEntry.objects.filter(bench=row.bench_id, n__in=[point.n for point in points]).values_list(
            "n", "digest"
        )
    )
    return [
        Finding("journal_mismatch", detail=f"entry {point.n} is stored here with another digest")
        for point in points
        if known.get(point.n, point.digest) != point.digest
    ]


def _opened(row: Take, manifest: Manifest, disclosed: Sequence[Disclosed]) -> list[Opened]:
    """Return the disclosures, each checked to open a commitment of the manifest."""
    committed = set(_commitments(manifest.model_dump(mode="json")))
    opened: dict[str, Opened] = {}
    for one in disclosed:
        try:
            disclosure = Opened.from_value(one.model_dump())
        except Malformed as error:
            raise ManifestInvalid([Finding("disclosure_mismatch", detail=str(error))]) from error
        if not disclosure.holds() or disclosure.commitment not in committed:
            raise ManifestInvalid(
                [Finding("disclosure_mismatch", detail="a value was not sealed with this take")]
            )
        opened[disclosure.commitment] = disclosure
    subject = opened.get(manifest.subject.commitment) if manifest.subject else None
    if subject is not None and code_key(subject.value) != row.code_key:
        raise ManifestInvalid(
            [Finding("disclosure_mismatch", detail="the take was announced under another code")]
        )
    return list(opened.values())


def _commitments(value: Any) -> list[str]:
    """Return every commitment in a manifest."""
    if isinstance(value, dict):
        own = [value["commitment"]] if isinstance(value.get("commitment"), str) else []
        return own + [found for item in value.values() for found in _commitments(item)]
    if isinstance(value, list):
        return [found for item in value for found in _commitments(item)]
    return []


def _compare(row: Take, manifest: Manifest) -> list[str]:
    """Return the names of parts that were sent and not sealed, or say what is missing.

    What was not sealed is no part of the film; it stays in the vault, and a person is told.
    """
    missing: list[MissingPart] = []
    extra: list[str] = []
    for camera in manifest.cameras:
        layout = of_manifest(camera)
        inits, parts = stored.arrived(row, camera.id)
        listed = set(layout.parts)
        held = StoredCamera(
            {one.number: one.sha256 for one in inits if one in layout.inits},
            {one.number: one.sha256 for one in parts if one in listed},
        )
        missing += _missing(camera, held)
        extra += [f"{camera.id}/{one.number}" for one in parts if one not in listed]
    if missing:
        raise PartsMissing(missing)
    return extra


def _missing(camera: Camera, held: StoredCamera) -> list[MissingPart]:
    return [
        MissingPart(camera=camera.id, init=one.init, part=one.part if one.init is None else None)
        for one in compare_stored(camera, held)
        if one.code in ("init_missing", "part_missing")
    ]


def _store(
    scope: Scope,
    row: Take,
    statement: Statement,
    manifest: Manifest,
    opened: Sequence[Opened],
    at: datetime,
) -> Statement:
    """Write everything that a seal changes; to be called with the take's row locked."""
    receipt = notary.give_receipt(
        organisation_id=row.organisation_id, take=row.id, manifest_digest=statement.digest, at=at
    )
    row.state, row.outcome, row.sealed_at = TakeState.SEALED, manifest.outcome, at
    row.started_at, row.film_from = manifest.started_at, manifest.film_from
    row.stopped_at, row.film_until = manifest.stopped_at, manifest.film_until
    row.cameras = [_facts(camera, manifest.legibility) for camera in manifest.cameras]
    row.events = [event.payload() for event in manifest.events]
    row.manifest_digest, row.receipt = statement.digest, receipt.to_value()
    row.save()
    Disclosure.objects.bulk_create(
        Disclosure(
            organisation_id=row.organisation_id,
            created_at=at,
            take=row,
            commitment=one.commitment,
            salt=one.to_value()["salt"],
            value=one.value,
        )
        for one in opened
    )
    end_ms = max((of_manifest(camera).end_ms for camera in manifest.cameras), default=0)
    end_ms = max(end_ms, row.duration_ms or 0)
    recording = filing.settle_take(scope=scope, take=row, end_ms=end_ms)
    outbox.emit(
        organisation_id=row.organisation_id,
        name="take.sealed",
        subject=f"take:{row.id}",
        body={"take": row.id, "recording": recording.id if recording else None, "outcome": row.outcome},
        at=at,
    )
    joining.ask(take=row.id)
    return receipt


def _facts(camera: Camera, seen: Legibility | None) -> dict[str, Any]:
    """Return what the hub's pages say of a camera."""
    layout = of_manifest(camera)
    longest = sorted(camera.gaps, key=lambda gap: -gap.duration_ms)[: losses.LISTED]
    return {
        "id": camera.id,
        "name": camera.name,
        "codec": camera.codec,
        "width": camera.width,
        "height": camera.height,
        "timescale": camera.timescale,
        "offset_ms": camera.offset_ms,
        "size": camera.film_size,
        "parts": len(camera.parts),
        "inits": len(camera.inits),
        "duration_ms": max(0, layout.end_ms - camera.offset_ms),
        "gaps": len(camera.gaps),
        "gap_list": [gap.payload() for gap in sorted(longest, key=lambda gap: gap.at_ms)],
        "drift_ppm": camera.timing.drift_ppm,
        "legibility": seen.payload() if seen and seen.camera == camera.id else None,
        "dropped_packets": camera.dropped_packets,
        "lost_packets": camera.lost_packets,
        "stalls": camera.stalls,
        "reconnects": camera.reconnects,
    }
