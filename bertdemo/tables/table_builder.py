"""Rows in, columns out, within the limits: in memory, or straight into a Parquet file.

Rows are gathered into groups, so that a file of any length needs the memory of one group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from bertdemo.errors import CellTooLong, FileTooLarge, HeaderOnly, TooManyRows
from bertdemo.settings import Limits
from bertdemo.tables.arrow_columns import BATCH_CHARS, BATCH_ROWS, Column, InMemoryGroups, row_number_column
from bertdemo.tables.formats import Grid, size_text
from bertdemo.tables.formats.widths import join_surplus
from bertdemo.tables.parse_options import Note, Occurrences, listed

Cells = list[str | None]
# What the first cell of a row of totals says.
_TOTALS = frozenset(
    {
        "total",
        "totals",
        "grand total",
        "sum",
        "average",
        "mean",
        "summe",
        "gesamt",
        "somme",
        "合计",
        "总计",
        "总和",
        "平均",
    }
)
_TOTAL_CHARS = 20
_AMOUNT = re.compile(r"[-+]?[\d.,' ]*\d ?%?")
# Codes of the notes on rows that were skipped or fitted.
_REPAIRS = ("blank_rows", "short_rows", "long_rows", "cut_texts", "cells_beside", "header_repeated")


class Sink(Protocol):
    """Where finished groups of rows go."""

    def add(self, columns: Mapping[str, Sequence[str | None]], numbers: Sequence[int]) -> None:
        """Take one group: cells by column, and the line of the file for each row."""
        ...


class Memory:
    """Keeps a single group as tuples of text, which are faster to read, and several as Arrow arrays."""

    def __init__(self) -> None:
        self._first: tuple[Mapping[str, Sequence[str | None]], Sequence[int]] | None = None
        self._groups = InMemoryGroups()
        self._numbers = ""

    def add(self, columns: Mapping[str, Sequence[str | None]], numbers: Sequence[int]) -> None:
        """Take one group."""
        self._numbers = row_number_column(list(columns))
        if self._first is None and len(self._groups.starts) == 1:
            self._first = columns, numbers
            return
        if self._first is not None:
            self._groups.add({**self._first[0], self._numbers: self._first[1]})
            self._first = None
        self._groups.add({**columns, self._numbers: numbers})

    def result(self, names: Sequence[str]) -> tuple[dict[str, Sequence[str | None]], Sequence[int]]:
        """Return the columns and the row numbers."""
        if self._first is not None:
            return {name: tuple(cells) for name, cells in self._first[0].items()}, tuple(self._first[1])
        return {name: Column(self._groups, name) for name in names}, Column(self._groups, self._numbers)


class Builder:
    """Fits rows to the header, counts repairs, and passes groups of rows to the sink."""

    def __init__(
        self, name: str, columns: Sequence[str], grid: Grid, limits: Limits, sink: Sink, *, every: bool = False
    ) -> None:
        """With `every`, empty rows between others and repeated headers are kept."""
        self._keeps_all, self._pending = every, list[int]()
        self._name, self._names, self._grid, self._limits, self._sink = name, columns, grid, limits, sink
        self._batch: list[Cells] = []
        self._batch_numbers: list[int] = []
        self._rows = self._batch_chars = self._chars = 0
        self._repairs = {code: Occurrences() for code in _REPAIRS}

    def add_all(self, rows: Iterable[tuple[int, Cells]]) -> None:
        """Take every row. Raises TooManyRows, CellTooLong, FileTooLarge."""
        width, cell_limit, header = len(self._names), self._limits.cell_chars, list(self._names)
        # Plain loops: a generator in `any` or `sum` costs more than the work itself, a million times.
        for number, row in rows:
            cells = row
            for cell in cells:
                if cell and not cell.isspace():
                    break
            else:
                self._skip_blank(number, cells)
                continue
            if self._pending:
                self._add_blank()
            if len(cells) != width:
                cells = self._fitted(number, cells)
            if cells == header and width > 1 and not self._keeps_all:
                self._repairs["header_repeated"].add(number)
                continue
            chars = 0
            for cell in cells:
                if cell:
                    chars += len(cell)
            # Only a row longer than one cell may be can hold a cell that is too long.
            if chars > cell_limit:
                self._refuse_long(number, cells)
            if self._rows == self._limits.rows:
                raise TooManyRows(file=self._name, limit=self._limits.rows)
            self._rows += 1
            self._batch.append(cells)
            self._batch_numbers.append(number)
            self._batch_chars += chars
            if len(self._batch) == BATCH_ROWS or self._batch_chars > BATCH_CHARS:
                self._flush()
        self._flush()

    def notes(self) -> list[Note]:
        """Return the notes on repairs; raises HeaderOnly where there was no row."""
        if not self._rows:
            raise HeaderOnly(file=self._name)
        notes = [note for code, occurrences in self._repairs.items() for note in occurrences.notes(code)]
        column = self._names[self._grid.surplus or 0]
        return [
            Note(note.code, {**note.values, "column": column}) if note.code == "cut_texts" else note for note in notes
        ]

    def _skip_blank(self, number: int, cells: Cells) -> None:
        """Count an empty row; where it has delimiters, or is a line of a single column, it may be kept later."""
        self._repairs["blank_rows"].add(number)
        if self._keeps_all and (cells or len(self._names) == 1):
            self._pending.append(number)

    def _add_blank(self) -> None:
        """Add the empty rows above a row with cells; empty rows at the end of a file do not count."""
        if self._rows + len(self._pending) > self._limits.rows:
            raise TooManyRows(file=self._name, limit=self._limits.rows)
        self._batch += [[None] * len(self._names) for _ in self._pending]
        self._batch_numbers += self._pending
        self._rows += len(self._pending)
        self._pending = []

    def _flush(self) -> None:
        # A dictionary-coded column can be far larger in memory than in its file.
        self._chars += self._batch_chars
        if self._chars > self._limits.unpacked_bytes:
            raise FileTooLarge(file=self._name, **sizes(self._chars, self._limits.unpacked_bytes))
        if self._batch:
            columns = zip(self._names, zip(*self._batch, strict=True), strict=True)
            self._sink.add({name: [cell or None for cell in cells] for name, cells in columns}, self._batch_numbers)
        self._batch, self._batch_numbers, self._batch_chars = [], [], 0

    def _fitted(self, number: int, cells: Cells) -> Cells:
        width = len(self._names)
        if len(cells) < width:
            # A sheet has no cell that is missing, only empty ones.
            if self._grid.surplus is not None:
                self._repairs["short_rows"].add(number)
            return cells + [None] * (width - len(cells))
        while len(cells) > width and not cells[-1]:
            cells = cells[:-1]
        if len(cells) == width:
            return cells
        surplus = self._grid.surplus
        if surplus is None:
            self._repairs["cells_beside"].add(number)
            return cells[:width]
        # With a single column nothing can be in the wrong one: the delimiter was part of the text.
        if width > 1:
            self._repairs["long_rows" if surplus < 0 else "cut_texts"].add(number)
        return join_surplus(cells, width, surplus % width, self._grid.separator)

    def _refuse_long(self, number: int, cells: Cells) -> None:
        limit = self._limits.cell_chars
        for name, cell in zip(self._names, cells, strict=True):
            if cell and len(cell) > limit:
                raise CellTooLong(file=self._name, row=number, column=shortened(name), chars=len(cell), limit=limit)


def without_totals(rows: Iterable[tuple[int, Cells]], totals: Occurrences) -> Iterator[tuple[int, Cells]]:
    """Yield the rows except the last ones that add up the others, which are counted."""
    waiting: list[tuple[int, Cells]] = []
    for number, cells in rows:
        if _is_totals(cells) or (waiting and not any(cell and not cell.isspace() for cell in cells)):
            waiting.append((number, cells))
            continue
        yield from waiting
        waiting = []
        yield number, cells
    for number, cells in waiting:
        if _is_totals(cells):
            totals.add(number)
        else:
            yield number, cells


def _is_totals(cells: Cells) -> bool:
    """Return whether a row has a word such as "total" in its first cell, and nothing but numbers beside it."""
    # The first cell rules out nearly every row, and there may be a million rows.
    word = next((cell for cell in cells if cell and not cell.isspace()), "").strip()
    if len(word) > _TOTAL_CHARS or word.rstrip(":： ").casefold() not in _TOTALS:
        return False
    filled = [cell.strip() for cell in cells if cell and not cell.isspace()]
    return len(filled) > 1 and all(map(_AMOUNT.fullmatch, filled[1:]))


def shortened(name: str) -> str:
    """Return a column's name short enough for a sentence: at most 60 characters."""
    return name if len(name) <= 60 else name[:59] + "…"


def sizes(size: int, limit: int) -> dict[str, str]:
    """Return both sizes with a unit, or in bytes where rounding would make them look the same."""
    texts = size_text(size), size_text(limit)
    if texts[0] == texts[1]:
        texts = f"{size:,} B", f"{limit:,} B"
    return {"size": texts[0], "limit": texts[1]}


def distinct_names(header: Sequence[str]) -> tuple[list[str], list[Note]]:
    """Trim names and make them distinct: "column 3" for an empty one, "text (2)" for one that is repeated."""
    names: list[str] = []
    unnamed: list[str] = []
    repeated: list[str] = []
    taken = {cell.strip() for cell in header}
    used: set[str] = set()
    for index, cell in enumerate(header, start=1):
        name = cell.strip()
        if not name or name in used:
            base = name or f"column {index}"
            made = base
            suffix = 2
            while made in taken:
                made, suffix = f"{base} ({suffix})", suffix + 1
            (repeated if name else unnamed).append(made)
            taken.add(made)
            name = made
        used.add(name)
        names.append(name)
    changes = {"header_unnamed": unnamed, "header_again": repeated}
    notes = [Note(code, {"count": len(made), "columns": listed(made)}) for code, made in changes.items() if made]
    return names, notes
