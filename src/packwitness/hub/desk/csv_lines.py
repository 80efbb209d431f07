"""Lines of CSV that spreadsheet programs read rightly and do not carry out."""

import csv
from collections.abc import Sequence

MARK = "\ufeff"
"""Tells spreadsheet programs that what follows is UTF-8."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """What ``csv.writer`` needs to give its lines back."""

    def write(self, value: str) -> str:
        return value


def csv_line(cells: Sequence[str]) -> str:
    """Return one line. A cell that a spreadsheet would take for a formula gets a quote in front."""
    return str(
        csv.writer(_Echo()).writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells])
    )


def csv_start(headings: Sequence[str]) -> str:
    """Return the first line of a file."""
    return MARK + csv_line(headings)
