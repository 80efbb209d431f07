"""Certificates that nobody vouches for, and the fingerprint that a person compares."""

import hashlib
import ssl


def any_certificate() -> ssl.SSLContext:
    """For a certificate that is looked at otherwise, or not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def fingerprint_of(secured: ssl.SSLSocket) -> str:
    """SHA-256 of the certificate that the other side showed, as 64 hex digits."""
    return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
