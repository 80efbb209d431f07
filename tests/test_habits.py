"""Habits of CONTRIBUTING.md that a program can look after."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = sorted(path for path in (ROOT / "src").rglob("*.py") if "migrations" not in path.parts)
EVERYTHING = [
    *SOURCE,
    *(path for folder in ("tests", "bench", "tools") for path in sorted((ROOT / folder).rglob("*.py"))),
]

LONGEST_MODULE = 400
NAMELESS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "services",
    "service",
    "manager",
    "managers",
    "misc",
}
SILENCER = re.compile(
    r"#\s*(?:noqa:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*|type:\s*ignore\[[^\]]*\])(?P<reason>.*)"
)


def comments(text: str) -> dict[int, str]:
    """The comments of a file by line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def silencers_without_reason(said: dict[int, str], lines: list[str]) -> Iterator[int]:
    """Lines where a linter or the type checker is told to be quiet and nobody says why."""
    for number, comment in said.items():
        match = SILENCER.search(comment)
        if (
            match
            and not re.search(r"\w{3}", match["reason"])
            and not lines[number - 2].lstrip().startswith("#")
        ):
            yield number


def unexplained(tree: ast.AST, said: dict[int, str]) -> Iterator[int]:
    """Lines of imports inside functions and of `except Exception` with no comment at them.

    One comment serves a run of imports on consecutive lines.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            previous, explained = 0, False
            inside = (inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom))
            for inner in sorted(inside, key=lambda inner: inner.lineno):
                last = inner.end_lineno or inner.lineno
                follows = explained and inner.lineno == previous + 1
                explained = follows or any(line in said for line in range(inner.lineno - 1, last + 1))
                previous = last
                if not explained:
                    yield inner.lineno
        elif isinstance(node, ast.ExceptHandler):
            names = (
                {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {""}
            )
            near = range(node.lineno - 1, node.body[0].lineno + 1)
            if names & {"", "Exception", "BaseException"} and not any(line in said for line in near):
                yield node.lineno


def test_whoever_silences_or_catches_all_says_why() -> None:
    found: list[str] = []
    for path in EVERYTHING:
        text = path.read_text()
        said = comments(text)
        lines = {*silencers_without_reason(said, text.splitlines()), *unexplained(ast.parse(text), said)}
        found.extend(f"{path.relative_to(ROOT)}:{line} gives no reason" for line in sorted(lines))

    assert found == []


def test_modules_fit_a_head() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCE}

    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_every_module_is_named_for_a_thing() -> None:
    names = {path: {*path.relative_to(ROOT).parts[:-1], path.stem} for path in SOURCE}

    assert [str(path.relative_to(ROOT)) for path, parts in names.items() if parts & NAMELESS] == []


def test_scripts_of_others_are_named_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text()
    vendored = [path for path in (ROOT / "src").glob("**/vendor/**/*") if path.is_file()]

    assert [
        path.name for path in vendored if path.suffix in {".js", ".css"} and path.name not in notice
    ] == []


def test_the_checks_above_find_what_they_look_for() -> None:
    text = "\n".join(
        [
            "import os  # noqa: F401",  # 1: no reason
            "import re  # noqa: F401 - kept for its side effect",
            "def f():",
            "    import ast",  # 4: no reason",
            "    # heavy: only this path needs it",
            "    import json",
            "    import csv",
            "    try:",
            "        pass",
            "    except Exception:",  # 10: no reason
            "        pass",
            "    try:",
            "        pass",
            "    except Exception:  # a plug-in may raise anything",
            "        pass",
        ]
    )
    said = comments(text)

    assert list(silencers_without_reason(said, text.splitlines())) == [1]
    assert sorted(unexplained(ast.parse(text), said)) == [4, 10]
