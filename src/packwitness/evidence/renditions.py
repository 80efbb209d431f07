"""A copy made for viewing, and the hub's statement of which original it was made from.

A copy proves nothing by itself: what is sealed is the original. The statement says only that this hub made
these bytes from those, and how.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, BinaryIO, Final, Literal

from pydantic import Field

from packwitness.evidence.canonical import JSON_LIMIT, format_time, parse
from packwitness.evidence.certificates import CERTIFICATE_LIMIT, Chain, find_chain
from packwitness.evidence.errors import Malformed
from packwitness.evidence.findings import FINDINGS_LIMIT, Finding, join_runs
from packwitness.evidence.manifest import PART_LIMIT, OrganisationRef
from packwitness.evidence.record import Count, Digest, Identifier, KeyId, Record, Text, Time
from packwitness.evidence.statements import Statement
from packwitness.evidence.verdict import KeyLine

TYPE: Final = "packwitness/rendition/1"
_CHUNK: Final = 1 << 20


class Bytes(Record):
    """Some bytes, by their size and digest."""

    size: Annotated[Count, Field(ge=1)]
    sha256: Digest


class Rendition(Record):
    """The payload ``packwitness/rendition/1``.

    ``manifest`` is the digest of the take's manifest, ``original`` the sealed film of ``camera``, ``copy_``
    (``copy`` in JSON) the whole copy. ``init`` and ``parts`` are what the copy is made of: part *n* shows
    what part *n* of the original shows, so that a piece that a link gave out can be told as well.
    """

    type: Literal["packwitness/rendition/1"] = TYPE
    take: Identifier
    organisation: OrganisationRef
    camera: Identifier
    manifest: Digest
    original: Bytes
    copy_: Annotated[Bytes, Field(alias="copy")]
    codec: Text
    width: Count
    height: Count
    encoder: Text
    settings: Text
    made_at: Time
    made_by: KeyId
    init: Bytes
    parts: Annotated[list[Bytes], Field(min_length=1, max_length=PART_LIMIT)]

    def payload(self) -> dict[str, Any]:
        """Return the JSON object."""
        return self.model_dump(mode="json", by_alias=True)


def rendition(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a statement's payload, to be signed by the hub's key.

    Raises:
        Malformed: a field is missing, unknown, or cannot stand there.
    """
    return Rendition.from_payload({"type": TYPE, **fields}).payload()


@dataclass(frozen=True)
class CopyVerdict:
    """What is known of a copy.

    Attributes:
        rendition: what the statement says; None if it cannot be read.
        findings: what is wrong with the signature or the copy's bytes; none means that the copy is the one
            that the hub made.
        key: whether the hub's key is certified by the organisation that the reader trusts.
        original: whether the original was given and is the one named; None if none was given.
        piece: whether the copy is a piece of the whole one, as a link may give it out.
    """

    rendition: Rendition | None
    findings: tuple[Finding, ...]
    key: KeyLine
    original: bool | None
    piece: bool = False

    @property
    def exit_code(self) -> int:
        """0 as made by the trusted organisation's hub, 3 key not checked, 1 changed or foreign."""
        if self.findings or self.key.state == "foreign" or self.original is False:
            return 1
        return 0 if self.key.state == "trusted" else 3

    def to_value(self) -> dict[str, Any]:
        """Return the JSON object."""
        told = self.rendition
        return {
            "copy": True,
            "take": told.take if told else "",
            "camera": told.camera if told else "",
            "manifest": told.manifest if told else "",
            "original_sha256": told.original.sha256 if told else "",
            "original_checked": self.original,
            "made_at": format_time(told.made_at) if told else None,
            "piece": self.piece,
            "unchanged": not self.findings,
            "findings": [finding.to_value() for finding in self.findings],
            "key": {"state": self.key.state, "fingerprint": self.key.fingerprint, "reason": self.key.reason},
            "exit_code": self.exit_code,
        }


def read_record(data: bytes) -> tuple[Statement, list[Statement]] | None:
    """Read a copy's ``.json`` file, ``{"rendition": statement, "certificates": [statements]}``.

    Returns:
        The statement and the certificates; None if this is some other JSON.

    Raises:
        Malformed: it is no JSON, or the statements in it are none.
    """
    value = parse(data, limit=JSON_LIMIT)
    if not isinstance(value, dict) or set(value) != {"rendition", "certificates"}:
        return None
    listed = value["certificates"]
    if not isinstance(listed, list) or len(listed) > CERTIFICATE_LIMIT:
        raise Malformed("a copy's certificates are a list")
    return Statement.from_value(value["rendition"]), [Statement.from_value(one) for one in listed]


def check_rendition(
    statement: Statement,
    copy: BinaryIO,
    *,
    certificates: Sequence[Statement],
    trust: str | None,
    original: BinaryIO | None = None,
) -> CopyVerdict:
    """Judge a copy by the hub's statement.

    Args:
        statement: as signed.
        copy: the copy's bytes, or a piece of it: its init and parts in a row.
        certificates: the hub's and the organisation's.
        trust: the key id of the organisation that the reader trusts; None: none is known.
        original: the sealed film, to see that it is the one named. Whether *that* is unchanged is
            ``verify``'s to say.
    """
    try:
        told = Rendition.from_payload(dict(statement.payload))
    except Malformed as error:
        unread = KeyLine("not_checked", reason="the statement cannot be read")
        return CopyVerdict(None, (Finding("manifest_malformed", detail=str(error)),), unread, None)
    findings, piece = _check_bytes(told, copy)
    if statement.signer(told.made_by) is None:
        findings.insert(0, Finding("signature_invalid"))
    return CopyVerdict(
        told,
        tuple(findings),
        _key_line(told, certificates, trust),
        None if original is None else _is(original, told.original),
        piece,
    )


def _check_bytes(told: Rendition, copy: BinaryIO) -> tuple[list[Finding], bool]:
    """Return what is wrong with the bytes, and whether they are a piece of the whole."""
    head = copy.read(told.init.size)
    if hashlib.sha256(head).hexdigest() != told.init.sha256:
        return [Finding("init_changed", told.camera, init=0)], False
    first = _first_part(told, copy)
    if first is None:
        return [Finding("part_changed", told.camera, part=0, count=len(told.parts))], False
    findings, last = list[Finding](), first - 1
    for number in range(first, len(told.parts)):
        data = copy.read(told.parts[number].size)
        if not data:
            break
        last = number
        if len(data) < told.parts[number].size:
            findings.append(Finding("film_truncated", told.camera, part=number))
        elif hashlib.sha256(data).hexdigest() != told.parts[number].sha256:
            findings.append(Finding("part_changed", told.camera, part=number))
    if copy.read(1):
        findings.append(Finding("film_extra_bytes", told.camera))
    return join_runs(findings)[:FINDINGS_LIMIT], (first, last) != (0, len(told.parts) - 1)


def _first_part(told: Rendition, copy: BinaryIO) -> int | None:
    """Return the number of the part that stands here, the stream where it was; None if it is none.

    A part that was changed at the very beginning counts as part 0, so that it is named as changed.
    """
    if not copy.seekable():
        return 0
    here = copy.tell()
    by_size = dict[int, str]()
    for number, part in enumerate(told.parts):
        if part.size not in by_size:
            by_size[part.size] = hashlib.sha256(copy.read(part.size)).hexdigest()
            copy.seek(here)
        if by_size[part.size] == part.sha256:
            return number
    return 0


def _key_line(told: Rendition, certificates: Sequence[Statement], trust: str | None) -> KeyLine:
    try:
        found: Chain = find_chain(
            certificates,
            key=told.made_by,
            kind="hub",
            organisation=told.organisation.id,
            moment=told.made_at,
            root=trust,
        )
    except Malformed as error:
        if trust is None and not certificates:
            return KeyLine("not_checked", reason="no certificate came with it")
        return KeyLine("foreign", reason=str(error))
    name, fingerprint = found.root.organisation.name, found.root.public.key_id
    if trust is None:
        return KeyLine("not_checked", name, fingerprint, "no trusted key was given")
    return KeyLine("trusted", name, fingerprint)


def _is(stream: BinaryIO, named: Bytes) -> bool:
    digest, size = hashlib.sha256(), 0
    for block in _blocks(stream):
        digest.update(block)
        size += len(block)
    return size == named.size and digest.hexdigest() == named.sha256


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    while block := stream.read(_CHUNK):
        yield block
