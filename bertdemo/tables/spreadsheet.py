"""CSV files that a person opens in a spreadsheet: read as UTF-8 there, and no cell of ours is taken for a formula.

Every CSV that leaves the app is written here. A program reads it with the encoding `utf-8-sig`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula, also in full width."""


def safe(cell: str) -> str:
    """Return the cell with an apostrophe before it where a spreadsheet would compute it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], *, keep_formulas: bool = False) -> None:
    """Write a table; without the mark at its beginning Excel takes the file for one in an old encoding.

    `keep_formulas` is for a visitor's own table, whose cells must come back as they were uploaded.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)  # ends lines with CR LF, and so puts quotes around a cell with either
        writer.writerow(header)
        writer.writerows(row if keep_formulas else [safe(cell) for cell in row] for row in rows)
