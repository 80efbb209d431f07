"""Content Credentials (C2PA) on an exported film: one box is added, and not a byte of the film is moved.

The signing key and its certificates lie in ``<KEYS_DIR>/c2pa/``: ``key.pem`` (P-256, PKCS #8) and
``chain.pem`` (the signer's certificate first). Without them a local authority is made, which proves that the
file was not changed since the export; readers name its signer only where they are told to trust ``ca.pem``.
An operator with a certificate of a known authority puts both files there.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from packwitness import __version__
from packwitness.hub.notary.keys import write_once

MP4: Final = "video/mp4"
LIFE: Final = timedelta(days=20 * 365)
_SETTINGS: Final = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}


def sign_film(
    *, folder: Path, source: BinaryIO, target: BinaryIO, title: str, facts: Mapping[str, Any], at: datetime
) -> None:
    """Copy a film from ``source`` to ``target`` with Content Credentials that carry ``facts``.

    Both streams are seekable and stay open; memory stays constant. Nothing is asked of a network.
    """
    certificates, key = _credentials(folder, at)
    definition = {
        "title": title,
        "format": MP4,
        "claim_generator_info": [{"name": "Packwitness", "version": __version__}],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "when": at.isoformat(timespec="seconds"),
                            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
                        }
                    ]
                },
            },
            {"label": "org.packwitness.take", "data": dict(facts)},
        ],
    }
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=certificates, private_key=key, ta_url=None)
    with (
        c2pa.Signer.from_info(info) as signer,
        c2pa.Context.from_dict(_SETTINGS) as context,
        c2pa.Builder(json.dumps(definition), context) as builder,
    ):
        builder.sign(signer, MP4, source, target)


def _credentials(folder: Path, at: datetime) -> tuple[bytes, bytes]:
    """Return the certificate chain and the private key, both PEM; a local authority makes them if they are
    missing.

    The key is written first and once, so that two first exports at the same time certify the same key.
    """
    chain, key = folder / "chain.pem", folder / "key.pem"
    if not chain.exists():
        write_once(key, _pem(ec.generate_private_key(ec.SECP256R1())))
        private = load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key} must hold a P-256 key, or {chain} must hold its certificates")
        signer, authority = _certify(private, at)
        write_once(folder / "ca.pem", authority.public_bytes(Encoding.PEM))
        write_once(chain, signer.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM))
    return chain.read_bytes(), key.read_bytes()


def _certify(private: ec.EllipticCurvePrivateKey, at: datetime) -> tuple[x509.Certificate, x509.Certificate]:
    """Return the signer's certificate and that of an authority whose key is used this once and forgotten."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name, signer_name = _name("Packwitness local authority"), _name("Packwitness export")
    authority = (
        _builder(authority_name, authority_name, authority_key, authority_key, at)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    signer = (
        _builder(signer_name, authority_name, private, authority_key, at)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return signer, authority


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    at: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Packwitness"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
