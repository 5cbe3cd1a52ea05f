"""A file that is not a readable table."""

from __future__ import annotations

from bertdemo.errors.base import TableError


class FileTooLarge(TableError):
    """The file is larger than the limit; `size` and `limit` are texts with a unit."""

    key, params = "file_too_large", ("file", "size", "limit")


class UnpacksTooFar(TableError):
    """An archive that unpacks to more than `limit` times its size: probably a zip bomb."""

    key, params = "unpacks_too_far", ("file", "size", "ratio", "limit")


class FileEmpty(TableError):
    """The file has no bytes, or only blank lines."""

    key, params = "file_empty", ("file",)


class FileNotText(TableError):
    """A binary file with the extension of a text file; `byte` is the offset of the first binary byte."""

    key, params = "file_not_text", ("file", "byte")


class FileNotUtf8(TableError):
    """Neither UTF-8 nor an encoding that is detected; `line` counts from 1."""

    key, params = "file_not_utf8", ("file", "line")


class FileKindUnknown(TableError):
    """A file extension that is not supported."""

    key, params = "file_kind_unknown", ("file", "kinds")


class FileForeign(TableError):
    """A document, an image or the data of another program; `format` is its name."""

    key, params = "file_foreign", ("file", "format")


class FilePickled(TableError):
    """A pickle: opening it would run its code."""

    key, params = "file_pickled", ("file",)


class FileCompressed(TableError):
    """A compressed file that is not a zip."""

    key, params = "file_compressed", ("file",)


class FileWebPage(TableError):
    """A web page that was saved in place of the file."""

    key, params = "file_web_page", ("file",)


class FilePointer(TableError):
    """A pointer of Git LFS in place of the file."""

    key, params = "file_pointer", ("file",)


class FileServerError(TableError):
    """The error of a server that was saved in place of the file; `message` is its text."""

    key, params = "file_server_error", ("file", "message")


class FileBroken(TableError):
    """The library for this format cannot read the file."""

    key, params = "file_broken", ("file", "kind")


class HeaderOnly(TableError):
    """A header line without a row below it."""

    key, params = "header_only", ("file",)


class TooManyRows(TableError):
    """More rows than the limit."""

    key, params = "too_many_rows", ("file", "limit")


class TooManyColumns(TableError):
    """More columns than the limit."""

    key, params = "too_many_columns", ("file", "columns", "limit")


class CellTooLong(TableError):
    """One cell has more characters than the limit."""

    key, params = "cell_too_long", ("file", "row", "column", "chars", "limit")


class LineBroken(TableError):
    """One line cannot be parsed (JSONL that is not an object, an unclosed quote)."""

    key, params = "line_broken", ("file", "line")


class EncodingWrong(TableError):
    """The chosen encoding does not fit the file."""

    key, params = "encoding_wrong", ("file", "encoding", "line")


class HeaderLineMissing(TableError):
    """The chosen header line is beyond the end of the file."""

    key, params = "header_line_missing", ("file", "line")


class JsonBroken(TableError):
    """A document that is truncated or not JSON."""

    key, params = "json_broken", ("file", "line")


class JsonWithoutTable(TableError):
    """JSON without a list of objects or columns; `found` is its outline."""

    key, params = "json_without_table", ("file", "found")


class NoTags(TableError):
    """A file with an extension of token classification (.conll, ...) but no column of tags."""

    key, params = "no_tags", ("file",)


class SentencesUnmarked(TableError):
    """One word per row with its tag, and nothing that tells the sentences apart."""

    key, params = "sentences_unmarked", ("file", "token", "tag")


class FormatWebAnno(TableError):
    """A WebAnno TSV, which INCEpTION exports too."""

    key, params = "format_webanno", ("file",)


class FormatSpacy(TableError):
    """A binary file of spaCy documents (DocBin)."""

    key, params = "format_spacy", ("file",)


class SheetUnknown(TableError):
    """A workbook without that sheet."""

    key, params = "sheet_unknown", ("file", "sheet", "sheets")


class WorkbookEncrypted(TableError):
    """A workbook that needs a password."""

    key, params = "workbook_encrypted", ("file",)


class WorkbookOld(TableError):
    """A workbook in the .xls format of Excel before 2007."""

    key, params = "workbook_old", ("file",)


class SplitUnknown(TableError):
    """The file has no split of that name."""

    key, params = "split_unknown", ("file", "split", "splits")


class ArchiveEncrypted(TableError):
    """A zip whose members need a password."""

    key, params = "archive_encrypted", ("file",)


class ArchiveWithoutTable(TableError):
    """A zip in which no member has a supported extension."""

    key, params = "archive_without_table", ("file", "members", "kinds")


class TooManyMembers(TableError):
    """A zip with more members than the limit."""

    key, params = "too_many_members", ("file", "members", "limit")


class ReadingTooLong(TableError):
    """Reading the file exceeded the time limit."""

    key, params = "reading_too_long", ("file", "seconds")


class ReadingTooMuch(TableError):
    """The reading process ran out of memory or died."""

    key, params = "reading_too_much", ("file", "size")


class HubDataMalformed(TableError):
    """A dataset id that is not of the form owner/name."""

    key, params = "hub_data_malformed", ("dataset",)


class HubDataNotFound(TableError):
    """The Hub has no such dataset, or it is private."""

    key, params = "hub_data_not_found", ("dataset",)


class HubDataGated(TableError):
    """The dataset is gated: the Hub requires a login or accepted terms."""

    key, params = "hub_data_gated", ("dataset",)


class HubDataUnreachable(TableError):
    """The Hub does not answer."""

    key, params = "hub_data_unreachable", ("dataset",)


class HubDataCutOff(TableError):
    """The download was interrupted."""

    key, params = "hub_data_cut_off", ("dataset",)


class HubDataBroken(TableError):
    """A file differs from the size or hash that the Hub announced."""

    key, params = "hub_data_broken", ("dataset", "file")


class HubDataTooLarge(TableError):
    """The split is larger than the limit for a file."""

    key, params = "hub_data_too_large", ("dataset", "size", "limit")


class HubDataWithoutTable(TableError):
    """No CSV, JSON or Parquet file in the repository."""

    key, params = "hub_data_without_table", ("dataset", "files")


class HubDataPartUnknown(TableError):
    """The dataset has no split of that name."""

    key, params = "hub_data_part_unknown", ("dataset", "part", "parts")


class ShardsDiffer(TableError):
    """The files of one split differ in their columns; `member` differs from the first."""

    key, params = "shards_differ", ("file", "member", "columns", "expected")
