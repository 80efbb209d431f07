"""See that what `make faults` needs beside Python is there: strace and libfaketime.

Where something is missing it is installed when that is possible without asking anybody: as root on Debian or
Ubuntu. Elsewhere on Linux the exit code is 1 and the text says what to do; other systems have no strace, and
do without those faults.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.browser import install

STRACE = "strace"
FAKETIME_PACKAGE = "libfaketime"


def faketime() -> Path | None:
    """The library that tells a program another time."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")) + sorted(
        Path("/usr/lib/faketime").glob("libfaketimeMT.so.1")
    )
    return found[0] if found else None


def missing() -> list[str]:
    """The Debian names of what is not there."""
    return [
        package
        for package, there in (
            (STRACE, shutil.which(STRACE) is not None),
            (FAKETIME_PACKAGE, faketime() is not None),
        )
        if not there
    ]


def main() -> int:
    """Install what is missing, or say how; 0 when everything is there that can be."""
    if sys.platform != "linux":
        return 0
    wanted = missing()
    if wanted and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        print(f"Installing {', '.join(wanted)} for the fault tests …", flush=True)
        try:
            install(wanted)
        except subprocess.CalledProcessError as error:
            print(f"{' '.join(error.cmd)} failed with exit code {error.returncode}.", file=sys.stderr)
        wanted = missing()
    if wanted:
        print(
            f"The fault tests need {' and '.join(wanted)} (Debian's names). On Debian or Ubuntu:\n"
            f"    sudo apt-get install {' '.join(wanted)}",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
