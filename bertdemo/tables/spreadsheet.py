"""CSV files that a person opens in a spreadsheet: UTF-8 with a byte-order mark, and no cell runs as a formula.

Every CSV that leaves the app is written here. A program reads it with the encoding `utf-8-sig`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

# Characters that start a formula in a spreadsheet, full-width forms included (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe(cell: str) -> str:
    """Return the cell with an apostrophe before it where a spreadsheet would evaluate it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table; without a byte-order mark Excel would decode the file with an old code page.

    Names of columns are cells too: a visitor's own table can have a formula there.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)  # ends lines with CR LF, and therefore quotes a cell that contains either
        writer.writerows([safe(cell) for cell in row] for row in chain([header], rows))
