"""What this computer can encode: each camera that has to be encoded takes its share of the processor's cores
before it begins, and one that would take more than is left is refused. Better no picture and a sentence than
pictures missing from every film.

The shares of all processes of a user count together. Each is a file that its process holds locked; the system
lets go of the lock when the process dies, however it dies, and whoever comes next clears the file away.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
from pathlib import Path
from typing import Self

LIMIT = 0.75
"""Of all cores: the rest records, uploads, reads labels and shows the page."""
ONE_THREAD = 0.9
"""Of one core: what one thread may take at most."""
QUOTA = Path("/sys/fs/cgroup/cpu.max")
FILE_LIMIT = 100
SMOOTH = 0.05
SAY_SECONDS = 2.0


class Share:
    """A camera's share of the cores, held until it is closed."""

    def __init__(self, path: Path, held: int) -> None:
        self._path = path
        self._held = held

    def set(self, cores: float) -> None:
        """Say how much it takes in truth."""
        os.pwrite(self._held, f"{cores:8.3f}".encode(), 0)

    def close(self) -> None:
        """Give it back."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._held)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Running:
    """One camera's share while it runs, followed by what it takes in truth."""

    def __init__(self, budget: "Budget") -> None:
        self._budget = budget
        self._share: Share | None = None
        self._rate: float | None = None
        self._seconds: float | None = None
        self._said = 0.0

    def take(self, cores: float, *, rate: float | None) -> bool:
        """Take a share, in place of the one before; False if less is left, and then there is none. `rate`:
        pictures a second, by which what one takes is told; None where that cannot be measured.
        """
        self.close()
        try:
            found = self._budget.take(cores)
        except OSError:
            return True  # no folder to agree with others in is no reason not to film
        if not isinstance(found, Share):
            return False
        self._share, self._rate, self._seconds = found, rate, None
        return True

    def used(self, seconds: float, now: float) -> None:
        """A picture took so many seconds of one core, at `now`, monotonic."""
        before = self._seconds
        self._seconds = seconds if before is None else before + SMOOTH * (seconds - before)
        if self._share is not None and self._rate is not None and now - self._said >= SAY_SECONDS:
            self._said = now
            self._share.set(self._seconds * self._rate)

    def close(self) -> None:
        """Give the share back."""
        if self._share is not None:
            self._share.close()
            self._share = None


class Budget:
    """All shares of this machine, in one folder."""

    def __init__(self, folder: Path | None = None, *, cores: float | None = None) -> None:
        self._folder = folder or usual_folder()
        self.cores = cores_here() if cores is None else cores

    @property
    def limit(self) -> float:
        """Cores that all cameras together may take."""
        return LIMIT * self.cores

    def take(self, cores: float) -> Share | float:
        """Take so many cores. Returns how many are left where that is less.

        Raises:
            OSError: the folder cannot be used.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(f"{self._folder} is no folder of this user's own")
        with (self._folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            left = self.limit - self._taken()
            if cores > left:
                return max(0.0, left)
            held, name = tempfile.mkstemp(suffix=".share", dir=self._folder)
            fcntl.flock(held, fcntl.LOCK_EX)
            share = Share(Path(name), held)
            share.set(cores)
            return share

    def _taken(self) -> float:
        """What all that are alive take; the dead are cleared away."""
        total = 0.0
        for path in self._folder.glob("*.share"):
            try:
                with path.open("rb") as share:
                    if _is_held(share.fileno()):
                        total += float(share.read(FILE_LIMIT))
                    else:
                        path.unlink(missing_ok=True)
            except (OSError, ValueError):
                continue  # it was given back just now
        return total


def usual_folder() -> Path:
    """The folder that all processes of this user share, whether a service or a person began them."""
    return Path(tempfile.gettempdir()) / f"packwitness-encoding-{os.getuid()}"


def _is_held(share: int) -> bool:
    try:
        fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def cores_here() -> float:
    """Cores that this process may use, as the system's scheduler and a container's limit tell."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # not on every system
        cores = float(os.cpu_count() or 1)
    try:
        quota, period = QUOTA.read_text().split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):
        return cores
