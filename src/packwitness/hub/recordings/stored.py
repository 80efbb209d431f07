"""What the vault holds of a take: the way from a row to bytes."""

import hashlib
from functools import lru_cache

from django.core.cache import cache

from packwitness.evidence.manifest import Manifest
from packwitness.evidence.statements import Statement
from packwitness.hub.recordings import boxes, names
from packwitness.hub.recordings.layout import Layout, of_manifest, of_names
from packwitness.hub.recordings.models import Take, TakeState
from packwitness.hub.recordings.names import InitName, PartName
from packwitness.hub.vault.interface import VaultMissing
from packwitness.hub.vault.store import vault
from packwitness.protocol import INIT_LIMIT


class NoFilm(Exception):
    """There is no such camera in this take, or it gave nothing that may be seen."""


def folder(take: Take, camera: str) -> str:
    """Return the prefix of a camera's inits and parts."""
    return names.camera_folder(organisation_id=take.organisation_id, take=take.id, camera=camera)


def film_key(take: Take, camera: str) -> str:
    """Return the key of a camera's joined film."""
    return names.film_key(organisation_id=take.organisation_id, take=take.id, camera=camera)


def arrived(take: Take, camera: str) -> tuple[list[InitName], list[PartName]]:
    """Return the inits and parts of a camera that the vault holds, whatever the manifest says."""
    prefix = folder(take, camera)
    leaves = [info.key.removeprefix(prefix) for info in vault().list(prefix)]
    inits = [init for leaf in leaves if (init := names.read_init(leaf))]
    parts = [part for leaf in leaves if (part := names.read_part(leaf))]
    return inits, parts


def manifest_statement(take: Take) -> Statement:
    """Return a sealed take's manifest as the station signed it.

    Raises:
        NoFilm: the take is not sealed, or its manifest is not in the vault.
    """
    if not take.manifest_digest:
        raise NoFilm(f"take {take.id} is not sealed yet")
    return _statement(names.manifest_key(organisation_id=take.organisation_id, take=take.id))


def manifest(take: Take) -> Manifest:
    """Return a sealed take's manifest, read."""
    return Manifest.from_payload(dict(manifest_statement(take).payload))


def layout(take: Take, camera: str) -> Layout:
    """Return a camera's layout: the manifest's once the take is sealed, before that of what has arrived.

    Raises:
        NoFilm: there is no such camera, or nothing has arrived from it.
    """
    if take.camera(camera) is None:
        raise NoFilm(f"take {take.id} has no camera {camera}")
    if take.state == TakeState.RECORDING:
        inits, parts = arrived(take, camera)
        if not inits:
            raise NoFilm(f"nothing has arrived yet from camera {camera}")
        first = min(inits, key=lambda init: init.number)
        return of_names(inits, parts, timescale=_timescale(folder(take, camera) + str(first)))
    if not take.manifest_digest:
        raise NoFilm(f"take {take.id} was never sealed")
    key = names.manifest_key(organisation_id=take.organisation_id, take=take.id)
    return _sealed_layout(key, take.manifest_digest, camera)


def codec(take: Take, camera: str) -> str:
    """Return what a browser is asked for to know whether it shows a camera's film (RFC 6381): as sealed, or
    while the take runs as the first init says; empty until one has arrived.
    """
    sealed = (take.camera(camera) or {}).get("codec")
    if sealed or take.state != TakeState.RECORDING or take.camera(camera) is None:
        return str(sealed or "")
    # Pages ask each second; what the first init says does not change.
    known = f"codec:{take.id}:{camera}"
    found = cache.get(known)
    if found is None:
        first = next(vault().list(folder(take, camera) + "init-"), None)
        if first is None:
            return ""
        with vault().open(first.key) as file:
            found = boxes.codec(file.read(INIT_LIMIT))
        cache.set(known, found)
    return str(found)


def _statement(key: str) -> Statement:
    try:
        with vault().open(key) as file:
            return Statement.from_json(file.read())
    except VaultMissing as error:
        raise NoFilm(f"{key} is not in the vault") from error


@lru_cache(maxsize=64)
def _sealed_layout(key: str, digest: str, camera: str) -> Layout:
    """Read a camera's layout from the manifest under ``key``; its ``digest`` names what is remembered."""
    statement = _statement(key)
    found = Manifest.from_payload(dict(statement.payload)).camera(camera)
    if statement.digest != digest or found is None:
        raise NoFilm(f"{key} is not the manifest that was sealed, or has no camera {camera}")
    return of_manifest(found)


@lru_cache(maxsize=256)
def _timescale(key: str) -> int:
    with vault().open(key) as file:
        return boxes.timescale(file.read(INIT_LIMIT))


def etag(digests: list[str]) -> str:
    """Return the SHA-256 over the digests of a film's units: what names its bytes before they are joined."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()
