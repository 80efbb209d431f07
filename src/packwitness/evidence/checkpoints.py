"""The log's signed states: C2SP checkpoints as signed notes, and a manifest's proof against one.

A note is text that ends in a newline, an empty line, and signature lines ``— <name> <base64>``. The base64
holds a 4-byte key hash and an Ed25519 signature over the text. Outside witnesses add lines of their own; a
reader passes over those that it has no key for.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from packwitness.evidence.canonical import INTEGER_LIMIT
from packwitness.evidence.errors import Malformed
from packwitness.evidence.keys import PublicKey, SigningKey
from packwitness.evidence.log import PROOF_LIMIT, leaf_of, verify_inclusion
from packwitness.evidence.record import Count, Digest, Record

NOTE_LIMIT = 64 << 10
"""Longest note, in bytes."""
SIGNATURE_LIMIT = 100
_ED25519 = b"\x01"


@dataclass(frozen=True)
class Checkpoint:
    """A log's origin, its size and its root of 32 bytes."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the part of the note that is signed and time-stamped."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a note's text part; lines after the third are extensions and passed over.

        Raises:
            Malformed: not a checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not _is_name(lines[0]):
            raise Malformed("a checkpoint holds the log's origin, size and root, each on its line")
        if not (lines[1].isascii() and lines[1].isdigit()) or (
            lines[1] != lines[1].lstrip("0") and lines[1] != "0"
        ):
            raise Malformed("a checkpoint's size is a decimal number")
        size = int(lines[1]) if len(lines[1]) <= 16 else INTEGER_LIMIT + 1
        root = _base64(lines[2])
        if size > INTEGER_LIMIT or len(root) != 32:
            raise Malformed("a checkpoint's size or root is out of range")
        return cls(lines[0], size, root)


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> str:
    """Return the note: the checkpoint signed by ``key`` under the log's origin as the key's name.

    Raises:
        Malformed: the origin cannot be a note key's name.
    """
    if not _is_name(checkpoint.origin):
        raise Malformed("a log's origin has no spaces, no line breaks and no plus sign")
    text = checkpoint.text()
    signature = _key_hash(checkpoint.origin, key.public) + key.sign(text.encode("utf-8"))
    return f"{text}\n— {checkpoint.origin} {base64.b64encode(signature).decode()}\n"


def note_text(note: str) -> bytes:
    """Return the signed part of a note, up to and with the last newline before the empty line.

    Raises:
        Malformed: not a note.
    """
    return _split_note(note)[0].encode("utf-8")


def read_checkpoint(note: str) -> Checkpoint:
    """Return what a note says, without looking at its signatures.

    Raises:
        Malformed: not a checkpoint's note.
    """
    return Checkpoint.from_text(_split_note(note)[0])


def checkpoint_signed_by(note: str, public: PublicKey) -> bool:
    """Say whether a line of the note is ``public``'s signature under the log's origin, and holds.

    Raises:
        Malformed: not a checkpoint's note.
    """
    text, signatures = _split_note(note)
    origin = Checkpoint.from_text(text).origin
    key_hash = _key_hash(origin, public)
    return any(
        name == origin and value[:4] == key_hash and public.verify(value[4:], text.encode("utf-8"))
        for name, value in signatures
    )


class LogProof(Record):
    """``log.json``: where a manifest's digest lies in the log, and the checkpoint that shows it."""

    index: Count
    size: Count
    proof: Annotated[list[Digest], Field(max_length=PROOF_LIMIT)]
    checkpoint: Annotated[str, StringConstraints(max_length=NOTE_LIMIT)]

    def includes(self, manifest: str) -> bool:
        """Say whether the proof leads from the manifest's digest to the checkpoint's root.

        Raises:
            Malformed: the checkpoint is not one.
        """
        checkpoint = read_checkpoint(self.checkpoint)
        path = [bytes.fromhex(one) for one in self.proof]
        return checkpoint.size == self.size and verify_inclusion(
            leaf_of(manifest), self.index, self.size, path, checkpoint.root
        )


def _key_hash(name: str, public: PublicKey) -> bytes:
    return hashlib.sha256(name.encode("utf-8") + b"\n" + _ED25519 + public.raw).digest()[:4]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and name.isprintable() and not any(one.isspace() for one in name)


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note.encode("utf-8")) > NOTE_LIMIT:
        raise Malformed(f"a note has at most {NOTE_LIMIT} bytes")
    text, empty, rest = note.rpartition("\n\n")
    if not empty or not rest.endswith("\n"):
        raise Malformed("a note is a text, an empty line and signature lines")
    lines = rest.removesuffix("\n").split("\n")
    if len(lines) > SIGNATURE_LIMIT:
        raise Malformed(f"a note has at most {SIGNATURE_LIMIT} signatures")
    return text + "\n", [_signature_line(line) for line in lines]


def _signature_line(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, value = rest.partition(" ")
    if dash != "—" or not _is_name(name):
        raise Malformed("a note's signature line reads: — <name> <base64>")
    raw = _base64(value)
    if len(raw) < 5:
        raise Malformed("a note's signature is too short")
    return name, raw


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Malformed("a note holds base64 that cannot be read") from error
