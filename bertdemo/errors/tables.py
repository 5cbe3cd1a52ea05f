"""A file that is not a readable table."""

from __future__ import annotations

from bertdemo.errors.base import TableError


class FileTooLarge(TableError):
    """The file is larger than the limit; both in bytes, as text with a unit."""

    key, params = "file_too_large", ("file", "size", "limit")


class UnpacksTooFar(TableError):
    """An archive that unpacks to more than `limit` times its size, as no honest workbook does."""

    key, params = "unpacks_too_far", ("file", "size", "ratio", "limit")


class FileEmpty(TableError):
    """The file has no bytes, or only blank lines."""

    key, params = "file_empty", ("file",)


class FileNotText(TableError):
    """A binary file under a text file's name; `byte` is where that shows."""

    key, params = "file_not_text", ("file", "byte")


class FileNotUtf8(TableError):
    """Bytes that are not UTF-8 and have no byte-order mark; `line` counts from 1."""

    key, params = "file_not_utf8", ("file", "line")


class FileKindUnknown(TableError):
    """An ending that we do not read."""

    key, params = "file_kind_unknown", ("file", "kinds")


class FileBroken(TableError):
    """The library for this format cannot read the file."""

    key, params = "file_broken", ("file", "kind")


class HeaderOnly(TableError):
    """A header line and no row below it."""

    key, params = "header_only", ("file",)


class TooManyRows(TableError):
    """More rows than the limit."""

    key, params = "too_many_rows", ("file", "limit")


class TooManyColumns(TableError):
    """More columns than the limit."""

    key, params = "too_many_columns", ("file", "columns", "limit")


class CellTooLong(TableError):
    """One cell holds more characters than the limit."""

    key, params = "cell_too_long", ("file", "row", "column", "chars", "limit")


class LineBroken(TableError):
    """One line cannot be read (JSONL that is not an object, an open quote)."""

    key, params = "line_broken", ("file", "line")
