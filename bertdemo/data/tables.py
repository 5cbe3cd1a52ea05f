"""An uploaded file as a table of text (see `read`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Note:
    """Something about the file that a person should know: a locale key `table.<code>` and its parameters."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Columns of text, all of one length. A missing cell is None; "NA", "001" and "1e5" stay text."""

    name: str
    """File name as uploaded, for people; never a path."""
    columns: Mapping[str, tuple[str | None, ...]]
    """In the file's order."""
    row_numbers: tuple[int, ...]
    """Where each row stands in the file, counted as a spreadsheet or editor does (the header is line 1)."""
    notes: tuple[Note, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.row_numbers)
