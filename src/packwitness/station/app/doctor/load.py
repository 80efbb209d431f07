"""Whether this machine's processor is enough for the cameras. An estimate, from what was measured once."""

import os
from collections.abc import Sequence

from packwitness.station.app.doctor.verdict import Verdict, fail, ok, warn
from packwitness.station.config import CameraSettings

RECORDING = 0.04
"""Cores for one camera of 1080p30 that encodes by itself."""
ENCODING = 0.8
"""Cores for one whose pictures this machine has to encode."""
LOOKING = 0.16
"""Cores to look for labels in 1080p30 (`bench/look.py`)."""
LOOKING_SMALLER = 0.04
MATRIX = 4.0
"""How much more looking costs with QR codes and DataMatrix."""
ENCODED_HERE = ("usb", "http", "https")
COMFORT = 0.7


def need_of(cameras: Sequence[CameraSettings], lookers: Sequence[CameraSettings], *, matrix: bool) -> float:
    """Return the cores that filming takes, looking for labels all the time."""
    kinds = [camera.url.partition(":")[0].lower() for camera in cameras]
    filming = sum(ENCODING if kind in ENCODED_HERE else RECORDING for kind in kinds)
    looking = sum(LOOKING_SMALLER if camera.look_url else LOOKING for camera in lookers)
    return filming + looking * (MATRIX if matrix else 1.0)


def judge(need: float, *, cores: int, busy: float) -> Verdict:
    """`busy`: programs that ran or waited for a core, on average over the last minute."""
    text = f"About {need:.2g} of {cores} cores are needed; the load of the last minute was {busy:.1f}."
    facts = {"needed": round(need, 2), "cores": cores, "busy": round(busy, 2)}
    advice = (
        "Use cameras that encode by themselves (RTSP), look for labels in a smaller stream "
        '(look = "rtsp://…"), or a machine with more cores.'
    )
    if need > cores:
        return fail("processor", text, f"Pictures will be dropped. {advice}", facts=facts)
    if need > cores * COMFORT:
        return warn("processor", text, advice, facts=facts)
    if busy > cores:
        return warn(
            "processor",
            text,
            "Other programs want more than there is: see which (top), and end them.",
            facts=facts,
        )
    return ok("processor", text, facts=facts)


def now() -> tuple[int, float]:
    """The cores that this process may use, and the load of the last minute."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        return cores, os.getloadavg()[0]
    except OSError:
        return cores, 0.0
