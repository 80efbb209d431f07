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
NEAR = 5  # lines
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
    r"#\s*(?P<what>noqa:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*|type:\s*ignore\[[^\]]*\])(?P<reason>.*)"
)


def comments(text: str) -> dict[int, str]:
    """The comments of a file by line."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def silencers_without_reason(said: dict[int, str], lines: list[str]) -> Iterator[int]:
    """Lines where a linter or the type checker is told to be quiet and nobody says why.

    A reason serves the same silencer a few lines further on.
    """
    explained: dict[str, int] = {}
    for number, comment in sorted(said.items()):
        match = SILENCER.search(comment)
        if not match:
            continue
        above = lines[number - 2].lstrip().startswith("#") if number > 1 else False
        near = number - explained.get(match["what"], -NEAR) < NEAR
        if above or near or re.search(r"\w{3}", match["reason"]):
            explained[match["what"]] = number
        else:
            yield number


def unexplained_imports(tree: ast.AST, said: dict[int, str], lines: list[str]) -> Iterator[int]:
    """Lines of imports inside functions with no comment at them; one comment serves a run of imports."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        previous, explained = 0, False
        inside = (inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom))
        for inner in sorted(inside, key=lambda inner: inner.lineno):
            last = inner.end_lineno or inner.lineno
            follows = explained and not any(line.strip() for line in lines[previous : inner.lineno - 1])
            explained = follows or any(line in said for line in range(inner.lineno - 1, last + 1))
            previous = last
            if not explained:
                yield inner.lineno


def unexplained_catches(tree: ast.AST, said: dict[int, str]) -> Iterator[int]:
    """Lines of `except Exception` and wider that swallow and have no comment at them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            names = (
                {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {""}
            )
            raises_again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            near = range(node.lineno - 1, node.body[0].lineno + 1)
            wide = names & {"", "Exception", "BaseException"}
            if wide and not raises_again and not any(line in said for line in near):
                yield node.lineno


def without_reason(text: str) -> list[int]:
    """Every line of a module that owes a reason."""
    said, lines, tree = comments(text), text.splitlines(), ast.parse(text)
    return sorted(
        {
            *silencers_without_reason(said, lines),
            *unexplained_imports(tree, said, lines),
            *unexplained_catches(tree, said),
        }
    )


def test_whoever_silences_or_catches_all_says_why() -> None:
    found: list[str] = []
    for path in EVERYTHING:
        lines = without_reason(path.read_text())
        found.extend(f"{path.relative_to(ROOT)}:{line} gives no reason" for line in lines)

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


def test_the_check_of_reasons_finds_what_it_looks_for() -> None:
    text = """
import os  # noqa: F401
import re  # noqa: F401 - kept for its side effect
import io  # noqa: F401
def f():
    import ast
    # heavy: only this path needs it
    import json

    import csv
    print(csv)
    import sys
    try:
        pass
    except Exception:
        pass
    try:
        pass
    except Exception:  # a plug-in may raise anything
        pass
    try:
        pass
    except BaseException:
        print()
        raise
"""
    owing = ["import os  # noqa: F401", "    import ast", "    import sys", "    except Exception:"]

    assert [text.splitlines()[line - 1] for line in without_reason(text)] == owing
