"""XLSX: any sheet, by default the first visible one with rows below a header.

What the archive unpacks to is checked before anything is read.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bertdemo.errors import (
    FileBroken,
    FileTooLarge,
    SheetUnknown,
    TooManyRows,
    UnpacksTooFar,
    WorkbookEncrypted,
    WorkbookOld,
)
from bertdemo.settings import Limits
from bertdemo.tables.formats import Grid, as_text, size_text
from bertdemo.tables.formats.header import Headed, Row, split_header
from bertdemo.tables.formats.widths import widened
from bertdemo.tables.formats.workbooks.merged import Merge, filled, grouped_header, scan
from bertdemo.tables.parse_options import DetectedFormat, Note, Occurrences, ParseOptions, listed

if TYPE_CHECKING:
    from openpyxl import Workbook

# First bytes of a compound file: a workbook from before 2007, or one with a password.
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Excel's own limit.
_MAX_SHEET_ROWS = 1_048_576
_MACROS = "vbaproject.bin"
# What zipfile raises for a damaged archive: RuntimeError for an encrypted member, NotImplementedError (a RuntimeError)
# for an unknown compression, KeyError and ValueError for a directory that does not fit. Caught around calls of the
# library only.
UNREADABLE_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, RuntimeError)
# openpyxl builds its objects from the XML without checking it, and any of these may come out; ParseError is a
# SyntaxError. Caught around calls of the library only, or a bug of ours would be reported as a damaged file.
_UNREADABLE_BOOK = (*UNREADABLE_ZIP, SyntaxError, TypeError, AttributeError, LookupError, OverflowError, AssertionError)


@dataclass(frozen=True)
class _Opened:
    book: Workbook
    path: Path
    file: BinaryIO
    name: str
    limits: Limits
    options: ParseOptions
    notes: tuple[Note, ...]


def read_workbook(path: Path, name: str, limits: Limits, options: ParseOptions) -> Grid:
    """Return the grid of a sheet.

    Raises FileBroken, FileTooLarge, UnpacksTooFar, SheetUnknown, WorkbookEncrypted, WorkbookOld, HeaderLineMissing.
    """
    _refuse_ole(path, name)
    members = _checked_members(path, name, limits)
    import openpyxl

    # Macros are never run: only the values of the cells are read.
    macros = any(member.lower().endswith(_MACROS) for member in members)
    # Given a path, openpyxl would go by its ending, and an upload may have none.
    file = path.open("rb")
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except _UNREADABLE_BOOK:
        file.close()
        raise FileBroken(file=name, kind="XLSX") from None
    return _grid(_Opened(book, path, file, name, limits, options, (Note("macros_ignored"),) if macros else ()))


def _refuse_ole(path: Path, name: str) -> None:
    with path.open("rb") as file:
        if file.read(len(OLE)) != OLE:
            return
        # The directory of an encrypted workbook names its one stream, in UTF-16, in the first or last megabytes.
        rest = file.read(4 * 1024 * 1024)
        file.seek(max(0, path.stat().st_size - 1024 * 1024))
        encrypted = "EncryptedPackage".encode("utf-16-le") in rest + file.read()
    raise WorkbookEncrypted(file=name) if encrypted else WorkbookOld(file=name)


def _checked_members(path: Path, name: str, limits: Limits) -> list[str]:
    """Return the members' names. zipfile never returns more than the sizes in the directory, which are checked here."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except UNREADABLE_ZIP:
        raise FileBroken(file=name, kind="XLSX") from None
    if len(members) > limits.archive_members:
        raise FileBroken(file=name, kind="XLSX")
    refuse_bomb(path, name, sum(member.file_size for member in members), limits)
    return [member.filename for member in members]


def refuse_bomb(path: Path, name: str, unpacked: int, limits: Limits) -> None:
    """Raise FileTooLarge or UnpacksTooFar for an archive that would unpack to `unpacked` bytes."""
    if unpacked > limits.unpacked_bytes:
        raise FileTooLarge(file=name, size=size_text(unpacked), limit=size_text(limits.unpacked_bytes))
    ratio = unpacked / max(1, path.stat().st_size)
    if ratio > limits.unpacked_ratio:
        raise UnpacksTooFar(file=name, size=size_text(unpacked), ratio=round(ratio), limit=limits.unpacked_ratio)


def _grid(opened: _Opened) -> Grid:
    titles = tuple(str(title) for title in opened.book.sheetnames)
    requested = opened.options.sheet
    with contextlib.ExitStack() as stack:
        stack.callback(opened.file.close)
        if requested and requested not in titles:
            raise SheetUnknown(file=opened.name, sheet=requested[:60], sheets=", ".join(titles[:20]))
        sheets = [sheet for sheet in opened.book.worksheets if not requested or sheet.title == requested]
        chosen = _first_with_rows(sheets, opened)
        if chosen is None:
            return Grid([], [], DetectedFormat(kind="xlsx"))
        stack.pop_all()  # the file is closed after the last row instead
    header, merged = widened(chosen.headed).headed, chosen.merged
    detected = DetectedFormat(kind="xlsx", header_line=header.line, sheet=chosen.title, sheets=titles)
    notes = (*(() if requested else _sheet_notes(chosen, opened.book)), *opened.notes, *header.notes)
    rows = _closing(opened.file, header.rows)
    return Grid(header.names, rows, detected, " ", notes, lambda: _merged_notes(merged, header.line), surplus=None)


def _sheet_notes(chosen: _Sheet, book: Workbook) -> list[Note]:
    """Return which sheet was read where there are several, and what is hidden."""
    titles = list(map(str, book.sheetnames))
    notes = [Note("sheet", {"sheet": chosen.title, "sheets": len(titles)})] if len(titles) > 1 else []
    hidden = [str(sheet.title) for sheet in book.worksheets if _is_hidden(sheet)]
    if chosen.title in hidden:
        notes.append(Note("hidden_sheet_read", {"sheet": chosen.title}))
    elif hidden:
        notes.append(Note("hidden_sheets", {"count": len(hidden), "sheets": listed(hidden)}))
    return notes


def _merged_notes(lines: Sequence[int], header: int) -> list[Note]:
    """Return how many cells below the header got the value of the range that they are merged in."""
    filled_cells = Occurrences()
    for line in lines:
        if line > header:
            filled_cells.add(line)
    return filled_cells.notes("merged_cells")


def _is_hidden(sheet: Any) -> bool:
    return str(sheet.sheet_state) != "visible"


@dataclass(frozen=True)
class _Sheet:
    title: str
    headed: Headed
    merged: list[int]
    """The row of each cell that got the value of its merged range, filled while the rows are read."""


def _first_with_rows(sheets: Sequence[Any], opened: _Opened) -> _Sheet | None:
    """Return the first visible sheet with rows below its header: a cover sheet has a line and no more.

    Where none has any, the first hidden one with rows, else the first with a header; None where all are empty.
    """
    alone: _Sheet | None = None
    for sheet in sorted(sheets, key=_is_hidden):
        lines: list[int] = []
        ranges, formulas = _scan(sheet, opened)
        rows = _rows(filled(enumerate(_values(sheet, opened), start=1), ranges, lines), opened)
        grouped = functools.partial(grouped_header, ranges)
        headed = split_header(rows, opened.name, opened.options.header, grouped=grouped)
        if not headed.names:
            continue
        below = iter(headed.rows)
        first_row = list(itertools.islice(below, 1))
        if formulas:
            headed = replace(headed, notes=(*headed.notes, Note("uncalculated", {"count": formulas})))
        titled = _Sheet(str(sheet.title), replace(headed, rows=itertools.chain(first_row, below)), lines)
        if first_row:
            return titled
        alone = alone or titled
    return alone


def _scan(sheet: Any, opened: _Opened) -> tuple[list[Merge], int]:
    try:
        with zipfile.ZipFile(opened.path) as archive:
            return scan(archive, str(sheet._worksheet_path))
    except UNREADABLE_ZIP:
        raise FileBroken(file=opened.name, kind="XLSX") from None


def _rows(sheet_rows: Iterable[tuple[int, Sequence[object]]], opened: _Opened) -> Iterator[Row]:
    """Yield (row of the sheet, cells without trailing empty ones)."""
    for number, values in sheet_rows:
        if number > _MAX_SHEET_ROWS:
            raise TooManyRows(file=opened.name, limit=opened.limits.rows)
        # A single cell far down makes a million empty rows before it: those cost one look each.
        cells = [] if values.count(None) == len(values) else [_cell(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        yield number, cells


def _values(sheet: Any, opened: _Opened) -> Iterator[Sequence[object]]:
    """Yield the values of each row; raises FileBroken for a damaged sheet."""
    try:
        sheet.reset_dimensions()  # the size that a sheet declares may be wrong
        rows = sheet.iter_rows(max_col=opened.limits.columns + 1, values_only=True)
    except _UNREADABLE_BOOK:
        raise FileBroken(file=opened.name, kind="XLSX") from None
    while True:
        try:
            values = next(rows)
        except StopIteration:
            return
        except _UNREADABLE_BOOK:
            raise FileBroken(file=opened.name, kind="XLSX") from None
        yield values


def _closing(file: BinaryIO, rows: Any) -> Iterator[Row]:
    """Yield the rows, which are read from the open archive, and close it after the last one."""
    try:
        yield from rows
    finally:
        file.close()


def _cell(value: object) -> str | None:
    return str(value).upper() if isinstance(value, bool) else as_text(value)
