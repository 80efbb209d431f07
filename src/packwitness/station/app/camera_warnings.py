"""What is wrong with a bench's cameras, for the screen and for the hub. Pure."""

from collections.abc import Collection, Iterable, Sequence

from packwitness.station.app.quality import Quality
from packwitness.station.config import CameraSettings
from packwitness.station.kiosk.view import WarningView


def camera_warnings(
    cameras: Sequence[CameraSettings],
    *,
    up: Collection[str],
    quality: Quality,
    troubles: Iterable[tuple[str, str]],
    unreadable: bool,
    second_lost: Collection[str],
) -> list[WarningView]:
    """Return the warnings in the order in which they matter. ``up``: ids of the cameras that give pictures;
    ``troubles``: codes, and of which camera; ``second_lost``: ids of those whose stream to look at is away.
    """
    titles = {camera.id: camera.title for camera in cameras}
    given = {one: title for one, title in titles.items() if one in up}
    wrong = quality.lost({one: title for one, title in titles.items() if one not in up})
    wrong += [WarningView(code, {"camera": titles[camera]}) for code, camera in troubles]
    if unreadable:
        wrong.append(WarningView("label_unreadable"))
    wrong += quality.warnings(given)
    wrong += [
        WarningView("second_stream_lost", {"camera": title})
        for one, title in given.items()
        if one in second_lost
    ]
    return wrong


def short(warning: WarningView) -> str:
    """Return a warning as the hub is told of it."""
    return ":".join([warning.code, *warning.values.values()])[:200]
