"""Rows with more cells than the header has names: what the cells beyond the last name are.

They are a row's own name in front of it, as R writes them; pieces of a text with an unquoted delimiter, which are
joined again; or cells of columns that have no name. The values that come again tell which.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from bertdemo.tables.formats.header import Headed, Row
from bertdemo.tables.parse_options import Note

Cells = list[str | None]
# Rows that decide.
_PEEKED = 1000
# A few rows may be broken.
_NEARLY_ALL = 0.9
# Rows of the header's length tell the values of a column if they are so many of all.
_ENOUGH = 0.2
# A reading must explain so many cells more per row than the usual one, which joins what is left to the last column.
_CLEARLY = 0.5
# Names of columns of row numbers: a header that begins with one does not lack it.
_NUMBERED = frozenset(["id", "idx", "index", "no", "nr", "uid", "guid", "key", "number", "row", "编号", "序号", "号"])
_ROW_NAME = re.compile(r"\d+|(?=\S*\d)[\w.:#/-]{1,30}", re.ASCII)
_WORDS = re.compile(r"\S+(?: \S+){0,2}")
# A longer first cell is rather a text.
_NAME_CHARS = 30
LAST = -1


@dataclass(frozen=True)
class Fitted:
    """A header that is as wide as the table, and what takes the cells beyond it."""

    headed: Headed
    surplus: int | None = LAST
    """The column to which the pieces of a longer row are joined; None: cells beyond the last column are left out."""


def fitted(headed: Headed, separator: str) -> Fitted:
    """Return the header of a delimited file with a name for each column, "" where it has none."""
    headed, peeked = _peeked(headed)
    width = len(headed.names)
    prose = _prose_column([_trimmed(cells) for cells in peeked], separator)
    if prose and headed.line == 0 and prose.width <= width:
        names = [f"column {index}" for index in range(1, prose.width + 1)]
        notes = [
            Note("no_header", {"columns": prose.width}) if note.code == "no_header" else note for note in headed.notes
        ]
        return Fitted(replace(headed, names=names, notes=tuple(notes)), prose.column)
    if prose and prose.width == width:
        return Fitted(headed, prose.column if prose.column < width - 1 else LAST)
    longer = [cells for cells in peeked if len(_trimmed(cells)) > width]
    if not longer:
        return Fitted(headed)
    if headed.line and _has_row_names(headed.names, peeked, separator):
        note = Note("row_names", {"column": "column 1"})
        return Fitted(replace(headed, names=["", *headed.names], notes=(*headed.notes, note)))
    column, names = _best(headed.names, [_trimmed(cells) for cells in peeked], separator)
    return Fitted(replace(headed, names=names), column)


@dataclass(frozen=True)
class _Prose:
    """The column of texts whose commas are not quoted, and how many columns there are."""

    width: int
    column: int


def _prose_column(rows: Sequence[Cells], separator: str) -> _Prose | None:
    """Return where cells that begin with a space follow a text, if joining them gives rows of one length."""
    if separator.isspace():
        return None
    widths, columns = Counter[int](), Counter[int]()
    for row in rows:
        pieces = [index for index, cell in enumerate(row) if index and (cell or "").startswith(" ")]
        widths[len(row) - len(pieces)] += 1
        columns.update({index - 1 - sum(other < index for other in pieces) for index in pieces})
    if not columns:
        return None
    (width, regular), (column, _) = widths.most_common(1)[0], columns.most_common(1)[0]
    in_one_column = regular >= _NEARLY_ALL * len(rows) and columns[column] >= _NEARLY_ALL * columns.total()
    return _Prose(width, column) if width > 1 and in_one_column else None


def widened(headed: Headed) -> Fitted:
    """Return the header of a sheet with "" for each column without a name that has cells.

    The cells of a sheet are where a person put them: none is ever joined to another.
    """
    headed, peeked = _peeked(headed)
    width = max((len(_trimmed(cells)) for cells in peeked), default=0)
    return Fitted(replace(headed, names=headed.names + [""] * (width - len(headed.names))), None)


def _peeked(headed: Headed) -> tuple[Headed, list[Cells]]:
    rows = iter(headed.rows)
    first: list[Row] = list(itertools.islice(rows, _PEEKED))
    again: Iterable[Row] = itertools.chain(first, rows)
    filled = [cells for _, cells in first if any(cell and not cell.isspace() for cell in cells)]
    return replace(headed, rows=again), filled


def _trimmed(cells: Cells) -> Cells:
    """Return the cells without empty ones at the end."""
    end = len(cells)
    while end and not cells[end - 1]:
        end -= 1
    return cells[:end]


def _has_row_names(names: Sequence[str], rows: Sequence[Cells], separator: str) -> bool:
    """Return whether each row has one cell more than the header, and that first cell is a row name."""
    if names[0].strip().casefold() in _NUMBERED:
        return False
    exact = [row for row in rows if len(row) == len(names) + 1]
    if len(rows) < 2 or len(exact) < _NEARLY_ALL * len(rows):
        return False
    first = [(row[0] or "").strip() for row in exact]
    # Words without a digit are row names only where no text is cut at the delimiter.
    form = _WORDS if separator in {"\t", " "} else _ROW_NAME
    short = all(len(name) <= _NAME_CHARS and form.fullmatch(name) for name in first)
    return short and len(set(first)) == len(first)


def _best(names: Sequence[str], rows: Sequence[Cells], separator: str) -> tuple[int, list[str]]:
    """Return (column that takes the pieces, names) of the reading that explains most cells of the longer rows."""
    width = len(names)
    regular = [row for row in rows if len(row) == width]
    longer = [row for row in rows if len(row) > width]
    known = regular if len(regular) >= _ENOUGH * len(rows) else []
    widest = Counter(map(len, longer)).most_common(1)[0][0] if not known else max(map(len, longer))

    def explained(column: int, among: int) -> float:
        return _explained([_joined(row, among, column, separator) for row in longer], known, column, separator)

    best, names_of_best, most = LAST, list(names), explained(width - 1, width) + _CLEARLY
    for column in range(width - 1):
        score = explained(column, width)
        pieces = [row[column] or "" for row in longer]
        if score >= most and _wordy(pieces, [_joined(row, width, column, separator)[column] or "" for row in longer]):
            best, names_of_best, most = column, list(names), score + 0.01
    apart = explained(-1, widest)
    if apart >= most:
        best, names_of_best = LAST, [*names, *[""] * (widest - width)]
    return best, names_of_best


def _joined(row: Cells, width: int, column: int, separator: str) -> Cells:
    """Return the row with its surplus joined at `column`; with none (-1) it only gets the width."""
    return join_surplus(row, width, column, separator) if column >= 0 else [*row, *[None] * (width - len(row))][:width]


def join_surplus(cells: Cells, width: int, column: int, separator: str) -> Cells:
    """Return `width` cells: those from `column` on that are too many are joined to it with the delimiter."""
    end = column + 1 + len(cells) - width
    joined = separator.join(cell or "" for cell in cells[column:end])
    return [*cells[:column], joined, *cells[end:]]


def _explained(rows: Sequence[Cells], known: Sequence[Cells], joined: int, separator: str) -> float:
    """Return per row how many cells beside the joined one have a value that is repeated in their column."""
    total = 0
    for column in range(len(rows[0])):
        cells = [row[column] or "" for row in rows]
        # A delimiter of prose has a space after it.
        spaced = 0 if separator.isspace() else sum(cell.startswith(" ") for cell in cells)
        usual = {(row[column] or "").strip() for row in known if column < len(row)}
        total += (0 if column == joined else _repeated([cell.strip() for cell in cells], usual)) - spaced
    return total / len(rows)


def _repeated(cells: Sequence[str], usual: Set[str]) -> int:
    """Return how many cells have a common value, or, where none is known, a repeated value that is not the only one."""
    counts = Counter(cells)
    if not usual:
        usual = {cell for cell, count in counts.items() if count > 1} if len(counts) > 1 else set()
    return sum(bool(cell) and cell in usual for cell in cells)


def _wordy(pieces: Sequence[str], cells: Sequence[str]) -> bool:
    """Return whether most of the cells are texts and their first pieces no IDs: a name is never joined to a text."""
    texts = sum(" " in cell.strip() or not cell.isascii() or len(cell) > _NAME_CHARS for cell in cells)
    ids = sum(bool(_ROW_NAME.fullmatch(piece.strip())) for piece in pieces)
    return texts * 2 >= len(cells) and ids * 2 < len(cells)
