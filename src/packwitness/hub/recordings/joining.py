"""Joining a sealed take's parts into one film a camera. Nothing is deleted before the film is proved.

1. For each camera: read the parts in the film's order, each hashed against the manifest, and so learn the
film's digest. 2. Put the film, which hashes what it writes and is durable on return.
3. Read the film back and check it against the manifest.
4. One transaction: the row says *joined*, ``film.joined`` is emitted.
5. Delete the parts and inits that the manifest names, and nothing else.

A crash in 1–3 leaves the parts and perhaps a film, which the next run finds, checks and keeps. After 4 the
film is what is served; a crash in 5 leaves some parts, and the next run deletes the rest.
"""

import hashlib
import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import BinaryIO, Final

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from packwitness.evidence.manifest import Camera
from packwitness.evidence.verify import check_film
from packwitness.hub.outbox import operations as outbox
from packwitness.hub.recordings import stored
from packwitness.hub.recordings.direct import TICKET_SECONDS
from packwitness.hub.recordings.layout import Layout, of_manifest
from packwitness.hub.recordings.models import FilmState, Take, TakeState
from packwitness.hub.vault.interface import VaultError, VaultMissing
from packwitness.hub.vault.store import vault

_BLOCK: Final = 1 << 20
JOIN_TASK: Final = "packwitness.hub.recordings.tasks.join_film"
"""Named, not imported: the task's module imports this one."""


class JoinFailed(Exception):
    """The parts do not give the film that was sealed: an object was damaged. All of them are kept."""


def ask(*, take: str) -> None:
    """Have a take joined; to be called in the transaction that seals it."""
    import_string(JOIN_TASK).enqueue(take=take)


def sha256(data: bytes) -> bytes:
    """Return the raw digest of bytes in memory."""
    return hashlib.sha256(data).digest()


def join_film(*, take: str, at: datetime) -> None:
    """Join a sealed take. Done again, it finishes what an earlier run left; done once, it changes nothing.

    Raises:
        JoinFailed: parts or film are not what was sealed.
    """
    row = Take.objects.filter(pk=take, state=TakeState.SEALED).first()
    if row is None:
        return
    cameras = [camera for camera in stored.manifest(row).cameras if camera.parts]
    if row.film_state == FilmState.PARTS:
        for camera in cameras:
            _join_camera(row, camera)
        with transaction.atomic():
            changed = Take.objects.filter(pk=take, state=TakeState.SEALED, film_state=FilmState.PARTS)
            if changed.update(film_state=FilmState.JOINED, joined_at=at):
                outbox.emit(
                    organisation_id=row.organisation_id,
                    name="film.joined",
                    subject=f"take:{take}",
                    body={"take": take},
                    at=at,
                )
                if settings.DIRECT_UPLOAD:
                    # A station may have used a ticket late, and fallen silent.
                    again = at + timedelta(seconds=2 * TICKET_SECONDS)
                    import_string(JOIN_TASK).using(run_after=again).enqueue(take=take)
    for camera in cameras:
        _drop_parts(row, camera)


def _join_camera(row: Take, camera: Camera) -> None:
    store, key = vault(), stored.film_key(row, camera.id)
    prefix, layout = stored.folder(row, camera.id), of_manifest(camera)
    try:
        store.size(key)
    except VaultMissing:
        digest = hashlib.sha256()
        for block in _checked(prefix, layout):
            digest.update(block)
        store.put(key, _Joined(prefix, layout), sha256=digest.digest())
    with store.open(key) as film:
        findings = check_film(camera, film)
    if findings:
        raise JoinFailed(f"{key} is not the film that was sealed: {findings[0].code} {findings[0].place}")


def _checked(prefix: str, layout: Layout) -> Iterator[bytes]:
    """Yield a film's bytes from its parts, each compared with its digest."""
    for unit in layout.units():
        digest = hashlib.sha256()
        try:
            with vault().open(prefix + str(unit.name)) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    yield block
        except VaultMissing as error:
            raise JoinFailed(str(error)) from error
        if digest.hexdigest() != unit.name.sha256:
            raise JoinFailed(f"{prefix}{unit.name} does not hold the bytes that its name says")


class _Joined(io.RawIOBase, BinaryIO):
    """A film's bytes from its parts, as a stream that is read once."""

    def __init__(self, prefix: str, layout: Layout) -> None:
        super().__init__()
        self._blocks = _checked(prefix, layout)
        self._left = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        wanted = _BLOCK if size is None or size < 0 else size
        self._left = self._left or next(self._blocks, b"")
        block, self._left = self._left[:wanted], self._left[wanted:]
        return block


def _drop_parts(row: Take, camera: Camera) -> None:
    """Delete a joined camera's parts and inits; the film is seen to be there, whole, just before."""
    store = vault()
    try:
        size = store.size(stored.film_key(row, camera.id))
    except VaultError as error:
        raise JoinFailed(f"the film of camera {camera.id} is gone: its parts are kept") from error
    if size != camera.film_size:
        raise JoinFailed(
            f"the film of camera {camera.id} has {size} bytes, not {camera.film_size}: parts are kept"
        )
    prefix = stored.folder(row, camera.id)
    sealed = {prefix + str(unit.name) for unit in of_manifest(camera).units()}
    store.delete(*(info.key for info in store.list(prefix) if info.key in sealed))
