"""One parcel through one fault, and what became of its film."""

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import httpx2 as httpx

from packwitness.evidence.film import film_units
from packwitness.evidence.manifest import Camera, Manifest
from packwitness.evidence.statements import Statement
from tests.e2e.shop import Shop, until
from tests.faults.faults import FAULTS
from tests.faults.holes import filmed_until, unstated
from tests.faults.hub_line import HubLine, Mood
from tests.faults.scene import Scene


@dataclass(frozen=True)
class Outcome:
    """What a run found. ``unstated_ms``: the longest hole in a film that its manifest does not own up to;
    ``lost_ms``: what the camera that lost most had filmed before a kill, after the scan, and is not there.
    """

    take: str
    outcome: str
    gaps: int
    unstated_ms: int
    lost_ms: int
    partless: int = 0
    """Cameras without any part."""
    syncs: int = 0
    """Kills at an fsync only: how many there were, up to the kill or the receipt."""
    struck: bool = True
    """False if the parcel had fewer fsyncs than the kill waited for."""


@contextmanager
def faulty_hub(shop: Shop) -> Iterator[HubLine]:
    """Put a line between station and hub; the station starts anew at both ends."""
    line = HubLine(shop.house.hub_port, random.Random(shop.house.hub_port))
    settings = shop.layout.settings
    text = settings.read_text()
    try:
        _move(shop, text.replace(shop.house.hub_url, f"http://127.0.0.1:{line.port}"))
        yield line
        _move(shop, text)
    finally:
        line.close()


def _move(shop: Shop, settings: str) -> None:
    shop.rest()
    station = shop.house.process("station")
    station.terminate()
    station.wait(20)
    shop.layout.settings.write_text(settings)
    shop.house.start_station()
    shop.cameras_up()


def run(shop: Shop, hub: HubLine, fault: str, seed: int, *, number: int = 0) -> Outcome:
    """Film a parcel, let the fault happen meanwhile, end it, and wait until the hub has sealed it."""
    rng = random.Random(f"{fault} {seed}")
    scene = Scene(shop, hub, rng, number)
    FAULTS[fault].before(scene)
    take = _start(shop, str(rng.randrange(10**11, 10**12)))
    time.sleep(rng.uniform(0, 1.5))
    FAULTS[fault].happen(scene)
    time.sleep(rng.uniform(0, 1))
    hub.be(Mood.CALM)
    shop.rest()
    shop.sealed(take)
    found = manifest(shop, take)
    FAULTS[fault].judge(scene, found)
    lost = 0
    if scene.cut_at is not None and found.outcome == "interrupted":
        filmed_to = min(scene.cut_at, scene.ended_at or scene.cut_at)
        there = min(filmed_until(found, camera) for camera in found.cameras)
        lost = max(0, round((filmed_to - there) * 1000))
    return Outcome(
        take=take,
        outcome=found.outcome,
        gaps=sum(len(camera.gaps) for camera in found.cameras),
        unstated_ms=max(unstated(found, camera) for camera in found.cameras),
        lost_ms=lost,
        partless=sum(not camera.parts for camera in found.cameras),
        syncs=scene.kept.get("syncs", 0),
        struck=scene.kept.get("struck", True),
    )


def _start(shop: Shop, code: str) -> str:
    """Scan a label as a program would that does not give up: again if nobody answers."""

    def scanned() -> str | None:
        before = shop.running()
        try:
            answer = shop.scan(code)
        except httpx.TransportError:
            return None
        take = answer.json().get("take") if answer.status_code == 202 else None
        return take if take != before else None

    return str(until(scanned, what="a take begins", pause=0.3))


def same_bytes(shop: Shop, take: str) -> bool:
    """Whether the hub's films are, byte for byte, what the station has and what its manifest lists."""
    # A take that was cut in its first moments has no film.
    cameras = [camera for camera in manifest(shop, take).cameras if camera.parts]
    return all(_same_film(shop, take, camera) for camera in cameras)


def _same_film(shop: Shop, take: str, camera: Camera) -> bool:
    film = BytesIO(shop.film(take, camera.id))
    for unit in film_units(camera):
        if unit.kind == "init":
            path = shop.layout.init_file(take, camera.id, unit.number)
        else:
            path = shop.layout.part_file(take, camera.id, unit.number)
        data = film.read(unit.size)
        # A station whose disk runs low lets go of what it has a receipt for.
        here = path.read_bytes() if path.exists() or not _receipted(shop, take) else data
        if hashlib.sha256(data).hexdigest() != unit.sha256 or here != data:
            return False
    return not film.read(1)


def _receipted(shop: Shop, take: str) -> bool:
    return (shop.layout.take(take) / "receipt.json").exists()


def manifest(shop: Shop, take: str) -> Manifest:
    """Return a take's manifest as the station laid it beside its parts."""
    path = shop.layout.take(take) / "manifest.json"
    # On a slow disk the hub may have it before the folder does.
    until(path.exists, what=f"the manifest of take {take} lies in its folder")
    data = path.read_bytes()
    return Manifest.from_payload(dict(Statement.from_json(data).payload))
