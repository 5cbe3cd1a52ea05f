"""How a delimited file is written, from its first lines: delimiter, quotation mark, a space after the delimiter."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bertdemo.tables.formats.header import KNOWN
from bertdemo.tables.parse_options import DELIMITERS, NONE, QUOTES, ParseOptions

_ROWS = 100
_CLEAR = 0.8
_TITLES = 5
_NAME = re.compile(r"\S{1,30}")


@dataclass(frozen=True)
class Dialect:
    """How cells are told apart."""

    delimiter: str
    """One sign, or "none": every line is one cell."""
    quote: str
    """One sign, or "none"."""
    spaced: bool = False
    """A space follows the delimiter and is no part of the cell."""

    def reader_options(self) -> dict[str, Any]:
        """Return the arguments of csv.reader."""
        quoting = csv.QUOTE_NONE if self.quote == NONE else csv.QUOTE_MINIMAL
        quote = None if self.quote == NONE else self.quote
        return {"delimiter": self.delimiter, "quotechar": quote, "quoting": quoting, "skipinitialspace": self.spaced}


def sniff(lines: Sequence[str], kind: str, options: ParseOptions) -> Dialect:
    """Return the dialect of a file that begins with `lines` (with their ends); `kind` is its ending."""
    delimiter = options.delimiter or _delimiter(lines, kind, options)
    if delimiter == NONE:
        return Dialect(NONE, options.quote or (NONE if kind == ".txt" else _quote(lines, "")))
    quote = options.quote or _quote(lines, delimiter)
    spaced = quote != NONE and _spaced(lines, delimiter, quote)
    return Dialect(delimiter, quote, spaced)


def _delimiter(lines: Sequence[str], kind: str, options: ParseOptions) -> str:
    """Return the delimiter under which most rows are of one width, two columns at least; else "none"."""
    if kind in {".tsv", ".tab"} and any("\t" in line for line in lines):
        return "\t"
    best, best_score = NONE, (0.0, 0)
    for delimiter in DELIMITERS:
        rows = _split(lines, Dialect(delimiter, options.quote or _quote(lines, delimiter)))
        score = _score(rows)
        # Prose has commas too: in a text file the first row must look like names, or the sign be a tab.
        if kind == ".txt" and delimiter != "\t" and not (rows and score[0] >= 0.9 and _names(rows[0])):
            continue
        if kind == ".txt" and score[0] < _CLEAR:
            continue
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _score(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
    """Return (share of the rows that are as wide as the header, its width); (0, 0) for one column."""
    if not rows:
        return 0.0, 0
    header = len(rows[0])
    own = sum(len(row) == header for row in rows) / len(rows) if header >= 2 else 0.0
    counts = Counter(map(len, rows))
    usual = max(counts, key=lambda width: (counts[width], width))
    below = next((index for index, row in enumerate(rows[:_TITLES]) if len(row) == usual), 0)
    share = counts[usual] / (len(rows) - below)
    # A title or a short first row above a table that is regular otherwise.
    if usual >= 2 and usual != header and share >= _CLEAR and len(rows) - below >= 2:
        return (share, usual) if share > own else (own, header)
    # A few lines are too little to call it a table, unless the first line names its columns.
    return (own, header) if own >= 0.3 or (header >= 2 and _headlike(rows[0])) else (0.0, 0)


def _names(row: Sequence[str]) -> bool:
    return any(cell.strip().casefold() in KNOWN for cell in row)


def _headlike(row: Sequence[str]) -> bool:
    return _names(row) or all(_NAME.fullmatch(cell) for cell in row)


def _split(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, **dialect.reader_options()):
            if any(cell.strip() for cell in row):
                rows.append(row)
                if len(rows) == _ROWS:
                    break
    except csv.Error:
        pass  # a quotation mark that nobody closed: what came before it tells enough
    return rows


def _quote(lines: Sequence[str], delimiter: str) -> str:
    """Return the sign that most often encloses whole cells; the double one where none does."""
    edge = re.escape(delimiter) if delimiter else "(?!)"
    text = "".join(lines)
    counts = {
        quote: len(re.findall(rf"(?m)(?:^|{edge}){quote}[^{quote}\r\n]*{quote}(?=\s*(?:{edge}|$|[\r\n]))", text))
        for quote in QUOTES
    }
    return "'" if counts["'"] > max(1, 2 * counts['"']) and counts["'"] * 4 >= len(lines) else '"'


def _spaced(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    text = "".join(lines)
    return not delimiter.isspace() and text.count(f"{delimiter} {quote}") > text.count(f"{delimiter}{quote}")
