"""What travels beside a manifest: receipt, log proof, time stamps, disclosures.

Each may be missing, which weakens a line of the verdict and is noted; none may be wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.x509 import Certificate as AuthorityCertificate

from packwitness.evidence.bundle import Bundle
from packwitness.evidence.canonical import JSON_LIMIT, parse
from packwitness.evidence.certificates import Certificate, find_chain
from packwitness.evidence.checkpoints import LogProof, checkpoint_signed_by, note_text, read_checkpoint
from packwitness.evidence.commitments import Disclosure
from packwitness.evidence.errors import Malformed
from packwitness.evidence.findings import Finding, FindingCode
from packwitness.evidence.keys import PublicKey
from packwitness.evidence.manifest import Manifest
from packwitness.evidence.receipts import Receipt
from packwitness.evidence.statements import Statement
from packwitness.evidence.timestamps import TOKEN_LIMIT, TimeVerdict, check, load_certificates
from packwitness.evidence.verdict import Note, TimeLine

SMALL_LIMIT = 1 << 20
"""Largest receipt, log proof or chain of an authority, in bytes."""
DISCLOSURE_LIMIT = 10_000
TOKEN_COUNT_LIMIT = 16


@dataclass
class Reading:
    """A bundle being read: what was found wrong so far, and what there is to note."""

    bundle: Bundle
    digest: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def statements(self, name: str, limit: int, code: FindingCode) -> list[Statement]:
        """Return the list of statements in a file; none if it is not there or cannot be read."""
        if name not in self.bundle:
            return []
        try:
            value = parse(self.bundle.read(name, JSON_LIMIT))
            if not isinstance(value, list) or len(value) > limit:
                raise Malformed(f"{name} is no list of at most {limit} statements")
            return [Statement.from_value(one) for one in value]
        except Malformed as error:
            self.findings.append(Finding(code, detail=str(error)))
            return []


def check_receipt(
    reading: Reading, manifest: Manifest, certificates: Sequence[Statement], root: str
) -> Receipt | None:
    """Check ``receipt.json``: for this manifest, and signed by a hub that the organisation certified."""
    if "receipt.json" not in reading.bundle:
        reading.notes.append(Note("no_receipt"))
        return None
    try:
        statement = Statement.from_json(reading.bundle.read("receipt.json", SMALL_LIMIT))
        receipt = Receipt.from_payload(dict(statement.payload))
        subject = (receipt.manifest, receipt.take, receipt.organisation)
        if subject != (reading.digest, manifest.take, manifest.organisation):
            raise Malformed("it is for another take")
        signers = [one.public for one in statement.signatures if statement.verified_by(one.public)]
        if not signers:
            raise Malformed("its signature does not hold")
        hubs = hub_keys(manifest, certificates, root, receipt.received_at)
        if not hubs:
            reading.notes.append(Note("receipt_key_unknown"))
        elif not set(signers) & set(hubs):
            raise Malformed("it is not signed by the organisation's hub")
    except Malformed as error:
        reading.findings.append(Finding("receipt_invalid", detail=str(error)))
        return None
    return receipt


def check_log(
    reading: Reading,
    manifest: Manifest,
    certificates: Sequence[Statement],
    root: str,
    receipt: Receipt | None,
) -> LogProof | None:
    """Check ``log.json``: the manifest's digest lies in the log whose checkpoint the hub signed.

    The proof is returned if it leads to the checkpoint, whoever signed that: for a time stamp this is enough.
    """
    if "log.json" not in reading.bundle:
        reading.notes.append(Note("no_log"))
        return None
    try:
        proof = LogProof.from_payload(parse(reading.bundle.read("log.json", SMALL_LIMIT)))
        checkpoint = read_checkpoint(proof.checkpoint)
        if not proof.includes(reading.digest):
            raise Malformed("the proof does not lead from this manifest to the checkpoint")
        if receipt and (receipt.log.origin, receipt.log.index) != (checkpoint.origin, proof.index):
            raise Malformed("the receipt names another place in the log")
    except Malformed as error:
        reading.findings.append(Finding("log_proof_invalid", detail=str(error)))
        return None
    hubs = hub_keys(manifest, certificates, root, receipt.received_at if receipt else manifest.stopped_at)
    if not hubs:
        reading.notes.append(Note("log_key_unknown"))
    elif not any(checkpoint_signed_by(proof.checkpoint, key) for key in hubs):
        reading.findings.append(Finding("checkpoint_invalid"))
    return proof


def hub_keys(
    manifest: Manifest, certificates: Sequence[Statement], root: str, moment: datetime
) -> list[PublicKey]:
    """Return the keys certified as the hub's by the very key (id ``root``) that certified the station."""
    keys: list[PublicKey] = []
    for statement in certificates:
        try:
            public = Certificate.from_payload(dict(statement.payload)).public
            find_chain(
                certificates,
                key=public.key_id,
                kind="hub",
                organisation=manifest.organisation.id,
                moment=moment,
                root=root,
            )
        except Malformed:
            continue
        keys.append(public)
    return keys


def check_time(
    reading: Reading,
    proof: LogProof | None,
    stated: TimeLine,
    authorities: Sequence[AuthorityCertificate],
    at: datetime,
) -> TimeLine:
    """Check ``time/<n>.tsr`` against the checkpoint; return the time line of the earliest trusted stamp."""
    names = [name for name in reading.bundle.names("time/") if name.endswith(".tsr")][:TOKEN_COUNT_LIMIT]
    if not names or proof is None:
        reading.notes.append(Note("no_time_stamp"))
        return stated
    stamps: list[TimeVerdict] = []
    for name in names:
        try:
            stamps.append(_stamp(reading.bundle, name, note_text(proof.checkpoint), authorities, at))
        except Malformed as error:
            reading.findings.append(Finding("token_invalid", detail=f"{name}: {error}"))
    if not stamps:
        return stated
    best = min(stamps, key=lambda stamp: (not stamp.trusted, stamp.moment))
    if not best.trusted:
        reading.notes.append(Note("time_stamp_untrusted", detail=f"{best.authority}: {best.reason}"))
    return replace(
        stated, trusted=best.trusted, moment=best.moment, authority=best.authority, reason=best.reason
    )


def _stamp(
    bundle: Bundle, name: str, message: bytes, authorities: Sequence[AuthorityCertificate], at: datetime
) -> TimeVerdict:
    chain_name = name.removesuffix(".tsr") + ".pem"
    chain = load_certificates(bundle.read(chain_name, SMALL_LIMIT)) if chain_name in bundle else []
    return check(bundle.read(name, TOKEN_LIMIT), message, roots=authorities, chain=chain, at=at)


def check_disclosures(reading: Reading, manifest: Manifest) -> list[tuple[str, str]]:
    """Check ``disclosures.json``; return what is shown with proof: kind (or the event's field) and value."""
    if "disclosures.json" not in reading.bundle:
        return []
    places = dict(_commitments(manifest))
    shown: list[tuple[str, str]] = []
    try:
        value = parse(reading.bundle.read("disclosures.json", JSON_LIMIT))
        if not isinstance(value, list) or len(value) > DISCLOSURE_LIMIT:
            raise Malformed(f"disclosures.json is no list of at most {DISCLOSURE_LIMIT}")
        for disclosure in map(Disclosure.from_value, value):
            if not disclosure.holds() or disclosure.commitment not in places:
                raise Malformed(f"{disclosure.value!r} was not sealed with this take")
            shown.append((places[disclosure.commitment], disclosure.value))
    except Malformed as error:
        reading.findings.append(Finding("disclosure_mismatch", detail=str(error)))
        return []
    return shown


def _commitments(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Return every commitment in a manifest, with what it commits to."""
    for event in manifest.events:
        yield from _commitments_in(event.data, event.kind)
    if manifest.subject:
        yield manifest.subject.commitment, manifest.subject.kind


def _commitments_in(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if set(value) == {"commitment"} and isinstance(value["commitment"], str):
            yield value["commitment"], name
        for key, item in value.items():
            yield from _commitments_in(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _commitments_in(item, name)
