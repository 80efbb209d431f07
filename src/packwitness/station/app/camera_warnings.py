"""What is wrong with a bench's cameras, for the screen and for the hub. Pure."""

from collections.abc import Collection, Iterable, Sequence

from packwitness.station.config import CameraSettings
from packwitness.station.kiosk.view import WarningView


def camera_warnings(
    cameras: Sequence[CameraSettings],
    *,
    up: Collection[str],
    stalled: Collection[str],
    troubles: Iterable[tuple[str, str]],
    unreadable: bool,
    mute: Collection[str],
    second_lost: Collection[str],
) -> list[WarningView]:
    """Return the warnings in the order in which they matter. All but ``troubles`` (a code and a camera) are
    ids of cameras: those that give pictures, are connected and silent, give no sound though they should,
    and whose stream to look at is away.
    """
    titles = {camera.id: camera.title for camera in cameras}
    found = [("camera_stalled" if one in stalled else "camera_lost", one) for one in titles if one not in up]
    found += troubles
    wrong = [WarningView(code, {"camera": titles[camera]}) for code, camera in found]
    if unreadable:
        wrong.append(WarningView("label_unreadable"))
    for code, which in (("no_sound", mute), ("second_stream_lost", second_lost)):
        wrong += [WarningView(code, {"camera": titles[one]}) for one in titles if one in which and one in up]
    return wrong


def short(warning: WarningView) -> str:
    """Return a warning as the hub is told of it."""
    return ":".join([warning.code, *warning.values.values()])[:200]
