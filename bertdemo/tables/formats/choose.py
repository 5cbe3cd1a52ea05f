"""Which format module reads a file: by its ending, or by its first bytes where the ending is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bertdemo.errors import FileForeign, FileKindUnknown
from bertdemo.settings import Limits
from bertdemo.tables.annotations.token_rows import grouped
from bertdemo.tables.formats import Grid, conll, lines
from bertdemo.tables.formats.foreign import refuse_content, zipped_format
from bertdemo.tables.parse_options import GLUED, LABEL_FIRST, Note, ParseOptions

_DELIMITED = (".csv", ".tsv", ".tab", ".txt")
_JSON_LINES = (".jsonl", ".ndjson")
# .xls only where it is a workbook of today, or text, under the old ending.
_WORKBOOKS = (".xlsx", ".xlsm", ".xls")
# Endings that are read, in the order in which they are listed for people.
KINDS = (*_DELIMITED, ".json", *_JSON_LINES, *_WORKBOOKS, ".parquet", *conll.ENDINGS, ".zip")
_DATA = tuple(kind for kind in KINDS if kind != ".zip")


def read_grid(path: Path, name: str, kind: str, limits: Limits, options: ParseOptions) -> Grid:
    """Return the grid of a file whose ending is `kind`. Raises the TableErrors of its reader."""
    if kind not in KINDS:
        raise FileKindUnknown(file=name, kinds=", ".join(KINDS))
    refuse_content(path, name)
    real = _real_kind(path, name, kind)
    grid = grouped(_read(path, name, real, limits, options), name)
    if real != kind:
        grid = replace(grid, notes=(Note("other_kind", {"ending": kind, "kind": real}), *grid.notes))
    return grid


def _read(path: Path, name: str, kind: str, limits: Limits, options: ParseOptions) -> Grid:
    if kind in _WORKBOOKS:
        from bertdemo.tables.formats.workbooks.sheets import read_workbook

        return read_workbook(path, name, limits, options)
    if kind == ".parquet":
        from bertdemo.tables.formats.columnar import read_parquet

        return read_parquet(path, name, limits)
    if kind == ".zip":
        from bertdemo.tables.formats.archives.members import read_archive

        return read_archive(path, name, limits, options, _DATA, read_grid)
    from bertdemo.tables.formats.encoding import decide

    text = decide(path, name, options.encoding)
    if kind == ".json" or (kind in _JSON_LINES and text.start(1000).lstrip()[:1] == "["):
        from bertdemo.tables.formats.document import read_json

        return read_json(text, name, limits, options)
    if kind in _JSON_LINES:
        from bertdemo.tables.formats.jsonl import read_jsonl

        return read_jsonl(text, name, limits.columns)
    from bertdemo.tables.formats.delimited import read_delimited, sample_lines

    sample = sample_lines(text)
    # A delimiter or a header in the options means that the file is delimited.
    undecided = not options.delimiter and not options.header
    if kind in conll.ENDINGS or conll.is_webanno(sample) or (undecided and conll.is_conll(sample)):
        return conll.read_conll(text, name, sample)
    if undecided and lines.is_fasttext(sample):
        return lines.read_labeled(text, marked=True)
    if options.delimiter == LABEL_FIRST or (undecided and kind == ".txt" and lines.is_label_first(sample)):
        return lines.read_labeled(text, marked=lines.is_fasttext(sample))
    if options.delimiter == GLUED or (undecided and kind == ".txt" and lines.is_glued(sample)):
        return lines.read_glued(text)
    return read_delimited(text, name, kind, options)


def _real_kind(path: Path, name: str, kind: str) -> str:
    """Return the kind that a file's first bytes prove, else `kind`. Raises FileForeign for a document."""
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        return _zipped(path, name, kind)
    # Parquet begins and ends with "PAR1", and its footer has a length of four bytes: 12 bytes hold no table.
    if start.startswith(b"PAR1") and kind not in _WORKBOOKS and path.stat().st_size > 12:
        return ".parquet"
    from bertdemo.tables.formats.workbooks.sheets import OLE

    if start == OLE:
        if _is_word(path):
            raise FileForeign(file=name, format="Word")
        return ".xls" if kind not in _WORKBOOKS else kind
    if kind in _DELIMITED and start.lstrip(b"\xef\xbb\xbf \r\n").startswith((b"{", b"[")):
        return _json_kind(path, name) or kind
    # Many programs write delimited text and call it .xls.
    return ".csv" if kind == ".xls" and not start.startswith(b"PK") else kind


def _is_word(path: Path) -> bool:
    """Return whether a compound file is of Word: its directory names its streams in UTF-16."""
    with path.open("rb") as file:
        return "WordDocument".encode("utf-16-le") in file.read(4 * 1024 * 1024)


def _json_kind(path: Path, name: str) -> str:
    """Return the kind of JSON under the ending of a delimited file; "" where the text is no JSON."""
    from bertdemo.tables.formats.encoding import decide
    from bertdemo.tables.formats.jsonl import is_jsonl

    text = decide(path, name)
    if is_jsonl(text):
        return _JSON_LINES[0]
    try:
        with text.open() as file:
            value = json.load(file)
    except (ValueError, RecursionError):
        return ""
    return ".json" if isinstance(value, list | dict) else ""


def _zipped(path: Path, name: str, kind: str) -> str:
    import zipfile

    from bertdemo.tables.formats.workbooks.sheets import UNREADABLE_ZIP

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except UNREADABLE_ZIP:
        return kind
    if document := zipped_format(names):
        raise FileForeign(file=name, format=document)
    if kind in {".xlsx", ".xlsm"}:
        return kind
    return ".xlsx" if any(member.startswith("xl/") for member in names) else ".zip"
