"""Running the converter: sealed bytes in, a copy out, in a process of its own and under limits.

The hub loads no FFmpeg (`.importlinter`): it starts ``python -m packwitness.converter`` where that can run
and talks to it by two pipes (``converter.contract``). Each part is compared with the digest that was sealed
before it goes in, so that nothing but the original is ever converted. The copy is written to a file without
a name: whatever becomes of this process, nothing is left behind, and the converter ends with its pipe.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from pydantic import BaseModel, ValidationError

from packwitness.converter import contract
from packwitness.converter.contract import Done, Failure, Settings
from packwitness.hub.recordings.layout import Layout
from packwitness.hub.recordings.names import InitName
from packwitness.hub.recordings.playback import FilmSource
from packwitness.hub.vault.interface import VaultError, VaultMissing

_REPORT_EVERY: Final = 1.0
"""Seconds between two reports of how far it is."""
_SLACK_SECONDS: Final = 120


class ConversionFailed(Exception):
    """There is no copy. ``reason`` is a code; ``retry`` says whether another attempt can succeed."""

    def __init__(self, reason: str, detail: str = "", *, retry: bool = False) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.retry = reason, retry


@dataclass(frozen=True)
class Piece:
    """An init or a part of the copy."""

    size: int
    sha256: str

    def to_value(self) -> dict[str, Any]:
        """Return it as the statement lists it."""
        return {"size": self.size, "sha256": self.sha256}


@dataclass
class Copy:
    """What came out; ``file`` holds all of it and is closed by whoever asked."""

    file: IO[bytes]
    done: Done
    original: Piece
    whole: Piece
    init: Piece
    parts: list[Piece] = field(default_factory=list)


def installed() -> bool:
    """Say whether this hub can convert: whether PyAV is there (``pip install 'packwitness[converter]'``)."""
    return importlib.util.find_spec("av") is not None


@contextmanager
def converted(
    *,
    source: FilmSource,
    layout: Layout,
    settings: Settings,
    scratch: Path,
    seconds: int,
    still_wanted: Callable[[int], bool],
) -> Iterator[Copy]:
    """Convert a camera's whole film.

    Args:
        source: its bytes.
        layout: what they are made of, as sealed.
        settings: how to convert.
        scratch: a folder with room for the copy.
        seconds: it may take.
        still_wanted: is told about once a second how many parts are done; False ends it.

    Raises:
        ConversionFailed: see there.
    """
    with tempfile.TemporaryFile(dir=scratch) as file:
        yield _Run(source, layout, settings, seconds, still_wanted).into(file)


class _Run:
    def __init__(
        self,
        source: FilmSource,
        layout: Layout,
        settings: Settings,
        seconds: int,
        still_wanted: Callable[[int], bool],
    ) -> None:
        self._source, self._layout, self._settings = source, layout, settings
        self._deadline = time.monotonic() + seconds
        self._still_wanted = still_wanted
        self._original = hashlib.sha256()
        self._fault: ConversionFailed | None = None

    def into(self, file: IO[bytes]) -> Copy:
        with subprocess.Popen(
            [sys.executable, "-I", "-m", contract.MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # None of the hub's secrets.
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
            # Ctrl-C is for the worker, which then ends it.
            start_new_session=True,
        ) as process:
            feeder = threading.Thread(
                target=self._feed, args=(self._pipe(process.stdin),), name="converter", daemon=True
            )
            watchdog = threading.Timer(max(0.0, self._deadline - time.monotonic()), process.kill)
            watchdog.daemon = True
            feeder.start()
            watchdog.start()
            try:
                copy = self._collect(process, file)
            finally:
                watchdog.cancel()
                process.kill()
                feeder.join()
        return copy

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> BinaryIO:
        """Return a process's pipe, which is there since it was asked for."""
        return cast(BinaryIO, pipe)

    def _feed(self, pipe: BinaryIO) -> None:
        """Send everything; what goes wrong is kept for ``_collect``, which sees the pipe close."""
        with suppress(BrokenPipeError, ValueError), pipe:
            try:
                contract.write(pipe, contract.SETTINGS, self._settings.model_dump_json().encode())
                self._feed_units(pipe)
                contract.write(pipe, contract.END)
            except VaultMissing as error:
                self._fault = ConversionFailed("film_gone", str(error))
            except VaultError as error:
                self._fault = ConversionFailed("store", str(error), retry=True)
            except ConversionFailed as error:
                self._fault = error

    def _feed_units(self, pipe: BinaryIO) -> None:
        blocks, left = self._source.open_range(), b""
        for unit in self._layout.units():
            held = [left]
            have = len(left)
            while have < unit.name.size and (block := next(blocks, b"")):
                held.append(block)
                have += len(block)
            data = b"".join(held)
            data, left = data[: unit.name.size], data[unit.name.size :]
            if hashlib.sha256(data).hexdigest() != unit.name.sha256:
                raise ConversionFailed("original_changed", str(unit.name))
            self._original.update(data)
            if isinstance(unit.name, InitName):
                contract.write(pipe, contract.INIT, data)
            else:
                name = unit.name
                contract.write_part(pipe, data, start=name.start, duration=name.duration, key=name.key)

    def _collect(self, process: subprocess.Popen[bytes], file: IO[bytes]) -> Copy:
        answers = self._pipe(process.stdout)
        whole, size = hashlib.sha256(), 0
        inits, parts = list[Piece](), list[Piece]()
        reported = time.monotonic()
        limit = size_limit(self._layout, self._settings)
        while message := self._next(answers, process):
            kind, body = message
            if kind == contract.DONE:
                done = self._told(Done, body)
                return self._copy(done, file, whole.hexdigest(), size, inits, parts)
            if kind == contract.FAILED:
                failure = self._told(Failure, body)
                raise self._fault or ConversionFailed(
                    failure.reason, failure.detail, retry=failure.reason == "out_of_memory"
                )
            whole.update(body)
            size += len(body)
            if kind == contract.INIT and not inits:
                found = inits
            elif kind == contract.PART and len(parts) < len(self._layout.parts):
                found = parts
            else:
                raise ConversionFailed("too_much", f"{kind!r} after {len(inits)} inits, {len(parts)} parts")
            if size > limit:
                raise ConversionFailed("too_much", f"more than {limit} bytes")
            found.append(Piece(len(body), hashlib.sha256(body).hexdigest()))
            file.write(body)
            if time.monotonic() - reported >= _REPORT_EVERY:
                reported = time.monotonic()
                if not self._still_wanted(len(parts)):
                    raise ConversionFailed("not_wanted")
        raise AssertionError("the loop ends by an answer")

    @staticmethod
    def _told[T: BaseModel](kind: type[T], body: bytes) -> T:
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            raise ConversionFailed("converter_died", f"its {kind.__name__} cannot be read") from error

    def _next(self, answers: BinaryIO, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        try:
            message = contract.read(answers)
        except contract.Broken:
            message = None
        if message is not None:
            return message
        if self._fault:
            raise self._fault
        if time.monotonic() >= self._deadline:
            raise ConversionFailed("too_slow")
        raise ConversionFailed("converter_died", f"status {process.wait()}", retry=True)

    def _copy(
        self,
        done: Done,
        file: IO[bytes],
        digest: str,
        size: int,
        inits: list[Piece],
        parts: list[Piece],
    ) -> Copy:
        if len(inits) != 1 or len(parts) != len(self._layout.parts):
            raise ConversionFailed("converter_died", "it did not answer every part")
        file.flush()
        file.seek(0)
        sealed = self._layout.units()
        original = Piece(sum(unit.name.size for unit in sealed), self._original.hexdigest())
        return Copy(file, done, original, Piece(size, digest), inits[0], parts)


def size_limit(layout: Layout, settings: Settings) -> int:
    """Return how many bytes a copy may have: whoever has taken the converter over cannot fill the disk.

    The encoder's own bound four times over, for it knows pictures and buffers and not seconds, and ten
    seconds' more for a film of few; and the sound, which is no larger than the original.
    """
    seconds = (layout.end_ms - layout.offset_ms) // 1000 + 10
    return settings.bits_per_second // 8 * 4 * seconds + sum(unit.name.size for unit in layout.units())


def seconds_for(film_ms: int) -> int:
    """Return how long a film's conversion may take by the clock: it gives way to all else on the machine."""
    return _SLACK_SECONDS + film_ms * 30 // 1000
