"""Cameras that stream in ways that are right and rare: a keyframe every ten seconds, B-frames, a sound that
stops, and another picture size in the middle of a parcel.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from packwitness.evidence.manifest import Manifest
from tests.e2e import numbered_film
from tests.e2e.shop import until
from tests.faults.scene import Fault, Scene
from tests.station.cameras.rtsp_server import RtspCameraServer

LONG_GROUP: Final = 10 * numbered_film.RATE
B_FRAMES: Final = 3
OTHER_SIZE: Final = (1280, 720)
FILMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "stream-long-group": {"group": LONG_GROUP},
    "stream-b-frames": {"b_frames": B_FRAMES},
    "stream-sound-stops": {"sound_s": 5},
}
"""How the film is made that all cameras of a fault's shop show; the others show the usual one."""


def _film_on(scene: Scene) -> None:
    """Film for a while, and see that it could be watched meanwhile."""
    take = next(reversed(scene.shop.codes))
    time.sleep(scene.rng.uniform(3, 7))
    for camera in scene.shop.lines:
        until(
            lambda camera=camera: "#EXTINF" in scene.shop.playlist(take, camera).text,  # type: ignore[misc] # bound now
            what=f"{camera} can be watched",
        )


def _whole(late: int = 0) -> Callable[[Scene, Manifest], None]:
    """Each picture is in the films once, in order, and can be read.

    A film ends in decode order: with B-frames its last picture came before some that are shown earlier, which
    may be beyond the end. So of the last ``late`` numbers all but the last may be missing; none before them.
    """

    def judge(scene: Scene, manifest: Manifest) -> None:
        for camera in manifest.cameras:
            assert not camera.gaps, camera.gaps
            seen = numbered_film.pictures(scene.shop.film(manifest.take, camera.id))
            sure = (seen[-1].number - late) % numbered_film.COUNT
            tail = next((n for n, one in enumerate(reversed(seen)) if one.number == sure), None)
            assert tail is not None, (camera.id, seen[-1], sure)
            assert numbered_film.holes(seen[: len(seen) - tail]) == [], camera.id
            numbers = [(one.number - sure) % numbered_film.COUNT for one in seen[len(seen) - tail :]]
            assert numbers == sorted(set(numbers)), (camera.id, numbers)

    return judge


def _other_size(scene: Scene) -> None:
    """Let one camera be another one for a while, with the same name and larger pictures."""
    shop = scene.shop
    folder = shop.house.data / "other"
    film = next(shop.house.data.parent.parent.glob("numbered.mp4"))
    if not folder.exists():
        folder.mkdir()
        numbered_film.make(folder / film.name, size=OTHER_SIZE)
    other = RtspCameraServer(folder)
    other.start()
    line = scene.rng.choice(list(shop.lines.values()))
    usual = line.camera_port
    try:
        line.lead_to(other.port)
        time.sleep(4)
        line.lead_to(usual)
        time.sleep(2)
    finally:
        other.stop()


def _two_sizes(scene: Scene, manifest: Manifest) -> None:
    inits = sorted(len(camera.inits) for camera in manifest.cameras)
    assert inits == [1, 3], inits


FAULTS: Final[dict[str, Fault]] = {
    "stream-long-group": Fault(_film_on, judge=_whole()),
    "stream-b-frames": Fault(_film_on, judge=_whole(B_FRAMES + 1)),
    "stream-sound-stops": Fault(_film_on, judge=_whole()),
    "stream-other-size": Fault(_other_size, judge=_two_sizes),
}
