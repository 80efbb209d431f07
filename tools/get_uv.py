#!/usr/bin/env python3
"""Put a working uv at .tools/uv and print its path.

Runs on any Python from 3.8, before anything of ours is installed, so it uses the standard library alone.

1. A uv on PATH that answers `uv --version` with at least MINIMUM is linked to. (A version manager's shim may
   be called uv and fail, so being found is not enough.)
2. Else the pinned version is installed from the package index: with pip in a throw-away virtual environment;
   where that cannot be made (Debian lacking python3-venv), with `pip install --target`; where there is no
   pip, by reading the index and unpacking the wheel here, if its SHA-256 is the one that the index states.

The index is PyPI, or the one that PIP_INDEX_URL or UV_DEFAULT_INDEX names.
"""

from __future__ import annotations

import argparse
import hashlib
import html.parser
import io
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from typing import Callable  # noqa: UP035 - collections.abc has no Callable[...] before 3.9

PINNED = "0.13.9"
MINIMUM = (0, 9, 0)  # the first series that reads everything pyproject.toml and uv.lock say
INDEX = "https://pypi.org/simple"
LARGEST_PAGE = 16 * 1024 * 1024
LARGEST_WHEEL = 200 * 1024 * 1024
BINARY = "uv.exe" if os.name == "nt" else "uv"


class Unavailable(Exception):
    """This way does not work on this machine; the next one may."""


def version_of(program: str | pathlib.Path) -> tuple[int, ...] | None:
    """The version of the uv at this path as a tuple, or None when it does not run."""
    try:
        answer = subprocess.run(
            [str(program), "--version"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(rb"uv (\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(int(n) for n in found.groups()) if answer.returncode == 0 and found else None


def run(command: list[str]) -> None:
    """Run an installer quietly; its last words become the reason when it fails."""
    try:
        answer = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False
        )
    except OSError as error:
        raise Unavailable(str(error)) from error
    if answer.returncode:
        lines = [line.strip() for line in answer.stdout.decode(errors="replace").splitlines() if line.strip()]
        raise Unavailable(lines[-1] if lines else f"exit code {answer.returncode}")


def from_path(folder: pathlib.Path) -> pathlib.Path:
    """Link to a working uv on PATH. A folder further back is tried when the first uv found does not work."""
    for place in os.environ.get("PATH", "").split(os.pathsep):
        candidate = shutil.which("uv", path=place) if place else None
        if candidate and (version_of(candidate) or (0,)) >= MINIMUM:
            link = folder / BINARY
            link.symlink_to(os.path.abspath(candidate))
            return link
    raise Unavailable("no uv on PATH that runs and is {} or newer".format(".".join(map(str, MINIMUM))))


def from_venv(folder: pathlib.Path) -> pathlib.Path:
    """Install with the pip that a new virtual environment brings."""
    run([sys.executable, "-m", "venv", str(folder / "venv")])
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    run([str(python), "-m", "pip", "install", "--only-binary", ":all:", "uv==" + PINNED])
    return scripts / BINARY


def from_target(folder: pathlib.Path) -> pathlib.Path:
    """Install with this Python's own pip, into a folder of our own."""
    target = folder / "target"
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--only-binary",
            ":all:",
            "--target",
            str(target),
            "uv==" + PINNED,
        ],
    )
    return target / "bin" / BINARY


class Links(html.parser.HTMLParser):
    """The addresses on a page of the simple index, each with the digest in its fragment."""

    def __init__(self) -> None:
        super().__init__()
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs.extend(value for name, value in attrs if name == "href" and value)


def wheel_ending() -> str:
    """How the file name of the wheel for this machine ends."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "x64": "x86_64", "i386": "i686", "i586": "i686"}.get(machine, machine)
    if sys.platform == "win32":
        return {"x86_64": "-win_amd64.whl", "arm64": "-win_arm64.whl", "i686": "-win32.whl"}.get(
            machine, "-win.whl"
        )
    if sys.platform == "darwin":
        return f"_{machine}.whl"
    return "{}_{}.whl".format("manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux", machine)


def fits(filename: str) -> bool:
    """Whether this file of the index is the pinned version's wheel for this machine."""
    if not filename.startswith(f"uv-{PINNED}-") or not filename.endswith(".whl"):
        return False
    ending = wheel_ending()
    if sys.platform == "darwin":
        return "-macosx_" in filename and filename.endswith(ending)
    if sys.platform == "win32":
        return filename.endswith(ending)
    # Linux tags carry the libc's version between kind and machine: manylinux_2_17_x86_64.manylinux2014_x86_64
    kind, machine = ending.split("_", 1)
    return "-" + kind in filename and filename.endswith("_" + machine)


def download(address: str, largest: int) -> tuple[bytes, str]:
    """The bytes at an address and the address after redirections; refuses more than `largest` bytes."""
    if urllib.parse.urlsplit(address).scheme not in ("https", "http"):
        raise Unavailable(f"{address} is not a web address")
    request = urllib.request.Request(
        address, headers={"Accept": "text/html", "User-Agent": "packwitness-setup"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read(largest + 1)
            final = answer.geturl()
    except (OSError, urllib.error.URLError) as error:
        raise Unavailable(f"{address}: {error}") from error
    if len(body) > largest:
        raise Unavailable(f"{address} is larger than {largest} bytes")
    return body, final


def from_wheel(folder: pathlib.Path) -> pathlib.Path:
    """Read the index, fetch the wheel, compare its digest with the index's word, unpack the one binary."""
    index = os.environ.get("PIP_INDEX_URL") or os.environ.get("UV_DEFAULT_INDEX") or INDEX
    page, base = download(index.rstrip("/") + "/uv/", LARGEST_PAGE)
    links = Links()
    links.feed(page.decode("utf-8", "replace"))
    for href in links.hrefs:
        address, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(base, href))
        filename = urllib.parse.unquote(address.rsplit("/", 1)[-1])
        if fits(filename):
            break
    else:
        raise Unavailable(f"the index has no wheel of uv {PINNED} for {platform.platform()}")
    stated = dict(urllib.parse.parse_qsl(fragment)).get("sha256")
    if not stated:
        raise Unavailable(f"the index states no SHA-256 for {filename}")
    wheel, _ = download(address, LARGEST_WHEEL)
    found = hashlib.sha256(wheel).hexdigest()
    if found != stated:
        raise Unavailable(f"{filename} has SHA-256 {found}, the index states {stated}")
    binary = folder / BINARY
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        binary.write_bytes(archive.read(f"uv-{PINNED}.data/scripts/{BINARY}"))
    binary.chmod(0o755)
    return binary


WAYS: dict[str, Callable[[pathlib.Path], pathlib.Path]] = {
    "path": from_path,
    "venv": from_venv,
    "target": from_target,
    "wheel": from_wheel,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--into", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent / ".tools"
    )
    parser.add_argument(
        "--ways", nargs="+", choices=list(WAYS), default=list(WAYS), help="try only these, in this order"
    )
    chosen = parser.parse_args()
    wanted = chosen.into / BINARY
    if (version_of(wanted) or (0,)) >= MINIMUM:
        print(wanted)
        return 0
    chosen.into.mkdir(parents=True, exist_ok=True)
    reasons = []
    for way in chosen.ways:
        # In the same file system as its destination, so that the last step is one rename.
        folder = pathlib.Path(tempfile.mkdtemp(prefix="getting-uv-", dir=str(chosen.into)))
        try:
            got = WAYS[way](folder)
            version = version_of(got)
            if version is None:
                raise Unavailable("what was installed does not run")
            os.replace(str(got), str(wanted))
            print("{} (uv {}, by way of {})".format(wanted, ".".join(map(str, version)), way))
            return 0
        except Unavailable as reason:
            reasons.append(f"  {way}: {reason}")
        finally:
            shutil.rmtree(str(folder), ignore_errors=True)
    print("uv could not be installed. What was tried:", *reasons, sep="\n", file=sys.stderr)
    print(
        "Install it yourself (https://docs.astral.sh/uv/), put it on PATH, and start again.", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
