"""This computer's clock: whether something keeps it right, and how far it is from the hub's."""

import ctypes
import time

from packwitness.station.app.clock import Measurement
from packwitness.station.app.doctor.verdict import Verdict, fail, ok, warn

UNSYNCHRONISED = 0x0040
"""STA_UNSYNC of the kernel's clock discipline, which ntpd, chrony and systemd-timesyncd clear."""
TIME_ERROR = 5
STATUS_AT = 5 * ctypes.sizeof(ctypes.c_long)
"""Where `struct timex` has `status`: behind modes (padded), offset, freq, maxerror and esterror."""
TIMEX_BYTES = 512
"""More than `struct timex` is long."""


def synchronised() -> bool | None:
    """Whether a time server keeps the clock, as the kernel was told; None where the system does not say."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return None
    timex = ctypes.create_string_buffer(TIMEX_BYTES)  # all zero: it is asked, and nothing is set
    state = adjtimex(timex)
    if state < 0:
        return None
    status = int.from_bytes(timex.raw[STATUS_AT : STATUS_AT + 4], "little")
    return state != TIME_ERROR and not status & UNSYNCHRONISED


def judge(in_step: bool | None, offset: Measurement | None, *, limit_ms: int) -> list[Verdict]:
    """`offset`: against the hub, None where it did not answer."""
    judged = []
    match in_step:
        case True:
            judged.append(ok("clock", "A time server keeps it.", facts={"synchronised": True}))
        case False:
            judged.append(
                warn(
                    "clock",
                    "Nothing keeps it right, as far as the system says.",
                    "Switch a time service on (systemd-timesyncd, chrony). In a container the host does it.",
                    facts={"synchronised": False},
                )
            )
        case None:
            judged.append(ok("clock", "This system does not say whether a time server keeps it."))
    if not time.get_clock_info("monotonic").monotonic:
        judged.append(fail("clock", "This system has no clock that only goes forward.", "Use another."))
    if offset is not None:
        judged.append(_against_hub(offset, limit_ms))
    return judged


def _against_hub(offset: Measurement, limit_ms: int) -> Verdict:
    facts = {"offset_ms": offset.offset_ms, "uncertainty_ms": offset.uncertainty_ms}
    text = f"{offset.offset_ms / 1000:+.1f} s (± {offset.uncertainty_ms / 1000:.1f}) against the hub's."
    if abs(offset.offset_ms) - offset.uncertainty_ms > limit_ms:
        return fail(
            "clock",
            text,
            "Set this computer's clock, or the hub's: manifests state the difference.",
            subject="against hub",
            facts=facts,
        )
    return ok("clock", text, subject="against hub", facts=facts)
