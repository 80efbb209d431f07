"""A station's own take folder, and which camera a lone film belongs to."""

import hashlib
import re
from typing import BinaryIO

from packwitness.evidence.bundle import Bundle
from packwitness.evidence.film import StoredCamera, compare_stored, film_units
from packwitness.evidence.findings import FINDINGS_LIMIT, Finding
from packwitness.evidence.manifest import INIT_SIZE_LIMIT, PART_SIZE_LIMIT, Camera, Manifest

_INIT = re.compile(r"init-(\d{3}|[1-9]\d{3})\.mp4", re.ASCII)
_PART = re.compile(r"(\d{8})\.m4s", re.ASCII)
_CHUNK = 1 << 20


def check_parts(camera: Camera, bundle: Bundle) -> list[Finding]:
    """Compare ``parts/<camera>/`` with the manifest; a film of another name there is none that was sealed."""
    inits: dict[int, str] = {}
    parts: dict[int, str] = {}
    others: list[Finding] = []
    folder = f"parts/{camera.id}/"
    for name in bundle.names(folder):
        leaf = name.removeprefix(folder)
        if match := _INIT.fullmatch(leaf):
            inits[int(match[1])] = _digest(bundle, name, INIT_SIZE_LIMIT)
        elif match := _PART.fullmatch(leaf):
            parts[int(match[1])] = _digest(bundle, name, PART_SIZE_LIMIT)
        elif leaf.endswith((".mp4", ".m4s")) and len(others) < FINDINGS_LIMIT:
            others.append(Finding("film_extra_bytes", camera.id, detail=f"{leaf} is no part"))
    return [*compare_stored(camera, StoredCamera(inits, parts)), *others]


def match_camera(manifest: Manifest, film: BinaryIO) -> Camera:
    """Return the camera that a film whose name tells nothing is most likely of.

    Cameras of one make share their init, so the first part counts too, and the film's size. The stream is
    read from where it stands and left anywhere.
    """
    size = film.seek(0, 2)

    def likeness(camera: Camera) -> int:
        if not camera.parts:
            return -1
        film.seek(0)
        units = [*film_units(camera)][:2]
        same = sum(hashlib.sha256(film.read(one.size)).hexdigest() == one.sha256 for one in units)
        return 2 * same + int(size == camera.film_size)

    return max(manifest.cameras, key=likeness)


def _digest(bundle: Bundle, name: str, limit: int) -> str:
    """Return a file's digest; of one that is too large to be what it says, none that matches anything."""
    if bundle.sizes[name] > limit:
        return ""
    digest = hashlib.sha256()
    with bundle.open(name) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
