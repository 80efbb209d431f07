"""The outside of a CSV file: encoding, delimiter, headings. Knows columns by name, not what they mean."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

LIMIT_BYTES = 10 << 20
LIMIT_ROWS = 100_000
DELIMITERS = ",;\t"


class Unreadable(Exception):
    """The file as a whole cannot be read; the text says what to do."""


@dataclass(frozen=True)
class Row:
    """One row: ``line`` counts from 1 as an editor does, ``cells`` holds what is not empty, by column, and
    ``headings`` what the file calls each column.
    """

    line: int
    cells: Mapping[str, str]
    headings: Mapping[str, str] = field(default_factory=dict)


def decode(data: bytes) -> str:
    """Return the file's text: UTF-8 or UTF-16 by their marks, UTF-8 without one, or CP949 (Korean Excel).

    Raises:
        Unreadable: too large, a workbook, or in no encoding we know.
    """
    if len(data) > LIMIT_BYTES:
        raise Unreadable(
            _("The file is larger than 10 MB. Split it and import the pieces one after the other.")
        )
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Unreadable(
            _("This is an Excel workbook. In Excel choose “Save as” and “CSV UTF-8”, then import that.")
        )
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encodings = [name for mark, name in marks.items() if data.startswith(mark)] or ["utf-8", "cp949"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Unreadable(_("The file's letters cannot be read. Save it as “CSV UTF-8” and import that."))


def plain(heading: str) -> str:
    """Return a heading as it is compared: lower case, without spaces, dashes and underscores."""
    return "".join(letter for letter in heading.lower() if letter not in " -_\t\u3000.").strip()


def columns(line: str, headings: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return the delimiter that makes most of a heading line known, and the column of each cell ("":
    unknown).
    """
    best: tuple[str, list[str]] = (",", [])
    for delimiter in DELIMITERS:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        found = [headings.get(plain(cell), "") for cell in cells]
        if sum(map(bool, found)) > sum(map(bool, best[1])):
            best = (delimiter, found)
    return best


def rows(text: str, headings: Mapping[str, str], clean: Callable[[str], str]) -> Iterator[Row]:
    """Yield the rows below the heading line that hold anything. Of two columns of one meaning the first
    counts.

    Raises:
        Unreadable: nothing known in the heading line, broken quotes, or too many rows.
    """
    lines = text.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise Unreadable(_("The file is empty."))
    delimiter, names = columns(lines[first], headings)
    if not names:
        raise Unreadable(
            _("The first line names no column we know. It must hold headings such as “order number”.")
        )
    if "number" not in names:
        raise Unreadable(_("There is no column “order number”. Name one of the columns so."))
    own = _own_headings(next(csv.reader([lines[first]], delimiter=delimiter), []), names)
    reader = csv.reader(lines[first + 1 :], delimiter=delimiter, strict=True)
    given = 0
    while True:
        line = first + 2 + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(
                _("Line %(line)d cannot be read: a quotation mark is missing or stray.") % {"line": line}
            ) from error
        row: dict[str, str] = {}
        for name, cell in zip(names, cells, strict=False):
            value = clean(cell)
            if name and value:
                row.setdefault(name, value)
        if row:
            given += 1
            if given > LIMIT_ROWS:
                raise Unreadable(_("The file has more than 100,000 rows. Split it and import the pieces."))
            yield Row(line, row, own)


def _own_headings(cells: list[str], names: list[str]) -> dict[str, str]:
    """Return column -> the heading as the file writes it; of two of one meaning the first."""
    own: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=False):
        if name:
            own.setdefault(name, cell.strip())
    return own
