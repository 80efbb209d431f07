"""An RFC 3161 time-stamping authority, asked over HTTP."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response

from packwitness.evidence.errors import Malformed
from packwitness.evidence.timestamps import TOKEN_LIMIT, check

TIMEOUT: Final = httpx2.Timeout(20.0, connect=5.0)


class NoStamp(Exception):
    """The authority gave no usable time stamp; the text says why. Asking again may help."""


@dataclass(frozen=True)
class Stamp:
    """The authority's whole response, the certificates in it as PEM, its name and its time."""

    token: bytes
    chain: str
    authority: str
    moment: datetime


def ask(url: str, message: bytes, *, at: datetime) -> Stamp:
    """Have ``message`` stamped; what comes back is checked to cover it.

    Raises:
        NoStamp: no answer, or not one that covers the message.
    """
    request = (
        TimestampRequestBuilder().data(message).nonce(nonce=True).cert_request(cert_request=True).build()
    )
    token = _post(url, request.as_bytes())
    try:
        response = decode_timestamp_response(token)
        if request.nonce is not None and response.tst_info.nonce != request.nonce:
            raise NoStamp("the answer is to another question (its nonce differs)")
        found = check(token, message, roots=[], at=at)
        chain = [x509.load_der_x509_certificate(der) for der in response.signed_data.certificates]
    except (Malformed, ValueError) as error:
        raise NoStamp(f"the answer is no time stamp over what was asked: {error}") from error
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain).decode()
    return Stamp(token, pem, found.authority, found.moment)


def _post(url: str, question: bytes) -> bytes:
    """Return the answer's body, at most ``TOKEN_LIMIT`` bytes of it."""
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    answer = bytearray()
    try:
        with (
            httpx2.Client(timeout=TIMEOUT, follow_redirects=False) as client,
            client.stream("POST", url, content=question, headers=headers) as response,
        ):
            if response.status_code != 200:
                raise NoStamp(f"the authority answered {response.status_code}")
            for chunk in response.iter_bytes():
                answer += chunk
                if len(answer) > TOKEN_LIMIT:
                    raise NoStamp(f"the authority's answer has more than {TOKEN_LIMIT} bytes")
    except httpx2.HTTPError as error:
        raise NoStamp(f"the authority cannot be reached: {type(error).__name__}: {error}") from error
    return bytes(answer)
