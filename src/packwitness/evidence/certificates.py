"""Who owns a key: certificates, signed by the organisation's key, and the check of one against the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from packwitness.evidence.errors import Malformed
from packwitness.evidence.keys import PublicKey
from packwitness.evidence.record import Identifier, KeyId, Record, Text, Time
from packwitness.evidence.statements import Statement

TYPE: Final = "packwitness/certificate/1"
CERTIFICATE_LIMIT = 1_000
"""Most certificates considered in one check."""

SubjectKind = Literal["organisation", "station", "hub"]


class Organisation(Record):
    """Whose certificate it is, with the name people know."""

    id: Identifier
    name: Text


class Subject(Record):
    """What holds the key."""

    kind: SubjectKind
    id: Identifier
    name: Text


class CertifiedKey(Record):
    """The key itself."""

    alg: Literal["Ed25519"]
    public: Annotated[str, StringConstraints(min_length=43, max_length=43)]


class Certificate(Record):
    """The payload ``packwitness/certificate/1``."""

    type: Literal["packwitness/certificate/1"] = TYPE
    organisation: Organisation
    subject: Subject
    key: CertifiedKey
    valid_from: Time
    valid_until: Time
    issuer: Annotated[KeyId, Field(description="key id of the organisation's key")]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        PublicKey.from_text(self.key.public)
        if self.valid_from >= self.valid_until:
            raise ValueError("valid_from must lie before valid_until")
        if self.subject.kind == "organisation" and self.subject.id != self.organisation.id:
            raise ValueError("an organisation's certificate names another organisation as its subject")
        return self

    @property
    def public(self) -> PublicKey:
        """The certified key."""
        return PublicKey.from_text(self.key.public)

    def covers(self, moment: datetime) -> bool:
        """Say whether ``moment`` lies in the certificate's time."""
        return self.valid_from <= moment < self.valid_until


def certificate(
    *,
    organisation: Organisation,
    subject: Subject,
    key: PublicKey,
    valid_from: datetime,
    valid_until: datetime,
    issuer: PublicKey,
) -> dict[str, Any]:
    """Return a certificate's payload, to be signed by the organisation's key (``issuer``).

    Raises:
        Malformed: a field cannot stand in a certificate.
    """
    fields = {
        "organisation": organisation,
        "subject": subject,
        "key": {"alg": "Ed25519", "public": key.text},
        "valid_from": valid_from,
        "valid_until": valid_until,
        "issuer": issuer.key_id,
    }
    return Certificate.from_payload(fields).payload()


@dataclass(frozen=True)
class Chain:
    """A key's certificate and the organisation's that it was signed with."""

    leaf: Certificate
    root: Certificate


def find_chain(
    certificates: Iterable[Statement],
    *,
    key: str,
    kind: SubjectKind,
    organisation: str,
    moment: datetime,
    root: str | None = None,
) -> Chain:
    """Return the chain that makes the key ``key`` a ``kind`` of ``organisation`` at ``moment``.

    Statements that are no certificates, or concern other keys, are passed over. With ``root``, the
    organisation's key must be the one with this id.

    Raises:
        Malformed: there is none; the message says what is wrong with the nearest one.
    """
    readable = [(one, *read) for one in list(certificates)[:CERTIFICATE_LIMIT] if (read := _read(one))]
    roots = [
        (certificate, public)
        for statement, certificate, public in readable
        if certificate.subject.kind == "organisation"
        and certificate.organisation.id == organisation
        and certificate.issuer == public.key_id
        and statement.verified_by(public)
        and root in (None, public.key_id)
    ]
    complaint = "there is no certificate for this key"
    for statement, leaf, public in readable:
        if public.key_id != key:
            continue
        if leaf.subject.kind != kind:
            complaint = f"the certificate says that this is the key of a {leaf.subject.kind}, not of a {kind}"
        elif leaf.organisation.id != organisation:
            complaint = "the certificate is for another organisation"
        elif not leaf.covers(moment):
            days = f"from {leaf.valid_from:%Y-%m-%d} to {leaf.valid_until:%Y-%m-%d}"
            complaint = f"the certificate is valid {days} only"
        else:
            complaint = "the certificate is not signed by its organisation's key"
            for top, issuer in roots:
                if leaf.issuer == issuer.key_id and statement.verified_by(issuer):
                    if top.covers(moment):
                        return Chain(leaf, top)
                    complaint = "the organisation's own certificate was not valid at that time"
    raise Malformed(complaint)


def _read(statement: Statement) -> tuple[Certificate, PublicKey] | None:
    if statement.type != TYPE:
        return None
    try:
        read = Certificate.from_payload(dict(statement.payload))
    except Malformed:
        return None
    return read, read.public
