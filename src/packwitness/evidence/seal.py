"""Checks of a manifest that need no film: signature, chains, place in the journal, whose key it is."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from packwitness.evidence.certificates import Certificate, Chain, find_chain
from packwitness.evidence.chain import ZERO
from packwitness.evidence.errors import Malformed
from packwitness.evidence.findings import Finding
from packwitness.evidence.journal import Entry, take_id
from packwitness.evidence.keys import PublicKey
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from packwitness.evidence.verdict import IntegrityLine, KeyLine, Note, TimeLine, Verdict


def check_manifest(
    statement: Statement, certificates: Sequence[Statement], trust: str | None, at: datetime
) -> Verdict:
    """Judge a manifest alone, as the hub does when a take is sealed.

    Args:
        statement: the manifest as signed.
        certificates: the station's and the organisation's.
        trust: the key id of the organisation that the reader trusts; None: none is known.
        at: the reader's time.
    """
    try:
        manifest = Manifest.from_payload(dict(statement.payload))
    except Malformed as error:
        return malformed_manifest(statement.digest, str(error))
    findings = []
    if statement.signer(manifest.station.key) is None:
        findings.append(Finding("signature_invalid"))
    findings += _chain_findings(manifest)
    return Verdict(
        take=manifest.take,
        manifest=statement.digest,
        integrity=IntegrityLine(manifest.station.key, tuple(findings)),
        key=_key_line(manifest, certificates, trust, at),
        time=TimeLine(
            trusted=False,
            stated=manifest.stopped_at,
            offset_ms=manifest.clock.offset_ms,
            uncertainty_ms=manifest.clock.uncertainty_ms,
        ),
        notes=tuple(_notes(manifest, certificates, at)),
    )


def malformed_manifest(digest: str, reason: str) -> Verdict:
    """Return the verdict on a manifest that cannot be read: changed, and nothing else can be said."""
    return Verdict(
        take="",
        manifest=digest,
        integrity=IntegrityLine("", (Finding("manifest_malformed", detail=reason),)),
        key=KeyLine("not_checked", reason="the manifest cannot be read"),
        time=TimeLine(trusted=False),
    )


def check_journal(
    manifest: Manifest, digest: str, entries: Sequence[Statement], station: PublicKey
) -> list[Finding]:
    """Compare a manifest with the bench's journal entries from the take's start to its seal.

    Args:
        manifest: the manifest.
        digest: its statement's digest.
        entries: the journal entries, in any order; others may be among them.
        station: the key that signed the manifest.
    """
    read: dict[int, tuple[str, Entry]] = {}
    for statement in entries:
        try:
            entry = Entry.from_payload(dict(statement.payload))
        except Malformed as error:
            return [Finding("journal_mismatch", detail=str(error))]
        if entry.bench != manifest.bench.id or not statement.verified_by(station):
            return [Finding("journal_mismatch", detail=f"entry {entry.n} is not signed by this station")]
        read[entry.n] = (statement.digest, entry)
    first, head = manifest.journal.start, manifest.journal.head
    for number in range(first.n, head.n + 2):
        if number not in read:
            return [Finding("journal_mismatch", detail=f"entry {number} is missing")]
        if number > first.n and read[number][1].previous != read[number - 1][0]:
            return [Finding("journal_mismatch", detail=f"entry {number} does not follow entry {number - 1}")]
    start, seal = read[first.n][1], read[head.n + 1][1]
    complaints = {
        "the take began with another entry": read[first.n][0] == first.digest,
        "the entry that began the take is not of this take": start.kind == "start"
        and start.data.get("take") == manifest.take,
        "the entry before the seal is another one": read[head.n][0] == head.digest,
        "the seal is of another manifest": seal.kind == "seal" and seal.data.get("manifest") == digest,
    }
    wrong = [complaint for complaint, holds in complaints.items() if not holds]
    marks = [entry for _, entry in read.values() if entry.kind == "checkpoint"]
    # Once, not for each mark: an hour's take has hundreds of marks and thousands of heads.
    heads = {camera.id: camera.chain_heads(manifest.take) for camera in manifest.cameras} if marks else {}
    events = manifest.event_heads() if marks else []
    wrong += [
        f"checkpoint {mark.n} says otherwise"
        for mark in sorted(marks, key=lambda one: one.n)
        if mark.data.get("take") == manifest.take and not _checkpoint_holds(heads, events, mark.data)
    ]
    return [Finding("journal_mismatch", detail=complaint) for complaint in wrong]


def _checkpoint_holds(
    heads: Mapping[str, list[str]], event_heads: list[str], data: Mapping[str, Any]
) -> bool:
    """Say whether what a checkpoint recorded while the take ran is the beginning of what was sealed."""
    cameras, events = data.get("cameras"), data.get("events")
    if not isinstance(cameras, dict) or not isinstance(events, dict):
        return False
    marks = [(heads.get(camera, []), mark, "parts") for camera, mark in cameras.items()]
    return all(
        isinstance(mark, dict) and _is_head(chain, mark.get(count), mark.get("chain"))
        for chain, mark, count in [*marks, (event_heads, events, "count")]
    )


def _is_head(chain: list[str], count: object, head: object) -> bool:
    return (
        isinstance(count, int) and 0 <= count <= len(chain) and head == (chain[count - 1] if count else ZERO)
    )


def _chain_findings(manifest: Manifest) -> list[Finding]:
    findings = [
        Finding("chain_mismatch", camera.id)
        for camera in manifest.cameras
        if [ZERO, *camera.chain_heads(manifest.take)][-1] != camera.chain
    ]
    if [ZERO, *manifest.event_heads()][-1] != manifest.events_chain:
        findings.append(Finding("event_chain_mismatch"))
    start, head = manifest.journal.start, manifest.journal.head
    if manifest.take != take_id(manifest.bench.id, start.n):
        findings.append(Finding("journal_mismatch", detail="the take is not named after its first entry"))
    elif head.n < start.n or (head.n == start.n) != (head.digest == start.digest):
        findings.append(Finding("journal_mismatch", detail="its last entry does not follow its first"))
    return findings


def _key_line(
    manifest: Manifest, certificates: Sequence[Statement], trust: str | None, at: datetime
) -> KeyLine:
    if trust is None and not certificates:
        return KeyLine("not_checked", reason="no certificate came with it")
    try:
        chain = _chain(manifest, certificates, trust)
    except Malformed as error:
        return KeyLine("foreign", reason=str(error))
    name, fingerprint = chain.root.organisation.name, chain.root.public.key_id
    if chain.leaf.subject.id != manifest.station.id:
        return KeyLine("foreign", name, fingerprint, "the certificate is for another station")
    if max(chain.leaf.valid_from, chain.root.valid_from) > at:
        return KeyLine("foreign", name, fingerprint, "the certificate is not valid yet")
    if trust is None:
        return KeyLine("not_checked", name, fingerprint, "no trusted fingerprint was given")
    if trust != fingerprint:
        return KeyLine("foreign", name, fingerprint, "the organisation's key is not the trusted one")
    return KeyLine("trusted", name, fingerprint)


def _chain(manifest: Manifest, certificates: Sequence[Statement], trust: str | None) -> Chain:
    """Return the chain to the trusted key if there is one, else any that holds."""
    for root in (trust, None):
        try:
            return find_chain(
                certificates,
                key=manifest.station.key,
                kind="station",
                organisation=manifest.organisation.id,
                moment=manifest.stopped_at,
                root=root,
            )
        except Malformed:
            if root is None:
                raise
    raise AssertionError("unreachable: the last root is None")


def _notes(manifest: Manifest, certificates: Sequence[Statement], at: datetime) -> list[Note]:
    notes: list[Note] = []
    if not any(statement.type == Certificate.model_fields["type"].default for statement in certificates):
        notes.append(Note("no_certificates"))
    if manifest.clock.measured_at is None:
        notes.append(Note("clock_not_measured"))
    if manifest.stopped_at > at:
        notes.append(Note("sealed_in_future"))
    if manifest.outcome != "completed":
        notes.append(Note("interrupted", detail=manifest.outcome))
    for camera in manifest.cameras:
        if camera.gaps:
            lost = sum(gap.duration_ms for gap in camera.gaps)
            notes.append(Note("gaps", camera.id, f"{len(camera.gaps)}, {lost} ms"))
        if camera.dropped_packets:
            notes.append(Note("dropped_packets", camera.id, str(camera.dropped_packets)))
        if camera.lost_packets:
            notes.append(Note("lost_packets", camera.id, str(camera.lost_packets)))
        if camera.stalls:
            notes.append(Note("stalls", camera.id, str(camera.stalls)))
    seen = manifest.legibility
    if seen is not None and seen.looks and not seen.readable:
        notes.append(Note("label_unreadable", seen.camera, str(seen.looks)))
    return notes
