"""A table of text: what every file format is turned into and everything else reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertdemo.tables.parse_options import UNREAD, DetectedFormat, Note


@dataclass(frozen=True)
class Table:
    """Columns of text, all of one length. A missing cell is None; "NA", "001" and "1e5" stay text.

    The columns of a large table are `arrow_columns.Column`: decoded when they are read, cheap in order.
    """

    name: str
    """File name as uploaded, for people; never a path."""
    columns: Mapping[str, Sequence[str | None]]
    """In the file's order."""
    row_numbers: Sequence[int]
    """Line or row of the file for each row, counted as a spreadsheet or editor does (the header is line 1)."""
    notes: tuple[Note, ...] = ()
    detected: DetectedFormat = UNREAD

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_numbers)
