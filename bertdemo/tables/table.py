"""A table of text: what every reader makes of a file and everything else reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bertdemo.tables.parse_options import UNREAD, DetectedFormat, Note


@dataclass(frozen=True)
class Table:
    """Columns of text, all of one length. A missing cell is None; "NA", "001" and "1e5" stay text.

    The columns of a large table are `stored.Column`: decoded where they are looked at, cheap in order.
    """

    name: str
    """File name as uploaded, for people; never a path."""
    columns: Mapping[str, Sequence[str | None]]
    """In the file's order."""
    row_numbers: Sequence[int]
    """Where each row stands in the file, counted as a spreadsheet or editor does (the header is line 1)."""
    notes: tuple[Note, ...] = ()
    detected: DetectedFormat = UNREAD

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_numbers)
