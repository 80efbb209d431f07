"""Objects in a bucket of any S3 store.

A put, step by step, so that a crash at any point leaves either nothing or the whole object:

1. read up to one piece; what ends there is one PUT with its SHA-256, which the store compares, and with
   ``If-None-Match: *``, so that nothing is overwritten;
2. what is longer is a multipart upload: each piece with its SHA-256, the whole hashed on the way; unless it
   is what was announced, the upload is aborted; it is completed with ``If-None-Match: *``;
3. where the name is taken, what is there is compared.

A store acknowledges what is durable; how durable that is, is the store's to say. One that did not compare
the digest (its answer does not repeat it) is read back. What a crash leaves is an unfinished multipart
upload: it is invisible to every method, and ``sweep`` aborts it.
"""

import base64
import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Final

import boto3
from botocore.config import Config

from packwitness.hub.vault import s3_object
from packwitness.hub.vault.address import S3Address
from packwitness.hub.vault.interface import (
    DigestMismatch,
    ObjectInfo,
    Ticket,
    VaultConflict,
    VaultError,
    VaultMissing,
    check_key,
    check_prefix,
)
from packwitness.hub.vault.s3_refusals import Taken, told

if TYPE_CHECKING:
    # Stubs, which only development installs.
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PIECE: Final = 8 << 20
"""Bytes of a multipart upload's piece. S3 allows 10,000 of them: the longest film has 80 GB."""
CONTENT: Final = "application/octet-stream"
AT_ONCE: Final = 8
"""Requests of one call at the same time, where a call needs many."""


class S3Vault:
    """A vault in a bucket (see the module for how a put is made durable)."""

    def __init__(self, address: S3Address) -> None:
        """Credentials come from where AWS's own tools take them.

        Raises:
            VaultRefused: the profile that was named does not exist, or the region cannot be known.
        """
        self._bucket, self._prefix = address.bucket, address.prefix
        with told("anything"):
            self._client = _client(address, address.endpoint)
            outside = address.public or address.endpoint
            self._outside = _client(address, outside) if outside != address.endpoint else self._client

    def put(self, key: str, data: bytes | BinaryIO, *, sha256: bytes) -> None:
        """Store the bytes durably; see ``Vault.put``."""
        check_key(key)
        source = io.BytesIO(data) if isinstance(data, bytes) else data
        first = _piece(source)
        second = _piece(source) if len(first) == PIECE else b""
        if second:
            self._put_pieces(key, first, second, source, sha256)
        else:
            self._put_one(key, first, sha256)

    def open(self, key: str, *, start: int = 0) -> BinaryIO:
        """Return a seekable stream; see ``Vault.open``."""
        check_key(key)
        return s3_object.opened(self._client, self._bucket, self._prefix + key, start=start, name=key)

    def size(self, key: str) -> int:
        """Return the size in bytes; see ``Vault.size``."""
        check_key(key)
        with told(key):
            return self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)["ContentLength"]

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects; see ``Vault.list``."""
        check_prefix(prefix)
        found = self._client.get_paginator("list_objects_v2")
        pages = iter(found.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix))
        while True:
            with told(prefix):
                page = next(pages, None)
            if page is None:
                return
            for each in page.get("Contents", ()):
                yield ObjectInfo(each["Key"].removeprefix(self._prefix), each["Size"])

    def holds(self, key: str, *, size: int, sha256: bytes) -> bool:
        """Say whether these very bytes are there; see ``Vault.holds``.

        Costs one question where the store keeps the whole object's SHA-256; else the object is read.
        """
        check_key(key)
        try:
            with told(key):
                head = self._client.head_object(
                    Bucket=self._bucket, Key=self._prefix + key, ChecksumMode="ENABLED"
                )
            if head["ContentLength"] != size:
                return False
            # That of a multipart upload is made of its pieces', and says in how many there were.
            kept = head.get("ChecksumSHA256", "")
            return kept == _text(sha256) if kept and "-" not in kept else self._digest(key) == sha256
        except VaultMissing:
            return False

    def ticket(self, key: str, *, size: int, sha256: bytes, seconds: int) -> Ticket | None:
        """Return leave to put the object; see ``Vault.ticket``.

        Length, digest and ``If-None-Match`` are signed, so that the store holds the sender to them.
        """
        check_key(key)
        with told(key):
            url = self._outside.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": self._prefix + key,
                    "ContentLength": size,
                    "ChecksumSHA256": _text(sha256),
                    "IfNoneMatch": "*",
                },
                ExpiresIn=seconds,
            )
        headers = {
            "Content-Length": str(size),
            "If-None-Match": "*",
            "x-amz-checksum-sha256": _text(sha256),
        }
        return Ticket(url, headers)

    def delete(self, *keys: str) -> None:
        """Remove the objects; see ``Vault.delete``.

        One question each: what stores make of many in one differs, and of this no store charges for any.
        """
        for key in keys:
            check_key(key)
        if len(keys) == 1:
            self._delete(keys[0])
        elif keys:
            with ThreadPoolExecutor(AT_ONCE, "vault-delete") as pool:
                for _ in pool.map(self._delete, keys):
                    pass

    def sweep(self, *, before: datetime, ours: Callable[[str], bool]) -> int:
        """Abort multipart uploads begun before then; see ``Vault.sweep``."""
        count = 0
        with told("unfinished uploads"):
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for found in page.get("Uploads", ()):
                    if found["Initiated"] < before and ours(found["Key"].removeprefix(self._prefix)):
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=found["Key"], UploadId=found["UploadId"]
                        )
                        count += 1
        return count

    def _put_one(self, key: str, data: bytes, sha256: bytes) -> None:
        if hashlib.sha256(data).digest() != sha256:
            raise _other_bytes(key)
        try:
            with told(key):
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._prefix + key,
                    Body=data,
                    ContentType=CONTENT,
                    ChecksumSHA256=_text(sha256),
                    IfNoneMatch="*",
                )
        except Taken:
            self._compare(key, len(data), sha256)
        else:
            if answer.get("ChecksumSHA256") != _text(sha256):
                self._prove(key, sha256)

    def _put_pieces(self, key: str, first: bytes, second: bytes, rest: BinaryIO, sha256: bytes) -> None:
        name = self._prefix + key
        with told(key):
            upload = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=name, ContentType=CONTENT, ChecksumAlgorithm="SHA256"
            )["UploadId"]
        sent = _Sent()
        try:
            for piece in _pieces(first, second, rest):
                self._put_piece(key, upload, piece, sent)
            if sent.whole.digest() != sha256:
                raise _other_bytes(key)
            with told(key):
                self._client.complete_multipart_upload(
                    Bucket=self._bucket,
                    Key=name,
                    UploadId=upload,
                    MultipartUpload={"Parts": sent.pieces},
                    IfNoneMatch="*",
                )
        except BaseException as error:
            # What cannot be aborted now, sweep() aborts later.
            with contextlib.suppress(VaultError), told(key):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)
            if not isinstance(error, Taken):
                raise
            self._compare(key, sent.size, sha256)
        else:
            if not sent.compared:
                self._prove(key, sha256)

    def _put_piece(self, key: str, upload: str, piece: bytes, sent: "_Sent") -> None:
        digest, number = _text(hashlib.sha256(piece).digest()), len(sent.pieces) + 1
        with told(key):
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._prefix + key,
                UploadId=upload,
                PartNumber=number,
                Body=piece,
                ChecksumSHA256=digest,
            )
        sent.whole.update(piece)
        sent.size += len(piece)
        sent.compared = sent.compared and answer.get("ChecksumSHA256") == digest
        sent.pieces.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": digest})

    def _compare(self, key: str, size: int, sha256: bytes) -> None:
        if not self.holds(key, size=size, sha256=sha256):
            raise VaultConflict(f"{key} holds other bytes")

    def _prove(self, key: str, sha256: bytes) -> None:
        """Read back what the store took without comparing its digest."""
        if self._digest(key) != sha256:
            self._delete(key)
            raise DigestMismatch(f"{key} arrived damaged at the store")

    def _digest(self, key: str) -> bytes:
        digest = hashlib.sha256()
        with self.open(key) as file:
            while block := file.read(s3_object.FIRST):
                digest.update(block)
        return digest.digest()

    def _delete(self, key: str) -> None:
        with contextlib.suppress(VaultMissing), told(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)


@dataclass
class _Sent:
    """How far a multipart upload is; ``compared``: the store has compared each digest so far."""

    pieces: "list[CompletedPartTypeDef]" = field(default_factory=list)
    whole: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    size: int = 0
    compared: bool = True


def _client(address: S3Address, endpoint: str) -> "S3Client":
    config = Config(
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=32,
        retries={"mode": "standard", "total_max_attempts": 3},
        s3={"addressing_style": address.addressing},
        # We send SHA-256, which not every store has beside the CRC that botocore would add.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # A session of its own: the default one is not safe to use from several threads.
    return boto3.session.Session().client(
        "s3", endpoint_url=endpoint or None, region_name=address.region or None, config=config
    )


def _pieces(first: bytes, second: bytes, rest: BinaryIO) -> Iterator[bytes]:
    yield first
    yield second
    while piece := _piece(rest):
        yield piece


def _piece(source: BinaryIO) -> bytes:
    """Return the next bytes, as many as a piece holds unless the source ends."""
    found = bytearray()
    while len(found) < PIECE and (block := source.read(PIECE - len(found))):
        found += block
    return bytes(found)


def _text(sha256: bytes) -> str:
    return base64.b64encode(sha256).decode()


def _other_bytes(key: str) -> DigestMismatch:
    return DigestMismatch(f"the bytes for {key} are not those of the announced digest")
