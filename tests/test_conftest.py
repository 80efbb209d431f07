import re
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).with_name("conftest.py")
CONFIG = """[tool.pytest]
addopts = ["--import-mode=importlib", "-p", "no:django", "-n", "2", "--dist", "loadgroup", "-v"]
markers = ["e2e: browser"]
"""
TWO_TESTS = "def test_a(): pass\ndef test_b(): pass\n"


def test_browser_tests_take_turns_in_one_worker(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    for place in ("tests/e2e/test_one.py", "tests/e2e/desk/test_two.py", "tests/hub/test_three.py"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(TWO_TESTS)
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST.read_text())

    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "tests"], cwd=tmp_path, capture_output=True, text=True
    )
    ran = re.findall(r"^\[(gw\d)\] .* PASSED (\S+)", answer.stdout, re.MULTILINE)

    assert answer.returncode == 0, answer.stdout
    assert sorted(name for _, name in ran) == [
        "tests/e2e/desk/test_two.py::test_a@e2e",
        "tests/e2e/desk/test_two.py::test_b@e2e",
        "tests/e2e/test_one.py::test_a@e2e",
        "tests/e2e/test_one.py::test_b@e2e",
        "tests/hub/test_three.py::test_a",
        "tests/hub/test_three.py::test_b",
    ]
    assert len({worker for worker, name in ran if name.endswith("@e2e")}) == 1
