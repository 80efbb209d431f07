import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from packwitness.evidence.checkpoints import note_text
from packwitness.evidence.errors import Malformed
from packwitness.evidence.timestamps import check, load_certificates
from tests.evidence.test_vectors import load

VECTOR = load("timestamp.json")
MESSAGE = note_text(VECTOR["checkpoint"])
TOKEN = base64.b64decode(VECTOR["with_certificate"])
BARE = base64.b64decode(VECTOR["without_certificate"])
SELFMADE = base64.b64decode(VECTOR["selfmade"])
AT = datetime(2100, 1, 1, tzinfo=UTC)
NOT_AMONG = "this authority is not among the trusted ones"


def certificates(*names: str) -> list[x509.Certificate]:
    return [one for name in names for one in load_certificates(VECTOR["certificates"][name].encode())]


@pytest.mark.parametrize(
    ("token", "chain"),
    [
        (TOKEN, ["middle"]),
        (TOKEN, ["authority", "middle", "root"]),
        (BARE, ["middle", "authority"]),
    ],
)
def test_a_token_of_a_trusted_authority(token: bytes, chain: list[str]) -> None:
    verdict = check(token, MESSAGE, roots=certificates("other", "root"), chain=certificates(*chain), at=AT)
    assert (verdict.trusted, verdict.authority, verdict.reason) == (True, "Clockwork, Example", "")
    assert datetime(2026, 1, 1, tzinfo=UTC) < verdict.moment < AT


@pytest.mark.parametrize(
    ("token", "chain", "roots", "reason"),
    [
        (TOKEN, ["middle"], [], "no authority was named as trusted"),
        (TOKEN, ["middle", "root"], ["other"], NOT_AMONG),
        (BARE, ["authority", "middle", "root"], ["other"], NOT_AMONG),
        (TOKEN, [], ["root"], NOT_AMONG),
        (SELFMADE, ["selfmade"], ["root"], NOT_AMONG),
    ],
)
def test_certificates_that_travel_along_are_never_trusted(
    token: bytes, chain: list[str], roots: list[str], reason: str
) -> None:
    verdict = check(token, MESSAGE, roots=certificates(*roots), chain=certificates(*chain), at=AT)
    assert (verdict.trusted, verdict.reason) == (False, reason)


def test_a_token_from_the_future_does_not_count() -> None:
    known = check(TOKEN, MESSAGE, roots=certificates("root"), chain=certificates("middle"), at=AT)
    early = known.moment - timedelta(days=1)
    verdict = check(TOKEN, MESSAGE, roots=certificates("root"), chain=certificates("middle"), at=early)
    assert (verdict.trusted, verdict.reason) == (False, "the time stamp lies in the future")


@pytest.mark.parametrize("roots", [[], ["root"], ["other"]])
def test_a_token_for_other_bytes_is_refused(roots: list[str]) -> None:
    with pytest.raises(Malformed, match="other bytes"):
        check(TOKEN, MESSAGE + b"x", roots=certificates(*roots), chain=certificates("middle"), at=AT)


def test_a_damaged_signature_is_refused() -> None:
    damaged = TOKEN[:-5] + bytes([TOKEN[-5] ^ 1]) + TOKEN[-4:]
    for roots in ([], ["root"]):
        with pytest.raises(Malformed, match="does not hold"):
            check(damaged, MESSAGE, roots=certificates(*roots), chain=certificates("middle", "root"), at=AT)


@pytest.mark.parametrize("token", [b"", b"x" * 100, TOKEN[:500], TOKEN + bytes(70_000)])
def test_what_is_no_token_is_refused(token: bytes) -> None:
    with pytest.raises(Malformed):
        check(token, MESSAGE, roots=certificates("root"), at=AT)


def test_a_token_without_any_certificate_of_its_signer_is_refused() -> None:
    with pytest.raises(Malformed, match="signer is missing"):
        check(BARE, MESSAGE, roots=certificates("root"), at=AT)


def test_what_is_no_pem_is_refused() -> None:
    with pytest.raises(Malformed):
        load_certificates(b"hello")
