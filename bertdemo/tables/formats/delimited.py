"""CSV, TSV and other delimited text, through the csv module, and what to do where its quotation marks do not close.

The csv module reads strictly. Where it stumbles, the line is read again with its quotation marks as part of the text,
if that gives as many cells as the header has; the lines that an open quotation mark had swallowed are read anew.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import Row, split_header
from bertdemo.tables.formats.sniff import Dialect, sniff
from bertdemo.tables.parse_options import NONE, DetectedFormat, ParseOptions, Places

_SAMPLE_CHARS = 64 * 1024
# A quoted cell that runs on further than this is a quotation mark that nobody closed.
_RUNAWAY_CHARS = 4 * 1024 * 1024
_RUNAWAY_LINES = 20_000
_RUNAWAYS = 20
"""After so many of those, quotation marks mean nothing in this file: reading on would take forever."""


def read_delimited(text: TextFile, name: str, kind: str, options: ParseOptions) -> Grid:
    """Return the grid of a delimited file; `kind` is its ending. Raises HeaderLineMissing."""
    dialect = sniff(sample_lines(text), kind, options)
    stray = Places()
    if dialect.delimiter == NONE:
        rows: Iterator[Row] = _whole_lines(text, dialect)
    else:
        csv.field_size_limit(_RUNAWAY_CHARS)
        rows = _Records(text, dialect, stray).rows()
    headed = split_header(rows, name, options.header, lines=kind == ".txt" and dialect.delimiter == NONE)
    detected = DetectedFormat(
        kind="lines" if dialect.delimiter == NONE else "delimited",
        encoding=text.encoding,
        encoding_sure=text.sure,
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        header_line=headed.line,
    )
    names = headed.names
    notes = headed.notes
    if not headed.line and len(names) == 1:
        names, notes = ["text"], () if kind == ".txt" else notes
    return Grid(
        names,
        headed.rows,
        detected,
        separator="," if dialect.delimiter == NONE else dialect.delimiter,
        notes=(*text.notes, *notes),
        later=lambda: stray.notes("stray_quotes"),
    )


def sample_lines(text: TextFile) -> list[str]:
    """Return the first lines with their ends, without one that is cut in the middle."""
    start = text.start(_SAMPLE_CHARS)
    lines = list(io.StringIO(start, newline=""))  # str.splitlines would also split at form feeds and U+2028
    return lines[:-1] if len(start) == _SAMPLE_CHARS and len(lines) > 1 else lines


def _whole_lines(text: TextFile, dialect: Dialect) -> Iterator[Row]:
    """Every line is one cell; one that is quoted as a whole may run over several lines."""
    # A delimiter that no text holds.
    plain = replace(dialect, delimiter="\x1f", spaced=False)
    csv.field_size_limit(_RUNAWAY_CHARS)
    yield from _Records(text, plain, Places(), width=1).rows()


class _Lines:
    """The lines of a file with a way back: `taken` are those of the record being read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0
        self._chars = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._lines)
        self.number += 1
        self.taken.append(line)
        if len(self.taken) > 1:
            self._chars += len(line)
            if len(self.taken) > _RUNAWAY_LINES or self._chars > _RUNAWAY_CHARS:
                raise csv.Error("runaway")
        else:
            self._chars = len(line)
        return line

    def give_back(self, count: int) -> None:
        """Let the last `count` lines be read again."""
        if count:
            self._back.extendleft(reversed(self.taken[-count:]))
            self.number -= count
            del self.taken[-count:]


class _Records:
    """The rows of a delimited file."""

    def __init__(self, text: TextFile, dialect: Dialect, stray: Places, width: int = 0) -> None:
        self._source = _Lines(text.lines())
        self._options: dict[str, Any] = dialect.reader_options()
        self._literal = {**self._options, "quoting": csv.QUOTE_NONE, "quotechar": None}
        self._stray, self._width, self._runaways = stray, width, 0

    def rows(self) -> Iterator[Row]:
        """Yield (line that the record starts on, cells)."""
        source = self._source
        reader = csv.reader(source, strict=True, **self._options)
        while True:
            source.taken.clear()
            start = source.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                cells = self._reread_as_text(start)
                if self._runaways > _RUNAWAYS:
                    reader = csv.reader(source, strict=True, **self._literal)
            else:
                if len(source.taken) > 1 and self._width and len(cells) != self._width:
                    cells = self._closed_by_chance(start, cells)
            if not self._width and len(cells) > 1:
                self._width = len(cells)
            yield start, list[str | None](cells)

    def _plain(self) -> list[str]:
        """Return the cells of the first line taken, with quotation marks as part of the text."""
        try:
            return next(csv.reader(self._source.taken[:1], **self._literal), [])
        except csv.Error:  # one cell beyond all limits: the builder refuses it, with its place
            return self._source.taken[0].rstrip("\r\n").split(self._options["delimiter"])

    def _reread_as_text(self, start: int) -> list[str]:
        """Read a record that the strict reader refused."""
        source = self._source
        taken = len(source.taken)
        self._runaways += taken > 1000
        self._stray.add(start)
        plain = self._plain()
        if len(plain) != self._width and taken < 1000:
            lenient = self._lenient()
            if self._width and len(lenient) == self._width:
                return lenient
        source.give_back(len(source.taken) - 1)
        return plain

    def _lenient(self) -> list[str]:
        """Read the record as a forgiving reader would; [] where it never ends."""
        source = self._source
        source.give_back(len(source.taken))
        unclosed = False

        def ahead() -> Iterator[str]:
            nonlocal unclosed
            yield from itertools.islice(source, 1000)
            unclosed = True  # a record that is closed asks for no further line

        try:
            cells = next(csv.reader(ahead(), **self._options), [])
        except csv.Error:
            return []
        return [] if unclosed else cells

    def _closed_by_chance(self, start: int, cells: list[str]) -> list[str]:
        """A quotation mark was closed by one of a later row: the first line by itself is the better reading."""
        plain = self._plain()
        if len(plain) != self._width:
            return cells
        self._stray.add(start)
        self._source.give_back(len(self._source.taken) - 1)
        return plain
