"""What a program asks of the system, recorded with strace: every write, every name, every fsync, in order."""

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from tools.fault_tools import STRACE

FILES: Final = (
    *(
        "openat",
        "creat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "unlink",
        "unlinkat",
        "rename",
        "renameat",
        "renameat2",
    ),
    *("link", "linkat", "symlink", "symlinkat"),
    *("write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "truncate", "fallocate"),
    *("copy_file_range", "sendfile", "fsync", "fdatasync", "sync_file_range", "msync"),
)
"""All that changes files or makes their change durable, but writing into mapped memory."""
TALK: Final = ("sendto", "sendmsg")
"""What tells others that something was done."""
SYNCS: Final = ("fsync", "fdatasync")

_LINE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$", re.DOTALL)
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?:<([^>]*)>)?(?: .*)?$", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$", re.DOTALL)
_ARGUMENT = re.compile(
    r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?|(-?\w+)<([^>]*)>(\(deleted\))?|\{|\}|\[|\]|[^,"<{}\[\]]+'
)
UNFINISHED = " <unfinished ...>"


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded. ``began`` and ``ended`` number the moments of the whole recording; ``at`` is
    when it began, in seconds since 1970.

    ``words`` are its arguments in order: text as bytes, a file handle as its number and the path behind it.
    """

    began: int
    ended: int
    at: float
    name: str
    words: tuple[bytes | str | tuple[str, str], ...]
    result: int
    opened: str
    """The path behind a handle that was returned."""

    def text(self, number: int) -> bytes:
        """Return the text among the arguments that is counted so, from 0."""
        return [word for word in self.words if isinstance(word, bytes)][number]

    def handle(self, number: int = 0) -> tuple[str, str]:
        """Return the handle among the arguments that is counted so, from 0: number and path."""
        return [word for word in self.words if isinstance(word, tuple)][number]

    def number(self, at: int) -> int:
        """Return a plain number among the arguments."""
        word = self.words[at]
        assert isinstance(word, str), (self.name, word)
        return int(word, 0)


def under(log: Path, *, calls: Sequence[str]) -> list[str]:
    """Return the words before a command that have it and its children recorded, in their own processes."""
    return [
        *(shutil.which(STRACE) or STRACE, "-D", "-f", "--seccomp-bpf", "-q", "-y", "-xx", "-ttt"),
        *("-s", "20000000", "-o", str(log), "-e", f"trace={','.join(calls)}"),
        *("-e", "signal=none"),
    ]


def tracer_of(process: int) -> psutil.Process | None:
    """Return the strace that watches a process."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("TracerPid:") and (number := int(line.split()[1])):
            return psutil.Process(number)
    return None


def wait_for_the_end(tracer: psutil.Process | None) -> None:
    """Wait until the recording of processes that are gone is written."""
    if tracer is not None:
        with suppress(psutil.NoSuchProcess):
            tracer.wait(20)
        end = time.monotonic() + 20
        while tracer.is_running() and time.monotonic() < end:
            time.sleep(0.02)


def read(log: Path) -> Iterator[Call]:
    """Yield what was recorded, in the order in which the calls ended."""
    begun: dict[str, tuple[int, float, str]] = {}
    with log.open(encoding="ascii", errors="replace") as lines:
        for number, line in enumerate(lines):
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                continue
            process, at, text = found[1], float(found[2]), found[3]
            if text.endswith(UNFINISHED):
                begun[process] = (number, at, text.removesuffix(UNFINISHED))
                continue
            began = number
            if resumed := _RESUMED.match(text):
                if process not in begun:
                    continue
                began, at, head = begun.pop(process)
                text = head + resumed[1]
            if call := _call(text, began, number, at):
                yield call


def _call(text: str, began: int, ended: int, at: float) -> Call | None:
    found = _CALL.match(text)
    if found is None or found[3] == "?" or (result := int(found[3], 0)) < 0:
        return None
    return Call(began, ended, at, found[1], tuple(_words(found[2])), result, _plain(found[4] or ""))


def _words(arguments: str) -> Iterator[bytes | str | tuple[str, str]]:
    for found in _ARGUMENT.finditer(arguments):
        if found[1] is not None:
            assert not found[2], "a text was recorded in part"
            yield bytes.fromhex(found[1].replace("\\x", ""))
        elif found[3] is not None:
            yield found[3], _plain(found[4])
        elif word := found[0].strip(" ,"):
            yield word


def _plain(path: str) -> str:
    """Undo ``-xx``."""
    if not path.startswith("\\x"):
        return path
    return bytes.fromhex(path.replace("\\x", "")).decode(errors="replace")
