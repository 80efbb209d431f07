"""Time stamps of a real authority, and one that misbehaves."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from packwitness.evidence.checkpoints import LogProof, note_text
from packwitness.evidence.timestamps import check, load_certificates
from packwitness.hub.notary import checkpoints, operations, queries
from packwitness.hub.notary.models import StampState, TimeStamp
from tests.hub.notary.timestamping import Authority, authority

pytestmark = pytest.mark.django_db
DIGEST = hashlib.sha256(b"manifest").hexdigest()


@pytest.fixture
def tsa(tmp_path: Path, settings: Any) -> Iterator[Authority]:
    with authority(tmp_path) as running:
        settings.TSA_URL = running.url
        yield running


def sign(digest: str = DIGEST) -> None:
    with transaction.atomic():
        operations.give_receipt(organisation_id="o", take="b-1", manifest_digest=digest, at=datetime.now(UTC))
    checkpoints.sign(at=datetime.now(UTC))


def test_a_checkpoint_is_stamped_and_the_stamp_holds(tsa: Authority) -> None:
    begun = datetime.now(UTC)
    sign()
    assert checkpoints.stamp_all(at=datetime.now(UTC)) == 0
    row = TimeStamp.objects.get()
    assert (row.state, row.attempts, row.authority) == (StampState.STAMPED, 1, "Stamper of the tests")
    [token] = queries.time_tokens(manifest_digest=DIGEST)
    proof = LogProof.from_payload(queries.log_proof(manifest_digest=DIGEST))
    verdict = check(
        token.token,
        note_text(proof.checkpoint),
        roots=load_certificates(tsa.root.read_bytes()),
        chain=load_certificates(token.chain),
        at=datetime.now(UTC) + timedelta(minutes=1),
    )
    assert (verdict.trusted, verdict.authority) == (True, "Stamper of the tests")
    assert abs(verdict.moment - begun) < timedelta(seconds=30)
    assert checkpoints.stamp_all(at=datetime.now(UTC)) == 0
    assert tsa.answers == [200]


@pytest.mark.parametrize(
    ("trouble", "said"), [("refuse", "503"), ("nonsense", "no time stamp"), ("endless", "more than")]
)
def test_a_failure_is_kept_and_asked_again(tsa: Authority, trouble: str, said: str) -> None:
    tsa.trouble = trouble
    sign()
    assert checkpoints.stamp_all(at=datetime.now(UTC)) == 1
    [row] = queries.unfinished_stamps()
    assert (row.state, row.attempts, said in row.last_error) == (StampState.FAILED, 1, True)
    assert queries.time_tokens(manifest_digest=DIGEST) == []
    assert queries.log_proof(manifest_digest=DIGEST) is not None
    tsa.trouble = ""
    assert checkpoints.stamp_all(at=datetime.now(UTC)) == 0
    assert queries.unfinished_stamps() == []
    assert TimeStamp.objects.get().attempts == 2


def test_an_old_answer_is_not_taken(tsa: Authority) -> None:
    sign()
    checkpoints.stamp_all(at=datetime.now(UTC))
    tsa.trouble = "replay"
    sign(hashlib.sha256(b"another").hexdigest())
    assert checkpoints.stamp_all(at=datetime.now(UTC)) == 1
    assert "nonce" in queries.unfinished_stamps()[0].last_error


def test_an_authority_that_is_away(tsa: Authority, settings: Any) -> None:
    settings.TSA_URL = "http://127.0.0.1:9/"
    sign()
    assert checkpoints.stamp_all(at=datetime.now(UTC)) == 1
    assert "cannot be reached" in queries.unfinished_stamps()[0].last_error


def test_the_first_stamped_checkpoint_counts(tsa: Authority) -> None:
    """A manifest is covered by every later checkpoint; the earliest stamp says most."""
    tsa.trouble = "refuse"
    sign()
    checkpoints.stamp_all(at=datetime.now(UTC))
    first = queries.log_proof(manifest_digest=DIGEST)
    assert first is not None
    assert first["size"] == 1
    tsa.trouble = ""
    sign(hashlib.sha256(b"second").hexdigest())
    TimeStamp.objects.filter(checkpoint_id=1).delete()
    checkpoints.stamp_all(at=datetime.now(UTC))
    stamped = queries.log_proof(manifest_digest=DIGEST)
    assert stamped is not None
    assert stamped["size"] == 2
    assert len(queries.time_tokens(manifest_digest=DIGEST)) == 1


def test_without_an_authority_there_is_no_stamp_to_wait_for(settings: Any) -> None:
    settings.TSA_URL = ""
    sign()
    assert checkpoints.stamp_all(at=datetime.now(UTC)) == 0
    assert TimeStamp.objects.count() == 0
