"""RFC 3161 time stamps: whether a token covers a message, and which authority says so.

The certificates that travel with a token are the sender's choice. They may complete a path to a root that the
reader brought, and never stand for one: ``rfc3161_client`` puts every certificate it is given into one
trusted store, so only those that a root has (directly or not) issued are handed on as intermediates.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from packwitness.evidence.errors import Malformed

TOKEN_LIMIT = 64 << 10
"""Largest token, in bytes."""
CHAIN_LIMIT = 10
"""Most certificates that travel with a token."""

_HASHES = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_INCOMPLETE = "certificate verify error"
"""How OpenSSL says that no path leads to a root, which is found before a signature is looked at."""


@dataclass(frozen=True)
class TimeVerdict:
    """The message existed at ``moment``, says ``authority``; ``reason`` tells why that is not trusted."""

    moment: datetime
    authority: str
    trusted: bool
    reason: str = ""


def load_certificates(pem: bytes) -> list[x509.Certificate]:
    """Read a PEM file's X.509 certificates.

    Raises:
        Malformed: there is none, or one cannot be read.
    """
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise Malformed("this file holds no readable PEM certificates") from error


def check(
    token: bytes,
    message: bytes,
    *,
    roots: Sequence[x509.Certificate],
    chain: Sequence[x509.Certificate] = (),
    at: datetime,
) -> TimeVerdict:
    """Check a DER time-stamp response against the message it should cover.

    Args:
        token: the authority's whole response.
        message: the bytes that were stamped (not their hash).
        roots: authorities that the reader trusts; may be empty.
        chain: certificates that travelled with the token.
        at: the reader's time.

    Raises:
        Malformed: the token is damaged or covers other bytes. Where no path leads from the signer to any
            root, damage to the signature alone cannot be told, and the verdict is merely not trusted.
    """
    if len(token) > TOKEN_LIMIT or len(chain) > CHAIN_LIMIT:
        raise Malformed("this time stamp is larger than any authority makes them")
    try:
        response = decode_timestamp_response(token)
        moment = response.tst_info.gen_time
        travelled = [*chain, *map(x509.load_der_x509_certificate, response.signed_data.certificates)]
        signer = _signer(response, [*travelled, *roots])
    except ValueError as error:
        raise Malformed(f"this is no readable time stamp: {error}") from error
    authority = _name(signer)
    issued = _issued(roots, travelled)
    if signer in [*roots, *issued] and not _complaint(response, message, signer, roots, issued):
        if moment > at:
            return TimeVerdict(moment, authority, trusted=False, reason="the time stamp lies in the future")
        return TimeVerdict(moment, authority, trusted=True)
    own_roots = [one for one in [*travelled, *roots] if one.issuer == one.subject]
    complaint = _complaint(response, message, signer, own_roots, travelled)
    if complaint and _INCOMPLETE not in complaint:
        raise Malformed(complaint)
    reason = "this authority is not among the trusted ones" if roots else "no authority was named as trusted"
    return TimeVerdict(moment, authority, trusted=False, reason=reason)


def _complaint(
    response: TimeStampResponse,
    message: bytes,
    signer: x509.Certificate,
    roots: Sequence[x509.Certificate],
    intermediates: Sequence[x509.Certificate],
) -> str:
    """Return why the token does not hold under these roots, or an empty text."""
    if response.tst_info.message_imprint.message != _imprint(response, message):
        return "the time stamp covers other bytes"
    if not roots:
        return _INCOMPLETE
    builder = VerifierBuilder(tsa_certificate=signer, roots=list(roots), intermediates=list(intermediates))
    try:
        builder.build().verify_message(response, message)
    except (VerificationError, ValueError) as error:
        return f"the time stamp's signature does not hold: {error}"
    return ""


def _imprint(response: TimeStampResponse, message: bytes) -> bytes:
    name = _HASHES.get(response.tst_info.message_imprint.hash_algorithm.dotted_string)
    return hashlib.new(name, message).digest() if name else b""


def _signer(response: TimeStampResponse, candidates: Sequence[x509.Certificate]) -> x509.Certificate:
    signers = list(response.signed_data.signer_infos)
    if len(signers) != 1:
        raise Malformed("a time stamp has exactly one signer")
    for one in candidates:
        if one.issuer == signers[0].issuer and one.serial_number == signers[0].serial_number:
            return one
    raise Malformed("the certificate of the time stamp's signer is missing")


def _issued(
    roots: Sequence[x509.Certificate], candidates: Sequence[x509.Certificate]
) -> list[x509.Certificate]:
    """Return the candidates that lead to a root, each signed by one that does."""
    found: list[x509.Certificate] = []
    trusted, waiting = list(roots), list(candidates)
    while True:
        fresh = [one for one in waiting if any(_signed_by(one, parent) for parent in trusted)]
        if not fresh:
            return found
        found += fresh
        trusted = fresh
        waiting = [one for one in waiting if one not in fresh]


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _name(certificate: x509.Certificate) -> str:
    """Return the name a person would know the authority by."""
    parts = [
        str(attribute.value)
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
        for attribute in certificate.subject.get_attributes_for_oid(oid)
    ]
    return ", ".join(parts)[:200] or certificate.subject.rfc4514_string()[:200]
