"""``python -m packwitness.converter``: started by the hub, with a pipe at each end."""

import importlib
import os
import pkgutil
import resource
import sys
from contextlib import suppress
from typing import BinaryIO

from packwitness.converter import confinement, contract
from packwitness.converter.contract import Failure, Settings


def main(source: BinaryIO, target: BinaryIO) -> int:
    """Convert what comes until it ends; return the exit code."""
    try:
        first = contract.read(source)
        if first is None or first[0] != contract.SETTINGS:
            raise contract.Broken("the first message is no settings")
        settings = Settings.model_validate_json(first[1])
        _limit(settings)
        failure = _convert(settings, source, target)
    except contract.Broken as error:
        failure = Failure(reason="broken", detail=str(error))
    except MemoryError:
        failure = Failure(reason="out_of_memory")
    if failure is not None:
        contract.write(target, contract.FAILED, failure.model_dump_json().encode())
    target.flush()
    return 0 if failure is None else 1


def _convert(settings: Settings, source: BinaryIO, target: BinaryIO) -> Failure | None:
    # Loaded only under the limits.
    import av
    import av.error

    from packwitness.converter.convert import Conversion, Impossible

    av.logging.set_level(None)
    # PyAV loads some of itself only when a stream asks for it, which would be too late.
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    # Whatever the film makes the decoder do: it can reach no other process, file or socket from here on.
    confinement.confine()
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    conversion = Conversion(settings, lambda kind, body: contract.write(target, kind, body))
    try:
        while message := contract.read(source):
            kind, body = message
            if kind == contract.INIT:
                conversion.init(body)
            elif kind == contract.PART:
                conversion.part(*contract.read_part(body))
                target.flush()
            elif kind == contract.END:
                done = conversion.end()
                contract.write(target, contract.DONE, done.model_dump_json().encode())
                return None
            else:
                raise contract.Broken(f"no such message: {kind!r}")
    except Impossible as error:
        return Failure(reason=error.reason, detail=str(error)[: contract.DETAIL_LIMIT])
    except av.error.FFmpegError as error:
        said = f"{type(error).__name__}: {error.strerror}"
        return Failure(reason="not_video", detail=said[: contract.DETAIL_LIMIT])
    # Whoever feeds it has died; nobody reads this.
    return Failure(reason="broken", detail="the stream ends before the end was said")


def _limit(settings: Settings) -> None:
    """Bound what this process can cost: memory, time, priority; it writes no file and leaves no core."""
    os.nice(settings.nice)
    limits = {
        resource.RLIMIT_AS: settings.memory_bytes,
        resource.RLIMIT_CPU: settings.cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        # A stricter limit that is set already stays.
        with suppress(ValueError, OSError):
            _, hard = resource.getrlimit(limit)
            bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(limit, (bound, bound))


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
