"""Scanners. Most type like a keyboard into the kiosk's page, which only a scan there can test; what can be
told here is what is plugged in, and, at a terminal, what a scan arrives as.
"""

import os
import select
import sys
import termios
import time
import tty
from pathlib import Path

from packwitness.station.app.doctor.verdict import Verdict, fail, ok, warn
from packwitness.station.workflow.codes import CodeRefused, normalise

SERIAL = ("ttyACM*", "ttyUSB*", "rfcomm*")
CODE_BYTES = 4_096


def plugged_in(*, devices: Path = Path("/proc/bus/input/devices"), dev: Path = Path("/dev")) -> Verdict:
    """Name the keyboards (a scanner is one, as a rule) and serial ports of this machine."""
    try:
        text = devices.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    keyboards = [name for block in text.split("\n\n") if "kbd" in block and (name := _name(block))]
    ports = sorted(path.name for pattern in SERIAL for path in dev.glob(pattern))
    said = ", ".join([*keyboards, *ports])
    facts = {"keyboards": keyboards, "serial_ports": ports}
    rest = "Whether a scan reaches the bench only a scan at the kiosk's page tells."
    if not said:
        return ok("scanner", f"This machine has no keyboard and no serial port. {rest}", facts=facts)
    return ok("scanner", f"Plugged in: {said}. {rest}", facts=facts)


def _name(block: str) -> str:
    """The device's name in a block of the kernel's list, without what is no letter."""
    for line in block.splitlines():
        if line.startswith("N: Name="):
            return "".join(letter for letter in line[8:].strip('" ') if letter.isprintable())[:80]
    return ""


def scan_here(seconds: float, *, source: int | None = None) -> Verdict:
    """Wait for a scan at the terminal (`source`: its file descriptor), which a keyboard scanner ends with
    Enter.
    """
    source = sys.stdin.fileno() if source is None else source
    if not os.isatty(source):
        return fail("scan", "There is no terminal to scan into.", "Run this at a terminal of this machine.")
    before = termios.tcgetattr(source)
    # Each character as it comes: else a scan that does not end with Enter would look like none.
    tty.setcbreak(source, termios.TCSANOW)
    try:
        read = _typed(source, seconds)
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)
    return judge_scan(read, seconds)


def _typed(source: int, seconds: float) -> bytes:
    until, read = time.monotonic() + seconds, b""
    while (left := until - time.monotonic()) > 0 and len(read) < CODE_BYTES and not _ended(read):
        if select.select([source], [], [], left)[0]:
            piece = os.read(source, CODE_BYTES)
            if not piece:
                break
            read += piece
    return read


def _ended(read: bytes) -> bool:
    return b"\n" in read or b"\r" in read


def judge_scan(read: bytes, seconds: float) -> Verdict:
    """Say what the characters are that came within ``seconds``."""
    if not read:
        return fail(
            "scan",
            f"Nothing was scanned in {seconds:g} s.",
            "Is the scanner on, paired, and set to type like a keyboard?",
        )
    if not _ended(read):
        return warn("scan", "The scan does not end with Enter.", "Set the scanner's suffix to CR or Enter.")
    try:
        code = normalise(read.decode("utf-8", "replace").strip("\r\n"))
    except CodeRefused as refused:
        return fail(
            "scan",
            f"What came is no code ({refused.reason}).",
            "Set the scanner's keyboard to the same language as this computer's, and its prefixes off.",
        )
    return ok("scan", f"{len(code.text)} characters came, ended by Enter.", facts={"length": len(code.text)})
