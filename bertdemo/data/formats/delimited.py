"""CSV, TSV and other delimited text, through the csv module."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from bertdemo.data.formats import Grid
from bertdemo.data.formats.encoding import encoding_of
from bertdemo.errors import LineBroken

DELIMITERS = ",;\t|"
_SAMPLE_CHARS = 64 * 1024
_SAMPLE_ROWS = 50
# A cell beyond this is a quote that nobody closed. Below it, the cell limit of the settings decides.
_RUNAWAY_CHARS = 16 * 1024 * 1024


def read_delimited(path: Path, name: str, kind: str) -> Grid:
    """Return the grid of a delimited file; `kind` is its ending. Raises FileNotText, FileNotUtf8, LineBroken."""
    encoding = encoding_of(path, name)
    csv.field_size_limit(_RUNAWAY_CHARS)
    with path.open(encoding=encoding, newline="") as file:
        delimiter = "\t" if kind == ".tsv" else _delimiter(file.read(_SAMPLE_CHARS))
    rows = _records(path, name, encoding, delimiter)
    header = next(((number, cells) for number, cells in rows if any(cell.strip() for cell in cells)), (0, []))[1]
    return Grid(header, ((number, list[str | None](cells)) for number, cells in rows), separator=delimiter)


class _Remembering:
    """The lines of a file; `lines` holds those of the record being read, to look at the last one again."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.lines: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._file:
            self.lines.append(line)
            yield line


def _records(path: Path, name: str, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line that the record starts on, cells); a quoted cell may run over several lines."""
    with path.open(encoding=encoding, newline="") as file:
        source = _Remembering(file)
        reader = csv.reader(source, delimiter=delimiter)
        last: list[str] = []
        while True:
            start = reader.line_num + 1
            source.lines.clear()
            try:
                cells = next(reader)
            except StopIteration:
                break
            except csv.Error:
                raise LineBroken(file=name, line=start) from None
            if source.lines:
                last = list(source.lines)
            if reader.line_num > start or last[-1][-1:] not in "\r\n":
                _refuse_open_quote(last, delimiter, name, start)
            yield start, cells


def _refuse_open_quote(lines: list[str], delimiter: str, name: str, start: int) -> None:
    """A quote still open at the end of the file has swallowed every row since: only strict mode tells."""
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise LineBroken(file=name, line=start) from None


def _delimiter(sample: str) -> str:
    """Return the delimiter under which most of the first rows are as wide as the header, two columns at least."""
    lines = sample.splitlines(keepends=True)
    if len(sample) == _SAMPLE_CHARS:
        lines = lines[:-1]
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if any(cell.strip() for cell in row)]
        except csv.Error:
            continue
        rows = rows[:_SAMPLE_ROWS]
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        score = (sum(len(row) == width for row in rows) / len(rows), width)
        if score > best_score:
            best, best_score = delimiter, score
    return best
