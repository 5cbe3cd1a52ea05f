"""An uploaded file as a table of text (see `read`), and the Parquet file that keeps one (see `save` and `open`).

Nothing is dropped silently: what was skipped, filled or moved is in the table's notes, with line numbers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from bertdemo.errors import (
    CellTooLong,
    FileBroken,
    FileEmpty,
    FileKindUnknown,
    FileTooLarge,
    FormatSpacy,
    TooManyColumns,
)
from bertdemo.settings import Limits
from bertdemo.tables.arrow_columns import BATCH_ROWS, Column, ParquetGroups, ParquetTableWriter, read_metadata
from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.choose import KINDS, read_grid
from bertdemo.tables.formats.foreign import refuse_ending
from bertdemo.tables.parse_options import DECIDE, KEEP, DetectedFormat, Note, Occurrences, ParseOptions
from bertdemo.tables.table import Table
from bertdemo.tables.table_builder import Builder, Memory, Sink, distinct_names, shortened, sizes, without_totals

__all__ = ["KINDS", "DetectedFormat", "Note", "ParseOptions"]  # callers get these from here too
# Ending of the Parquet file that keeps the table of an uploaded file beside it.
_BESIDE = ".table"
# Kinds of files to which people add a row of totals.
_BY_HAND = frozenset({"delimited", "xlsx"})


def read(path: Path, name: str, limits: Limits, options: ParseOptions = DECIDE) -> Table:
    """Return the table in the file at `path`, which was uploaded as `name`; its ending and first bytes say its kind.

    A row shorter than the header is filled with None; the pieces of a longer one are joined with the file's own
    delimiter, which gives an unquoted "Hello, world" back; both are noted. Blank rows are skipped and counted.
    What `options` leaves open is detected, and recorded in the table's `detected`.

    This is done in this process; `sandbox.read_limited` does it in one that can be stopped. Raises a TableError
    that names the file, and the line and column where there is one.
    """
    memory = Memory()
    header = _read_into(path, name, limits, options, memory)
    columns, numbers = memory.result(header.columns)
    return Table(header.name, columns, numbers, header.notes, header.detected)


def convert(path: Path, name: str, limits: Limits, options: ParseOptions, target: Path) -> None:
    """Read as `read` does, straight into the Parquet file `target`: the memory needed is that of one row group."""
    sink = ParquetTableWriter(target)
    try:
        header = _read_into(path, name, limits, options, sink)
        sink.finish(header.name, header.notes, header.detected)
    finally:
        sink.close()


def save(table: Table, path: Path) -> None:
    """Write a table to a Parquet file with everything that `open` returns; a reader never sees half of it."""
    draft = path.with_name(f".tmp-{os.urandom(6).hex()}")
    sink = ParquetTableWriter(draft)
    try:
        for start in range(0, max(1, table.rows), BATCH_ROWS):
            end = start + BATCH_ROWS
            sink.add({key: cells[start:end] for key, cells in table.columns.items()}, table.row_numbers[start:end])
        sink.finish(table.name, table.notes, table.detected)
        draft.replace(path)
    finally:
        sink.close()
        draft.unlink(missing_ok=True)  # only where it was not moved


def open(path: Path) -> Table:
    """Return the table that `save` or `convert` wrote; columns are decoded when they are read.

    The file may be deleted while the table is in use. Raises FileBroken for a file that is not one of ours.
    """
    import pyarrow as pa

    try:
        groups = ParquetGroups(path)
    except (pa.ArrowException, OSError, ValueError):
        raise FileBroken(file=path.name, kind="Parquet") from None
    meta = read_metadata(groups.meta)
    if meta is None:
        raise FileBroken(file=path.name, kind="Parquet")
    columns = {name: Column[str | None](groups, name) for name in groups.names if name != meta.numbers}
    return Table(meta.name, columns, Column[int](groups, meta.numbers), meta.notes, meta.detected)


def save_beside(table: Table, source: Path) -> None:
    """Write the table that was read from the file `source` next to it, for `reopen`."""
    save(table, source.with_suffix(_BESIDE))


def reopen(source: Path, name: str, limits: Limits, options: ParseOptions = DECIDE) -> Table:
    """Return what `save_beside` wrote for the file `source`; where that is missing or damaged, read the file."""
    try:
        return held(open(source.with_suffix(_BESIDE)))
    except FileBroken:
        return read(source, name, limits, options)


def held(table: Table) -> Table:
    """Return a small table with its cells in memory, and a large one unchanged."""
    if table.rows > BATCH_ROWS:
        return table
    columns = {name: tuple(cells) for name, cells in table.columns.items()}
    return replace(table, columns=columns, row_numbers=tuple(table.row_numbers))


def check(path: Path, name: str, limits: Limits) -> str:
    """Return the file's name for people, after the checks that need no reading.

    Raises FileKindUnknown, or what names a format that is known but not read; FileTooLarge, FileEmpty.
    """
    name = PureWindowsPath(name).name or path.name
    ending = PureWindowsPath(name).suffix.lower()
    if ending == ".spacy":
        raise FormatSpacy(file=name)
    if ending not in KINDS:
        refuse_ending(name, ending)
        raise FileKindUnknown(file=name, kinds=", ".join(KINDS))
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise FileTooLarge(file=name, **sizes(size, limits.file_bytes))
    if size == 0:
        raise FileEmpty(file=name)
    return name


@dataclass(frozen=True)
class _TableHeader:
    """A table without its rows."""

    name: str
    columns: Sequence[str]
    notes: tuple[Note, ...]
    detected: DetectedFormat


def _read_into(path: Path, name: str, limits: Limits, options: ParseOptions, sink: Sink) -> _TableHeader:
    """Read every row into `sink`."""
    name = check(path, name, limits)
    grid = read_grid(path, name, PureWindowsPath(name).suffix.lower(), limits, options)
    try:
        names, notes = _columns(grid, name, limits)
        builder = Builder(name, names, grid, limits, sink, every=options.blank_rows == KEEP)
        totals = Occurrences()
        # A file whose rows must all stay rows keeps its totals too.
        by_hand = grid.detected.kind in _BY_HAND and options.blank_rows != KEEP
        builder.add_all(without_totals(grid.rows, totals) if by_hand else grid.rows)
    finally:
        _close(grid)
    return _TableHeader(
        name, names, (*grid.notes, *notes, *grid.later(), *builder.notes(), *totals.notes("totals_rows")), grid.detected
    )


def _columns(grid: Grid, name: str, limits: Limits) -> tuple[list[str], list[Note]]:
    header = grid.header
    if not any(cell.strip() for cell in header):
        raise FileEmpty(file=name)
    if len(header) > limits.columns:
        raise TooManyColumns(file=name, columns=len(header), limit=limits.columns)
    for cell in header:
        if len(cell) > limits.cell_chars:
            line = grid.detected.header_line or 1
            raise CellTooLong(file=name, row=line, column=shortened(cell), chars=len(cell), limit=limits.cell_chars)
    return distinct_names(header)


def _close(grid: Grid) -> None:
    """Close the file behind rows that were not read to their end."""
    close = getattr(grid.rows, "close", None)
    if close is not None:
        close()
