"""The disk that films go to: what it is, how fast parts become durable on it, and how much room there is.

Writes a file of at most 16 MiB that has no name, so that nothing is left of it whatever happens.
"""

import errno
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from packwitness.station.app.doctor.verdict import Verdict, fail, ok, warn
from packwitness.station.spool.guard import Disk, Room

PART_BYTES = 512 << 10
PARTS = 32
SECONDS = 3.0
SPARE = 3.0
"""A disk serves if it is so many times as fast as the cameras: films go up from it at the same time."""
SLOW_S = 0.5
"""A part should be durable within so long: there is one a second from each camera."""
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p")
FLEETING = ("tmpfs", "ramfs", "overlay")
FRAGILE = ("vfat", "exfat", "msdos")


@dataclass(frozen=True, slots=True)
class Written:
    """How a trial went: bytes a second and the slowest part's seconds; ``full``: there was no room."""

    bytes_per_s: float = 0.0
    slowest_s: float = 0.0
    full: bool = False
    trouble: str = ""


def try_writing(folder: Path, *, parts: int = PARTS, seconds: float = SECONDS) -> Written:
    """Write parts and make each durable, as the recorder does, for `seconds` at most."""
    data = os.urandom(PART_BYTES)
    slowest, count, began = 0.0, 0, time.monotonic()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            while count < parts and time.monotonic() - began < seconds:
                start = time.monotonic()
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                slowest = max(slowest, time.monotonic() - start)
                count += 1
    except OSError as error:
        return Written(full=error.errno in (errno.ENOSPC, errno.EDQUOT), trouble=error.strerror or "refused")
    return Written(count * PART_BYTES / (time.monotonic() - began), slowest)


def kind_of(folder: Path) -> str:
    """Return the type of the file system that holds `folder`; "" where the system does not tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    device = os.stat(folder).st_dev
    for line in lines:
        fields, _, rest = line.partition(" - ")
        if fields.split()[2] == f"{os.major(device)}:{os.minor(device)}":
            return rest.split()[0]
    return ""


def judge_kind(kind: str) -> Verdict:
    facts = {"kind": kind}
    if kind in FLEETING:
        return warn(
            "file system",
            f"{kind}: films may be gone when the machine or container starts anew.",
            "Put the station's folder on a disk.",
            facts=facts,
        )
    if kind in REMOTE:
        return warn(
            "file system",
            f"{kind}: films lie on another machine, and stop with the network.",
            "Put the station's folder on a disk of this machine.",
            facts=facts,
        )
    if kind in FRAGILE:
        return warn(
            "file system",
            f"{kind} does not survive a power cut well.",
            "Format it as ext4 or xfs.",
            facts=facts,
        )
    return ok("file system", f"{kind or 'of a kind that this system does not tell'}.", facts=facts)


def judge_speed(written: Written, *, need: float) -> Verdict:
    """`need`: bytes a second that all cameras give together."""
    facts = {
        "bytes_per_s": round(written.bytes_per_s),
        "slowest_ms": round(written.slowest_s * 1000),
        "needed_bytes_per_s": round(need),
    }
    if written.trouble:
        advice = "Make room on it." if written.full else "Check that the station may write there."
        return fail("disk", f"Nothing can be written: {written.trouble}.", advice, facts=facts)
    text = (
        f"{written.bytes_per_s / 1e6:.0f} MB/s made durable, the slowest part in "
        f"{written.slowest_s * 1000:.0f} ms; the cameras need {need / 1e6:.1f} MB/s."
    )
    advice = "Use a faster disk (no SD card, no USB stick), or less bit rate in the cameras."
    if written.bytes_per_s < need:
        return fail("disk", text, f"Pictures will be dropped. {advice}", facts=facts)
    if written.bytes_per_s < need * SPARE or written.slowest_s > SLOW_S:
        return warn("disk", text, advice, facts=facts)
    return ok("disk", text, facts=facts)


def judge_room(disk: Disk, *, need: float, full_bytes: int, budget: bool) -> Verdict:
    """`need` as above; room counts up to where no parcel is started any more."""
    if disk.gone:
        return fail(
            "room", "The folder of films is not there, or another disk's.", "Mount the disk that holds them."
        )
    hours = max(0, disk.free_bytes - full_bytes) / need / 3600 if need else None
    text = f"{disk.free_bytes / (1 << 30):.1f} GiB{' of the budget' if budget else ''} are free"
    if hours is not None:
        text += f", for {hours:.1f} hours of filming without a pause, if nothing went up to the hub"
    facts = {"free_bytes": disk.free_bytes, "hours": None if hours is None else round(hours, 1)}
    if disk.room is Room.FULL:
        return fail(
            "room", f"{text}.", "No parcel is started. Make room, or raise disk.budget_gb.", facts=facts
        )
    if disk.room is Room.LOW:
        return warn("room", f"{text}.", "Make room, or see that films go up to the hub.", facts=facts)
    return ok("room", f"{text}.", facts=facts)
