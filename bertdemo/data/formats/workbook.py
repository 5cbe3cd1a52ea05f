"""XLSX: the first sheet that is not empty, after a look at what the archive would unpack to."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bertdemo.data.formats import Grid, as_text, size_text
from bertdemo.errors import FileBroken, FileTooLarge, TooManyRows, UnpacksTooFar
from bertdemo.settings import Limits

if TYPE_CHECKING:
    from openpyxl import Workbook

MAX_RATIO = 100
_MAX_MEMBERS = 1000
_MAX_SHEET_ROWS = 1_048_576
# What openpyxl and the parsers below it raise for a damaged or hostile file; ParseError is a SyntaxError.
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError, TypeError, AttributeError,
    IndexError, NotImplementedError, RuntimeError, SyntaxError, OverflowError,
)  # fmt: skip


def read_workbook(path: Path, name: str, limits: Limits) -> Grid:
    """Return the grid of a workbook. Raises FileBroken, FileTooLarge, UnpacksTooFar."""
    _check_archive(path, name, limits)
    import openpyxl

    # Given a path, openpyxl would go by its ending, and an upload may have none.
    file = path.open("rb")
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except _UNREADABLE:
        file.close()
        raise FileBroken(file=name, kind="XLSX") from None
    return _first_grid(book, file, name, limits)


def _check_archive(path: Path, name: str, limits: Limits) -> None:
    """Sizes in the archive's directory bound what zipfile hands out, so they are checked before anything is read."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _UNREADABLE:
        raise FileBroken(file=name, kind="XLSX") from None
    if len(members) > _MAX_MEMBERS:
        raise FileBroken(file=name, kind="XLSX")
    unpacked = sum(member.file_size for member in members)
    if unpacked > limits.unpacked_bytes:
        raise FileTooLarge(file=name, size=size_text(unpacked), limit=size_text(limits.unpacked_bytes))
    ratio = unpacked / max(1, path.stat().st_size)
    if ratio > MAX_RATIO:
        raise UnpacksTooFar(file=name, size=size_text(unpacked), ratio=round(ratio), limit=MAX_RATIO)


def _first_grid(book: Workbook, file: BinaryIO, name: str, limits: Limits) -> Grid:
    titles = book.sheetnames
    for sheet in book.worksheets:
        rows = _rows(sheet, name, limits)
        header = next((cells for _, cells in rows if any(cells)), None)
        if header is not None:
            seen: dict[str, str | int] = {"sheet": str(sheet.title), "sheets": len(titles)} if len(titles) > 1 else {}
            return Grid([cell or "" for cell in header], _closing(file, rows), separator=" ", sheets=seen)
    file.close()
    return Grid([], [])


def _rows(sheet: Any, name: str, limits: Limits) -> Iterator[tuple[int, list[str | None]]]:
    """Yield (row of the sheet, cells without the empty ones at its end)."""
    # The size that a sheet claims for itself may be a lie.
    sheet.reset_dimensions()
    try:
        for number, values in enumerate(sheet.iter_rows(max_col=limits.columns + 1, values_only=True), start=1):
            if number > _MAX_SHEET_ROWS:
                raise TooManyRows(file=name, limit=limits.rows)
            cells = [_cell(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            yield number, cells
    except _UNREADABLE:
        raise FileBroken(file=name, kind="XLSX") from None


def _closing(file: BinaryIO, rows: Iterator[tuple[int, list[str | None]]]) -> Iterator[tuple[int, list[str | None]]]:
    """A sheet is read from the open archive, so that is closed only behind the last row."""
    try:
        yield from rows
    finally:
        file.close()


def _cell(value: object) -> str | None:
    return str(value).upper() if isinstance(value, bool) else as_text(value)
