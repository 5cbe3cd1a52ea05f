"""A file that is not a readable table."""

from __future__ import annotations

from bertdemo.errors.base import TableError


class FileTooLarge(TableError):
    """The file is larger than the limit; both in bytes, as text with a unit."""

    key, params = "file_too_large", ("file", "size", "limit")


class UnpacksTooFar(TableError):
    """An archive that unpacks to more than `limit` times its size, as no honest one does."""

    key, params = "unpacks_too_far", ("file", "size", "ratio", "limit")


class FileEmpty(TableError):
    """The file has no bytes, or only blank lines."""

    key, params = "file_empty", ("file",)


class FileNotText(TableError):
    """A binary file under a text file's name; `byte` is where that shows."""

    key, params = "file_not_text", ("file", "byte")


class FileNotUtf8(TableError):
    """Bytes that are neither UTF-8 nor any encoding that is guessed at; `line` counts from 1."""

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


class EncodingWrong(TableError):
    """The encoding that a person chose does not fit the file."""

    key, params = "encoding_wrong", ("file", "encoding", "line")


class HeaderLineMissing(TableError):
    """The header is said to stand on a line that the file does not have."""

    key, params = "header_line_missing", ("file", "line")


class JsonBroken(TableError):
    """A JSON document that ends too early or is none."""

    key, params = "json_broken", ("file", "line")


class JsonWithoutTable(TableError):
    """JSON without a list of objects or columns in it; `found` is its outline."""

    key, params = "json_without_table", ("file", "found")


class NoTags(TableError):
    """A file with the ending of token classification, and no column of tags."""

    key, params = "no_tags", ("file",)


class SheetUnknown(TableError):
    """A workbook without that sheet."""

    key, params = "sheet_unknown", ("file", "sheet", "sheets")


class WorkbookEncrypted(TableError):
    """A workbook that opens with a password only."""

    key, params = "workbook_encrypted", ("file",)


class WorkbookOld(TableError):
    """A workbook in Excel's format from before 2007."""

    key, params = "workbook_old", ("file",)


class SplitUnknown(TableError):
    """A part of the data that the file does not have."""

    key, params = "split_unknown", ("file", "split", "splits")


class ArchiveEncrypted(TableError):
    """A zip whose members need a password."""

    key, params = "archive_encrypted", ("file",)


class ArchiveWithoutTable(TableError):
    """A zip in which no member has an ending that is read."""

    key, params = "archive_without_table", ("file", "members", "kinds")


class TooManyMembers(TableError):
    """A zip with more members than the limit."""

    key, params = "too_many_members", ("file", "members", "limit")


class ReadingTooLong(TableError):
    """Reading was stopped because it took too long."""

    key, params = "reading_too_long", ("file", "seconds")


class ReadingTooMuch(TableError):
    """The process that read the file ran out of memory, or ended without an answer."""

    key, params = "reading_too_much", ("file", "size")


class HubDataMalformed(TableError):
    """Not owner/name."""

    key, params = "hub_data_malformed", ("dataset",)


class HubDataNotFound(TableError):
    """The Hub has no such data set, or it is private."""

    key, params = "hub_data_not_found", ("dataset",)


class HubDataGated(TableError):
    """The Hub asks for consent or a login first."""

    key, params = "hub_data_gated", ("dataset",)


class HubDataUnreachable(TableError):
    """The Hub does not answer."""

    key, params = "hub_data_unreachable", ("dataset",)


class HubDataCutOff(TableError):
    """The download broke off."""

    key, params = "hub_data_cut_off", ("dataset",)


class HubDataBroken(TableError):
    """A file is not what the Hub announced."""

    key, params = "hub_data_broken", ("dataset", "file")


class HubDataTooLarge(TableError):
    """The part is larger than a file may be here."""

    key, params = "hub_data_too_large", ("dataset", "size", "limit")


class HubDataWithoutTable(TableError):
    """No CSV, JSON or Parquet file in the repository."""

    key, params = "hub_data_without_table", ("dataset", "files")


class HubDataPartUnknown(TableError):
    """A part that the data set does not have."""

    key, params = "hub_data_part_unknown", ("dataset", "part", "parts")


class ShardsDiffer(TableError):
    """The files of one part have other columns than its first file."""

    key, params = "shards_differ", ("file", "member", "columns", "expected")
