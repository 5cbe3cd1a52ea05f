"""The dialect of a delimited file, from its first lines: delimiter, quotation mark, a space after the delimiter."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bertdemo.tables.formats.header import KNOWN
from bertdemo.tables.parse_options import DELIMITERS, NONE, QUOTES, ParseOptions

# Rows that decide; the first lines of a file are read as often as there are delimiters to try.
_ROWS = 100
# Share of rows of one length from which a delimiter is clear.
_CLEAR = 0.8
# Titles or notes above a table are at most so many lines.
_TITLES = 5
# A column name: one word.
_NAME = re.compile(r"\S{1,30}")


@dataclass(frozen=True)
class Dialect:
    """How a line is divided into cells."""

    delimiter: str
    """One character, or "none": every line is one cell."""
    quote: str
    """One character, or "none"."""
    spaced: bool = False
    """A space follows the delimiter and is not part of the cell."""

    def csv_dialect(self) -> type[csv.Dialect]:
        """Return the dialect as csv.reader takes it."""

        class Form(csv.excel):
            delimiter = self.delimiter
            quotechar = None if self.quote == NONE else self.quote
            quoting = csv.QUOTE_NONE if self.quote == NONE else csv.QUOTE_MINIMAL
            skipinitialspace = self.spaced

        return Form


def sniff(lines: Sequence[str], kind: str, options: ParseOptions) -> Dialect:
    """Return the dialect of a file that begins with `lines` (with their line ends); `kind` is the file's ending."""
    delimiter = options.delimiter or _delimiter(lines, kind, options)
    if delimiter == NONE:
        return Dialect(NONE, options.quote or (NONE if kind == ".txt" else _quote(lines, "")))
    quote = options.quote or _quote(lines, delimiter)
    spaced = quote != NONE and _spaced(lines, delimiter, quote)
    return Dialect(delimiter, quote, spaced)


def _delimiter(lines: Sequence[str], kind: str, options: ParseOptions) -> str:
    """Return the delimiter that gives most rows the same number of cells, at least two; else "none"."""
    if kind in {".tsv", ".tab"} and any("\t" in line for line in lines):
        return "\t"
    best, best_score = NONE, (0.0, 0)
    for delimiter in DELIMITERS:
        rows = _split(lines, Dialect(delimiter, options.quote or _quote(lines, delimiter)))
        score = _score(rows)
        # Prose has commas too: in a text file the first row must contain a usual name, or the delimiter be a tab.
        if kind == ".txt" and delimiter != "\t" and not (rows and score[0] >= 0.9 and _names(rows[0])):
            continue
        if kind == ".txt" and score[0] < _CLEAR:
            continue
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _score(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """Return (share of the rows with as many cells as the header, that number); (0, 0) for one column."""
    if not rows:
        return 0.0, 0
    header = len(rows[0])
    same = sum(len(row) == header for row in rows) / len(rows) if header >= 2 else 0.0
    counts = Counter(map(len, rows))
    usual = max(counts, key=lambda width: (counts[width], width))
    below = next((index for index, row in enumerate(rows[:_TITLES]) if len(row) == usual), 0)
    share = counts[usual] / (len(rows) - below)
    # A title or a short first row above a table that is otherwise regular.
    if usual >= 2 and usual != header and share >= _CLEAR and len(rows) - below >= 2:
        return (share, usual) if share > same else (same, header)
    # Below 30% regular rows it is no table, unless the first line names its columns.
    return (same, header) if same >= 0.3 or (header >= 2 and _headlike(rows[0])) else (0.0, 0)


def _names(row: Sequence[str]) -> bool:
    return any(cell.strip().casefold() in KNOWN for cell in row)


def _headlike(row: Sequence[str]) -> bool:
    return _names(row) or all(_NAME.fullmatch(cell) for cell in row)


def _split(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, dialect.csv_dialect()):
            if any(cell.strip() for cell in row):
                rows.append(row)
                if len(rows) == _ROWS:
                    break
    except csv.Error:
        pass  # a quotation mark that is never closed: the rows before it are enough
    return rows


def _quote(lines: Sequence[str], delimiter: str) -> str:
    """Return the quotation mark that most often encloses whole cells; the double one where none does."""
    edge = re.escape(delimiter) if delimiter else "(?!)"
    text = "".join(lines)
    counts = {
        quote: len(re.findall(rf"(?m)(?:^|{edge}){quote}[^{quote}\r\n]*{quote}(?=\s*(?:{edge}|$|[\r\n]))", text))
        for quote in QUOTES
    }
    # A single quote is also an apostrophe: it must enclose twice as many cells, and one per four lines.
    return "'" if counts["'"] > max(1, 2 * counts['"']) and counts["'"] * 4 >= len(lines) else '"'


def _spaced(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    text = "".join(lines)
    return not delimiter.isspace() and text.count(f"{delimiter} {quote}") > text.count(f"{delimiter}{quote}")
