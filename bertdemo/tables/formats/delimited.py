"""CSV, TSV and other delimited text, by the csv module, and the recovery where a quotation mark is never closed.

The csv module reads strictly. Where it fails, the line is read again with its quotation marks as part of the text if
that gives as many cells as the header has; the lines that the open quotation mark had swallowed are read again.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from bertdemo.tables.formats import Grid
from bertdemo.tables.formats.encoding import TextFile
from bertdemo.tables.formats.header import Row, split_header
from bertdemo.tables.formats.sniff import Dialect, named_delimiter, sniff
from bertdemo.tables.formats.widths import Fitted, fitted
from bertdemo.tables.parse_options import NONE, DetectedFormat, Occurrences, ParseOptions

# The dialect is detected on so much text.
_SAMPLE_CHARS = 64 * 1024
# A quoted cell that is longer than this is a quotation mark that was never closed.
_RUNAWAY_CHARS = 4 * 1024 * 1024
_RUNAWAY_LINES = 20_000
# After so many of those, quotation marks mean nothing in this file: trying each would take time without bound.
_RUNAWAYS = 20
# Lines that are read again leniently; a real cell of more is hardly found in a file with stray quotation marks.
_LENIENT_LINES = 1000


def read_delimited(text: TextFile, name: str, kind: str, options: ParseOptions) -> Grid:
    """Return the grid of a delimited file; `kind` is its ending. Raises HeaderLineMissing."""
    sample = sample_lines(text)
    named = named_delimiter(sample)
    if named:
        sample, options = sample[1:], replace(options, delimiter=options.delimiter or named)
    dialect = sniff(sample, kind, options)
    stray = Occurrences()
    if dialect.delimiter == NONE:
        rows: Iterator[Row] = _whole_lines(text, dialect)
    else:
        csv.field_size_limit(_RUNAWAY_CHARS)
        rows = _Records(text, dialect, stray, skipped=bool(named)).rows()
    headed = split_header(rows, name, options.header, lines=kind == ".txt" and dialect.delimiter == NONE)
    fit = fitted(headed, dialect.delimiter) if dialect.delimiter != NONE and headed.names else Fitted(headed)
    headed = fit.headed
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
        separator="," if dialect.delimiter == NONE else dialect.delimiter + " " * dialect.spaced,
        surplus=fit.surplus,
        notes=(*text.notes, *notes),
        later=lambda: stray.notes("stray_quotes"),
    )


def sample_lines(text: TextFile) -> list[str]:
    """Return the first lines with their line ends, without an incomplete last line."""
    start = text.start(_SAMPLE_CHARS)
    lines = list(io.StringIO(start, newline=""))  # str.splitlines would also split at form feeds and U+2028
    return lines[:-1] if len(start) == _SAMPLE_CHARS and len(lines) > 1 else lines


def _whole_lines(text: TextFile, dialect: Dialect) -> Iterator[Row]:
    """Yield every line as one cell; one that is quoted as a whole may span several lines."""
    # The unit separator, a control character that no text contains.
    plain = replace(dialect, delimiter="\x1f", spaced=False)
    csv.field_size_limit(_RUNAWAY_CHARS)
    yield from _Records(text, plain, Occurrences(), width=1).rows()


class _Lines:
    """The lines of a file, which can be given back: `taken` are those of the record being read."""

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

    def __init__(
        self, text: TextFile, dialect: Dialect, stray: Occurrences, width: int = 0, *, skipped: bool = False
    ) -> None:
        """With `skipped` the first line is no row: it names the delimiter."""
        self._source = _Lines(dialect.prepared(text.lines()))
        if skipped:
            next(self._source, None)
        self._dialect, self._quoted = dialect, dialect.csv_dialect()
        self._literal = replace(dialect, quote=NONE).csv_dialect()
        self._stray, self._width, self._runaways = stray, width, 0

    def rows(self) -> Iterator[Row]:
        """Yield (line that the record starts on, cells)."""
        source = self._source
        reader = csv.reader(source, self._quoted, strict=True)
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
                    reader = csv.reader(source, self._literal, strict=True)
            else:
                # A record over several lines that does not fit the header.
                if len(source.taken) > 1 and self._width and len(cells) != self._width:
                    cells = self._closed_by_chance(start, cells)
            if not self._width and len(cells) > 1:
                self._width = len(cells)
            yield start, list[str | None](self._dialect.restored(cells))

    def _plain(self) -> list[str]:
        """Return the cells of the first line taken, with quotation marks as part of the text."""
        try:
            return next(csv.reader(self._source.taken[:1], self._literal), [])
        except csv.Error:  # one cell beyond all limits: the builder refuses it, naming its line
            return self._source.taken[0].rstrip("\r\n").split(self._dialect.sign)

    def _reread_as_text(self, start: int) -> list[str]:
        """Read again a record that the strict reader refused."""
        source = self._source
        taken = len(source.taken)
        self._runaways += taken > _LENIENT_LINES
        self._stray.add(start)
        plain = self._plain()
        if len(plain) != self._width and taken < _LENIENT_LINES:
            lenient = self._lenient()
            if self._width and len(lenient) == self._width:
                return lenient
        source.give_back(len(source.taken) - 1)
        return plain

    def _lenient(self) -> list[str]:
        """Read the record without strictness; [] where it never ends."""
        source = self._source
        source.give_back(len(source.taken))
        unclosed = False

        def ahead() -> Iterator[str]:
            nonlocal unclosed
            yield from itertools.islice(source, _LENIENT_LINES)
            unclosed = True  # a closed record needs no further line

        try:
            cells = next(csv.reader(ahead(), self._quoted), [])
        except csv.Error:
            return []
        return [] if unclosed else cells

    def _closed_by_chance(self, start: int, cells: list[str]) -> list[str]:
        """Return the first line by itself where it fits the header: a mark of a later row had closed its mark."""
        plain = self._plain()
        if len(plain) != self._width:
            return cells
        self._stray.add(start)
        self._source.give_back(len(self._source.taken) - 1)
        return plain
