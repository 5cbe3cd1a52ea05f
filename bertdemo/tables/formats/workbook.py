"""XLSX: any sheet, the first with rows below a header by default, after a look at what the archive would unpack to."""

from __future__ import annotations

import contextlib
import itertools
import zipfile
import zlib
from collections.abc import Iterator, Sequence
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
from bertdemo.tables.parse_options import DetectedFormat, Note, ParseOptions

if TYPE_CHECKING:
    from openpyxl import Workbook

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins a workbook from before 2007, and one with a password."""
_MAX_SHEET_ROWS = 1_048_576
_MACROS = "vbaproject.bin"
UNREADABLE_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What zipfile raises for a damaged archive: RuntimeError for an encrypted member, NotImplementedError for an unknown
compression, KeyError and ValueError for a directory that does not fit. Caught around calls of the library only."""
_UNREADABLE_BOOK = (*UNREADABLE_ZIP, SyntaxError, TypeError, AttributeError, LookupError, OverflowError, AssertionError)
"""openpyxl builds its objects from the XML without checking it, and raises what they meet; ParseError is a SyntaxError.
Caught around calls of the library only, or a fault of ours would be reported as a damaged file."""


@dataclass(frozen=True)
class _Opened:
    book: Workbook
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
    return _grid(_Opened(book, file, name, limits, options, (Note("macros_ignored"),) if macros else ()))


def _refuse_ole(path: Path, name: str) -> None:
    with path.open("rb") as file:
        if file.read(len(OLE)) != OLE:
            return
        # The directory of an encrypted workbook names its one stream, in UTF-16.
        rest = file.read(4 * 1024 * 1024)
        file.seek(max(0, path.stat().st_size - 1024 * 1024))
        encrypted = "EncryptedPackage".encode("utf-16-le") in rest + file.read()
    raise WorkbookEncrypted(file=name) if encrypted else WorkbookOld(file=name)


def _checked_members(path: Path, name: str, limits: Limits) -> list[str]:
    """Sizes in the archive's directory bound what zipfile hands out, so they are checked before anything is read."""
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
    """Raise FileTooLarge or UnpacksTooFar for an archive that would unpack to so many bytes."""
    if unpacked > limits.unpacked_bytes:
        raise FileTooLarge(file=name, size=size_text(unpacked), limit=size_text(limits.unpacked_bytes))
    ratio = unpacked / max(1, path.stat().st_size)
    if ratio > limits.unpacked_ratio:
        raise UnpacksTooFar(file=name, size=size_text(unpacked), ratio=round(ratio), limit=limits.unpacked_ratio)


def _grid(opened: _Opened) -> Grid:
    titles = tuple(str(title) for title in opened.book.sheetnames)
    wanted = opened.options.sheet
    with contextlib.ExitStack() as stack:
        stack.callback(opened.file.close)
        if wanted and wanted not in titles:
            raise SheetUnknown(file=opened.name, sheet=wanted[:60], sheets=", ".join(titles[:20]))
        sheets = [sheet for sheet in opened.book.worksheets if not wanted or sheet.title == wanted]
        headed = _first_with_rows(sheets, opened)
        if headed is None:
            return Grid([], [], DetectedFormat(kind="xlsx"))
        stack.pop_all()  # the rows that are still to be read close it
    title, header = headed
    detected = DetectedFormat(kind="xlsx", header_line=header.line, sheet=title, sheets=titles)
    seen = (Note("sheet", {"sheet": title, "sheets": len(titles)}),) if len(titles) > 1 and not wanted else ()
    rows = _closing(opened.file, header.rows)
    return Grid(header.names, rows, detected, " ", (*seen, *opened.notes, *header.notes))


def _first_with_rows(sheets: Sequence[Any], opened: _Opened) -> tuple[str, Headed] | None:
    """Return the first sheet with rows below its header; a cover sheet has a line and nothing below it.

    Where none has any, the first with a header; None where all are empty.
    """
    alone: tuple[str, Headed] | None = None
    for sheet in sheets:
        headed = split_header(_rows(sheet, opened), opened.name, opened.options.header)
        if not headed.names:
            continue
        below = iter(headed.rows)
        begun = list(itertools.islice(below, 1))
        found = str(sheet.title), replace(headed, rows=itertools.chain(begun, below))
        if begun:
            return found
        alone = alone or found
    return alone


def _rows(sheet: Any, opened: _Opened) -> Iterator[Row]:
    """Yield (row of the sheet, cells without the empty ones at its end)."""
    for number, values in enumerate(_values(sheet, opened), start=1):
        if number > _MAX_SHEET_ROWS:
            raise TooManyRows(file=opened.name, limit=opened.limits.rows)
        cells = [_cell(value) for value in values]
        while cells and not cells[-1]:
            cells.pop()
        yield number, cells


def _values(sheet: Any, opened: _Opened) -> Iterator[Sequence[object]]:
    """Yield the values of each row; raises FileBroken for what openpyxl meets in a damaged sheet."""
    try:
        sheet.reset_dimensions()  # the size that a sheet claims for itself may be a lie
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
    """A sheet is read from the open archive, so that is closed only behind the last row."""
    try:
        yield from rows
    finally:
        file.close()


def _cell(value: object) -> str | None:
    return str(value).upper() if isinstance(value, bool) else as_text(value)
