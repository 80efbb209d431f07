"""A connection to a camera on the network, in the clear or by TLS."""

import errno
import hashlib
import secrets
import socket
import ssl

from packwitness.station.cameras.address import Address
from packwitness.station.cameras.camera import (
    BadCertificate,
    CameraError,
    Refused,
    TimedOut,
    UnknownHost,
    Unreachable,
)

NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)


def reach(address: Address, *, seconds: float) -> socket.socket:
    """Connect within `seconds`; by TLS if the address says so, with a certificate that the system trusts or
    that the address names.

    Raises:
        CameraError: of the kind that fits.
    """
    plain = _plain(address, seconds)
    if not address.secure:
        return plain
    try:
        return _secured(address, plain, seconds)
    except BaseException:
        plain.close()
        raise


def _plain(address: Address, seconds: float) -> socket.socket:
    try:
        plain = socket.create_connection((address.host, address.port), seconds)
    except ConnectionRefusedError:
        raise Refused(f"{address.place} refuses connections.") from None
    except TimeoutError:
        raise TimedOut(f"{address.place} does not answer.") from None
    except socket.gaierror:
        raise UnknownHost(f"{address.place} has a name that nobody knows.") from None
    except OSError as error:
        if error.errno in NO_WAY:
            raise Unreachable(f"No way leads to {address.there}.") from None
        raise CameraError(f"{address.place} cannot be reached ({error.strerror}).") from None
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def _secured(address: Address, plain: socket.socket, seconds: float) -> socket.socket:
    expected = address.fingerprint
    context = _any_certificate() if expected else ssl.create_default_context()
    try:
        secured = context.wrap_socket(plain, server_hostname=address.host)
    except ssl.SSLCertVerificationError as error:
        found = _fingerprint(address, seconds)
        raise BadCertificate(
            f"Nobody that this machine trusts vouches for the certificate of {address.there} "
            f"({error.verify_message}). Its SHA-256 fingerprint is {found}."
        ) from None
    except TimeoutError:
        raise TimedOut(f"{address.place} does not answer in TLS.") from None
    except OSError:
        raise Refused(f"{address.place} does not speak TLS.") from None
    found = _fingerprint_of(secured)
    if expected and not secrets.compare_digest(found, expected):
        secured.close()
        raise BadCertificate(
            f"{address.place} shows another certificate than the one in its URL. Its SHA-256 fingerprint "
            f"is {found}."
        )
    return secured


def _any_certificate() -> ssl.SSLContext:
    """For a certificate that is looked at otherwise, or not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _fingerprint_of(secured: ssl.SSLSocket) -> str:
    """SHA-256 of the certificate that the other side showed, as 64 hex digits."""
    return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()


def _fingerprint(address: Address, seconds: float) -> str:
    """Of a certificate that was not trusted, which only a second connection shows. Nothing is said in it."""
    plain = _plain(address, seconds)
    try:
        with _any_certificate().wrap_socket(plain, server_hostname=address.host) as secured:
            return _fingerprint_of(secured)
    except OSError:
        return "unknown"
    finally:
        plain.close()
