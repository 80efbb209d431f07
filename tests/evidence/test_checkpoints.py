import base64

import pytest

from packwitness.evidence.checkpoints import (
    Checkpoint,
    LogProof,
    checkpoint_signed_by,
    note_text,
    read_checkpoint,
    sign_checkpoint,
)
from packwitness.evidence.errors import Malformed
from tests.evidence.takes import key, make_take

CHECKPOINT = Checkpoint("hub.example/log", 5, bytes(32))
NOTE = sign_checkpoint(CHECKPOINT, key("hub"))


def test_a_note_says_what_was_signed() -> None:
    assert read_checkpoint(NOTE) == CHECKPOINT
    assert note_text(NOTE) == f"hub.example/log\n5\n{base64.b64encode(bytes(32)).decode()}\n".encode()
    assert checkpoint_signed_by(NOTE, key("hub").public)
    assert not checkpoint_signed_by(NOTE, key("other").public)


def test_witnesses_may_add_lines() -> None:
    line = (
        sign_checkpoint(CHECKPOINT, key("witness"))
        .split("\n\n")[1]
        .replace("hub.example/log", "witness.example")
    )
    assert checkpoint_signed_by(NOTE + line, key("hub").public)
    assert not checkpoint_signed_by(NOTE + line, key("witness").public)


def test_an_extension_line_is_signed_too() -> None:
    assert not checkpoint_signed_by(NOTE.replace("\n\n", "\nmore\n\n"), key("hub").public)


@pytest.mark.parametrize(
    ("old", "new"), [("\n5\n", "\n6\n"), ("hub.example/log\n", "hub.example/lox\n"), ("AAAA", "AAAB")]
)
def test_a_changed_note_is_not_signed(old: str, new: str) -> None:
    assert not checkpoint_signed_by(NOTE.replace(old, new, 1), key("hub").public)


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE.split("\n\n")[0],
        NOTE.rstrip("\n"),
        NOTE.replace("\n5\n", "\n05\n"),
        NOTE.replace("\n5\n", "\n-5\n"),
        NOTE.replace("\n5\n", "\n٥\n"),
        NOTE.replace("\n5\n", "\n" + "9" * 5000 + "\n"),
        NOTE.replace("AAAA", "AA A", 1),
        NOTE.replace("— ", "- "),
        NOTE.replace("hub.example/log", "hub example"),
        NOTE + NOTE.split("\n\n")[1] * 100,
        "x" * 70_000 + NOTE,
    ],
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(Malformed):
        checkpoint_signed_by(note, key("hub").public)


@pytest.mark.parametrize("origin", ["", "a b", "a+b", "a\nb"])
def test_an_origin_must_be_a_key_name(origin: str) -> None:
    with pytest.raises(Malformed):
        sign_checkpoint(Checkpoint(origin, 1, bytes(32)), key("hub"))


def test_a_proof_is_of_one_manifest_at_one_place() -> None:
    take = make_take()
    proof = LogProof.from_payload(take.log)
    assert proof.includes(take.manifest.digest)
    assert not proof.includes("0" * 64)
    assert not proof.model_copy(update={"index": 3}).includes(take.manifest.digest)
    assert not proof.model_copy(update={"size": 6}).includes(take.manifest.digest)
