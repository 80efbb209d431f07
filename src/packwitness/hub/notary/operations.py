"""What the notary signs: certificates and receipts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from packwitness.evidence import certificates, receipts, renditions
from packwitness.evidence.certificates import Organisation, Subject, SubjectKind
from packwitness.evidence.keys import PublicKey, SigningKey
from packwitness.evidence.statements import Statement, sign
from packwitness.hub.notary import checkpoints, keys, log
from packwitness.hub.notary.models import Certificate

ROOT_LIFE: Final = timedelta(days=30 * 365)
LIFE: Final = timedelta(days=20 * 365)
BACKDATED: Final = timedelta(days=1)
"""A certificate is valid from a day before, since a station's clock may be behind the hub's."""


def certify_station(
    *,
    organisation_id: str,
    organisation_name: str,
    station_id: str,
    station_name: str,
    public_key: bytes,
    at: datetime,
) -> Statement:
    """Return the organisation's certificate for a station's key (32 raw bytes); the same key gets the same
    one.

    The organisation's own key and certificate, and the hub's certificate, are made on the way.

    Raises:
        Malformed: the key is not one.
        KeyLost: the organisation's key is no longer in the keys folder.
    """
    with transaction.atomic():
        issuer = _issuer(Organisation(id=organisation_id, name=organisation_name), at)
        return _certify(issuer, "station", station_id, station_name, PublicKey(public_key), at)


def ensure_certified(*, organisation_id: str, organisation_name: str, at: datetime) -> None:
    """See that the organisation has its key and its certificate, and the hub its certificate by it."""
    with transaction.atomic():
        _issuer(Organisation(id=organisation_id, name=organisation_name), at)


def give_receipt(*, organisation_id: str, take: str, manifest_digest: str, at: datetime) -> Statement:
    """Append a manifest's digest to the log and return the receipt, signed by the hub's key.

    To be called in the transaction that makes the take sealed, once every part of it is durable.

    Raises:
        NotInTransaction: there is no transaction around the call.
        KeyLost: the hub's key is no longer in the keys folder.
    """
    the_log = log.locked()
    index = log.append(the_log, manifest=manifest_digest, at=at)
    checkpoints.ask_for_one(the_log, at=at)
    payload = receipts.receipt(
        take=take,
        organisation=organisation_id,
        manifest=manifest_digest,
        received_at=at,
        origin=the_log.origin,
        index=index,
    )
    return sign(payload, log.signer(the_log))


def state_rendition(*, organisation_id: str, fields: Mapping[str, Any], at: datetime) -> Statement:
    """Return the hub's statement of what a converted copy was made of (docs/design/evidence.md, "Rendition").

    Args:
        organisation_id: whose film it is.
        fields: the payload's other fields.
        at: when the copy was made.

    Raises:
        Malformed: the fields do not make such a statement.
        KeyLost: the hub's key is no longer in the keys folder.
    """
    with transaction.atomic():
        key = log.signer(log.locked())
    given = {"organisation": {"id": organisation_id}, "made_at": at, "made_by": key.public.key_id}
    return sign(renditions.rendition({**fields, **given}), key)


class _Issuer:
    """An organisation with its key at hand."""

    def __init__(self, organisation: Organisation, key: SigningKey) -> None:
        self.organisation = organisation
        self.key = key


def _issuer(organisation: Organisation, at: datetime) -> _Issuer:
    """Return the organisation ready to sign; on its first call its key, its certificate and the hub's are
    made.

    The log's lock keeps two first calls apart.
    """
    the_log = log.locked()
    root = Certificate.objects.filter(organisation_id=organisation.id, subject_kind="organisation").first()
    key = keys.organisation_key(organisation_id=organisation.id, known=root.key_id if root else "")
    issuer = _Issuer(organisation, key)
    if root is None:
        _certify(issuer, "organisation", organisation.id, organisation.name, key.public, at)
        _certify(issuer, "hub", "hub", the_log.origin, log.signer(the_log).public, at)
    return issuer


def _certify(
    issuer: _Issuer, kind: SubjectKind, subject_id: str, name: str, public: PublicKey, at: datetime
) -> Statement:
    known = Certificate.objects.filter(
        organisation_id=issuer.organisation.id, key_id=public.key_id, subject_kind=kind
    ).first()
    if known is not None and known.subject_id == subject_id:
        return Statement.from_value(known.statement)
    payload = certificates.certificate(
        organisation=issuer.organisation,
        subject=Subject(kind=kind, id=subject_id, name=name),
        key=public,
        valid_from=at - BACKDATED,
        valid_until=at + (ROOT_LIFE if kind == "organisation" else LIFE),
        issuer=issuer.key.public,
    )
    statement = sign(payload, issuer.key)
    Certificate.objects.create(
        organisation_id=issuer.organisation.id,
        created_at=at,
        subject_kind=kind,
        subject_id=subject_id,
        key_id=public.key_id,
        statement=statement.to_value(),
    )
    return statement
