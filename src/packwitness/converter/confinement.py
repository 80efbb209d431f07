"""Landlock (Linux 5.13 on): what a process may reach, given up by itself and for good.

Where the kernel has none, or a container forbids it, nothing is given up: the limits of resources stand
alone.
"""

import ctypes
import os
import struct
import sys
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38
_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
"""The same on every architecture."""
_VERSION: Final = 1
_EVERY_FILE: Final = (1 << 13) - 1
"""Reading, writing, making, removing, executing: all that the first version knows."""
_TCP: Final = 3
"""Binding and connecting; from version 4 on."""
_SCOPES: Final = 3
"""Abstract sockets, and signals, of processes outside; from version 6 on."""


def confine() -> bool:
    """Keep this thread, and what it starts, from files and from other processes; say whether that is so.

    Landlock forbids a process inside to trace one outside and to read or write its memory, whoever the user
    is, and with Linux 6.12 to signal it. What is open stays open, such as pipes.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1 or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    wanted = [_EVERY_FILE, *([_TCP] if version >= 4 else []), *([_SCOPES] if version >= 6 else [])]
    # An older kernel is told no more than it knows.
    told = struct.pack(f"={len(wanted)}Q", *wanted)
    rules = libc.syscall(_CREATE_RULESET, told, ctypes.c_size_t(len(told)), 0)
    if rules < 0:
        return False
    try:
        return bool(libc.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)
