"""An uploaded file as a table of text (see `read`).

Nothing is dropped in silence: what was skipped, filled or moved is in the table's notes, with line numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath

from bertdemo.data.formats import Grid, size_text
from bertdemo.errors import (
    CellTooLong,
    FileEmpty,
    FileKindUnknown,
    FileTooLarge,
    HeaderOnly,
    TooManyColumns,
    TooManyRows,
)
from bertdemo.settings import Limits

KINDS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".xlsx", ".parquet")
"""Endings that `read` knows."""
_LINES_NAMED = 10


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


def read(path: Path, name: str, limits: Limits) -> Table:
    """Return the table in the file at `path`, which was uploaded as `name`; the ending of `name` says what it is.

    The first row that is not blank is the header. A row shorter than the header is filled with None; the cells
    beyond the last column are joined onto its cell with the file's own delimiter, which gives an unquoted
    "Hello, world" back; both are noted. Blank rows are skipped and counted.

    Raises a TableError that names the file, and the line and column where there is one.
    """
    name = PureWindowsPath(name).name or path.name
    kind = PureWindowsPath(name).suffix.lower()
    if kind not in KINDS:
        raise FileKindUnknown(file=name, kinds=", ".join(KINDS))
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise FileTooLarge(file=name, **_sizes(size, limits.file_bytes))
    if size == 0:
        raise FileEmpty(file=name)
    grid = _grid(path, name, kind, limits)
    if not any(cell.strip() for cell in grid.header):
        raise FileEmpty(file=name)
    if len(grid.header) > limits.columns:
        raise TooManyColumns(file=name, columns=len(grid.header), limit=limits.columns)
    columns, notes = _names(grid.header)
    for column in columns:
        if len(column) > limits.cell_chars:
            shown = column[:40] + "…"
            raise CellTooLong(file=name, row=1, column=shown, chars=len(column), limit=limits.cell_chars)
    builder = _Builder(name, columns, grid.separator, limits)
    for number, cells in grid.rows:
        builder.add(number, cells)
    return builder.table([*([Note("sheet", grid.sheets)] if grid.sheets else []), *notes])


def _sizes(size: int, limit: int) -> dict[str, str]:
    """Both sizes with a unit, or in bytes where rounding would make them look the same."""
    texts = size_text(size), size_text(limit)
    if texts[0] == texts[1]:
        texts = f"{size:,} B", f"{limit:,} B"
    return {"size": texts[0], "limit": texts[1]}


def _grid(path: Path, name: str, kind: str, limits: Limits) -> Grid:
    if kind == ".xlsx":
        from bertdemo.data.formats.workbook import read_workbook

        return read_workbook(path, name, limits)
    if kind == ".parquet":
        from bertdemo.data.formats.columnar import read_parquet

        return read_parquet(path, name, limits)
    if kind in {".jsonl", ".ndjson"}:
        from bertdemo.data.formats.jsonl import read_jsonl

        return read_jsonl(path, name, limits.columns)
    from bertdemo.data.formats.delimited import read_delimited

    return read_delimited(path, name, kind)


def _names(header: Sequence[str]) -> tuple[list[str], list[Note]]:
    """Trim names and make them distinct: "column 3" for an empty one, "text (2)" for one that comes again."""
    names: list[str] = []
    unnamed: list[str] = []
    again: list[str] = []
    taken = {cell.strip() for cell in header}
    for index, cell in enumerate(header, start=1):
        name = cell.strip()
        if name and name not in names:
            names.append(name)
            continue
        base = name or f"column {index}"
        number = 2 if name else 1
        fresh = f"{base} ({number})" if name else base
        while fresh in taken:
            number += 1
            fresh = f"{base} ({number})"
        taken.add(fresh)
        names.append(fresh)
        (again if name else unnamed).append(fresh)
    found = (("header_unnamed", unnamed), ("header_again", again))
    return names, [Note(code, {"count": len(made), "columns": _listed(made)}) for code, made in found if made]


def _listed(items: Sequence[object], count: int | None = None) -> str:
    count = len(items) if count is None else count
    return ", ".join(map(str, items[:_LINES_NAMED])) + (" …" if count > _LINES_NAMED else "")


class _Lines:
    """How many lines something happened on, and the first few of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[int] = []

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.first) < _LINES_NAMED:
            self.first.append(number)

    def note(self, code: str) -> Note:
        return Note(code, {"count": self.count, "lines": _listed(self.first, self.count)})


class _Builder:
    """Rows in, columns out, within the limits."""

    def __init__(self, name: str, columns: Sequence[str], separator: str, limits: Limits) -> None:
        self._name, self._names, self._separator, self._limits = name, columns, separator, limits
        self._cells: list[list[str | None]] = [[] for _ in columns]
        self._numbers: list[int] = []
        self._chars = 0
        self._blank, self._short, self._long = _Lines(), _Lines(), _Lines()

    def add(self, number: int, cells: list[str | None]) -> None:
        if not any(cell and not cell.isspace() for cell in cells):
            self._blank.add(number)
            return
        if len(self._numbers) == self._limits.rows:
            raise TooManyRows(file=self._name, limit=self._limits.rows)
        if len(cells) != len(self._names):
            cells = self._fitted(number, cells)
        for index, cell in enumerate(cells):
            if cell:
                self._check(number, index, len(cell))
            self._cells[index].append(cell or None)
        self._numbers.append(number)

    def _fitted(self, number: int, cells: list[str | None]) -> list[str | None]:
        width = len(self._names)
        if len(cells) < width:
            self._short.add(number)
            return cells + [None] * (width - len(cells))
        extra = [cell or "" for cell in cells[width:]]
        if not any(extra):
            return cells[:width]
        # With a single column nothing can have slipped into a wrong one: the delimiter was part of the text.
        if width > 1:
            self._long.add(number)
        return [*cells[: width - 1], self._separator.join([cells[width - 1] or "", *extra])]

    def _check(self, number: int, index: int, chars: int) -> None:
        limits = self._limits
        if chars > limits.cell_chars:
            column = self._names[index]
            raise CellTooLong(file=self._name, row=number, column=column, chars=chars, limit=limits.cell_chars)
        # A dictionary-coded column can be far larger in memory than in its file.
        self._chars += chars
        if self._chars > limits.unpacked_bytes:
            raise FileTooLarge(file=self._name, **_sizes(self._chars, limits.unpacked_bytes))

    def table(self, notes: list[Note]) -> Table:
        if not self._numbers:
            raise HeaderOnly(file=self._name)
        found = (("blank_rows", self._blank), ("short_rows", self._short), ("long_rows", self._long))
        notes = notes + [lines.note(code) for code, lines in found if lines.count]
        columns = {name: tuple(cells) for name, cells in zip(self._names, self._cells, strict=True)}
        return Table(self._name, columns, tuple(self._numbers), tuple(notes))
