"""What an S3 store's errors mean here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnection

from packwitness.hub.vault.interface import (
    DigestMismatch,
    VaultAway,
    VaultError,
    VaultMissing,
    VaultRefused,
)

CREDENTIALS: Final = (
    "Give the hub AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE or the machine's role."
)
ADVICE: Final = {
    "NoSuchBucket": "There is no such bucket. Make it, or mend PACKWITNESS_VAULT_URL.",
    "InvalidAccessKeyId": "The store does not know the access key. " + CREDENTIALS,
    "SignatureDoesNotMatch": "The secret key is not the access key's, or something on the way changes calls.",
    "ExpiredToken": "The credentials have expired. " + CREDENTIALS,
    "InvalidToken": "The session token is not valid. " + CREDENTIALS,
    "AccessDenied": "The credentials lack a right; docs/guides/hub.md lists those that the hub needs.",
    "RequestTimeTooSkewed": "This machine's clock and the store's are too far apart. Set the clock.",
    "AuthorizationHeaderMalformed": "The bucket is in another region: set region= in PACKWITNESS_VAULT_URL.",
    "PermanentRedirect": "The bucket is in another region: set region= in PACKWITNESS_VAULT_URL.",
}
_BAD_DIGEST: Final = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_LATER: Final = frozenset({"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown"})


class Taken(VaultError):
    """The name is taken; by which bytes is not known yet. Never leaves this room."""


class OutOfRange(VaultError):
    """The object ends before the first byte that was asked for. Never leaves this room."""


@contextmanager
def told(about: str) -> Iterator[None]:
    """Raise what a store's answer means, as an error of the vault about ``about``."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error, about) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise VaultRefused(f"The hub has no credentials for the store. {CREDENTIALS}") from error
    except (NoConnection, HTTPClientError, CredentialRetrievalError, MetadataRetrievalError) as error:
        raise VaultAway(f"the store did not answer about {about}: {error}") from error
    except BotoCoreError as error:
        raise VaultRefused(f"the store cannot be asked about {about}: {error}") from error


def _meaning(error: ClientError, about: str) -> VaultError:
    said = error.response.get("Error", {})
    code = said.get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _MISSING:
        return VaultMissing(f"there is no object {about}")
    if status == 412:
        return Taken(about)
    if status == 416:
        return OutOfRange(about)
    if code in _BAD_DIGEST:
        return DigestMismatch(f"the bytes for {about} are not those of the announced digest")
    if code in _LATER or status in (408, 409, 425, 429) or not 400 <= status < 500:
        return VaultAway(f"the store answered {status} {code} about {about}")
    # A HEAD has no body, so it says no more than its status.
    advice = ADVICE.get("AccessDenied" if code == "403" else code, said.get("Message", ""))
    return VaultRefused(f"the store refuses {about} ({status} {code}). {advice}")
