"""What a film lacks, and what its manifest says of it."""

from packwitness.evidence.manifest import Camera, Manifest

HOLE_MS = 110
"""A hole shorter than this need not be stated: 100 ms of jitter, and what rounding to whole ms adds."""
OPEN_PART_MS = 1_300
"""The open part, and what the station takes to write one."""


def filmed_until(manifest: Manifest, camera: Camera) -> float:
    """Up to when a camera's film is there, seconds since 1970; from the scan on, if it has none.

    All cameras give pictures when a label is scanned. What was filmed before it lies in memory until then.
    """
    scanned = manifest.started_at.timestamp()
    if not camera.parts:
        return scanned
    last = camera.parts[-1]
    begin = manifest.film_from.timestamp() + camera.offset_ms / 1000
    return max(scanned, begin + (last.start + last.duration) / camera.timescale)


def unstated(manifest: Manifest, camera: Camera) -> int:
    """The longest time of a camera in ms that neither a part nor a gap covers, up to the take's stop.

    It counts from the scan, or from the camera's first picture if that was before.
    """
    scale = camera.timescale / 1000
    covered = [(part.start / scale, (part.start + part.duration) / scale) for part in camera.parts]
    # Gaps are in whole ms.
    covered += [
        (gap.at_ms - camera.offset_ms - 1, gap.at_ms - camera.offset_ms + gap.duration_ms + 1)
        for gap in camera.gaps
    ]
    scan, stop = (
        (moment - manifest.film_from).total_seconds() * 1000 - camera.offset_ms
        for moment in (manifest.started_at, manifest.stopped_at)
    )
    worst, end = 0.0, min(0.0, scan)
    for begin, over in [*sorted(covered), (stop, stop)]:
        worst = max(worst, begin - end)
        end = max(end, over)
    return max(0, round(worst))
