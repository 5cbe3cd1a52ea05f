"""The dialect of a delimited file, from its first lines: delimiter, quotation mark, and how a cell contains one.

The delimiter is the one that gives nearly all rows the same number of cells, at least two. A comma before a space is
rather one of a text, and a sign that the header lacks is rather not the delimiter.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bertdemo.tables.formats.header import KNOWN
from bertdemo.tables.parse_options import DELIMITERS, NONE, QUOTES, ParseOptions

# Rows that decide; the first lines of a file are read as often as there are delimiters to try.
_ROWS = 100
# Share of rows of one length from which a delimiter is clear.
_CLEAR = 0.8
# The same where no column name confirms it: a few rows may be broken.
_NEARLY_ALL = 0.95
# With fewer rows, a repeated value is not evidence of a label column.
_FEWEST_ROWS = 6
# A longer value is no label.
_LABEL_CHARS = 40
# Titles or notes above a table are at most so many lines.
_TITLES = 5
# A column name: one word.
_NAME = re.compile(r"\S{1,30}")
# Stands in for a delimiter of several characters while the csv module reads: no text contains it.
_STAND_IN = "\x1f"
# Signs that programs write between cells and people hardly in texts: single ones, and several in a row.
_RARE = re.compile(r"[\^~¦§¬\x01\x02\x1e\x1f]|[|^~:;#@$%&*+=<>_!-]{2,5}")
_QUOTED = re.compile('"[^"]*"')
_MARK = re.compile(r"(?<=\w)[#@$%&*+=/\\](?=\w)")
# Runs of signs that are punctuation.
_PUNCTUATION = re.compile(r"[-!]+")
# The first line that tells Excel the delimiter.
_SEP_LINE = re.compile(r'"?sep=(\\t|[^\w\s"]|\t)"?[;,\s]*', re.IGNORECASE)
# What R writes by default: cells with a space between them, texts in quotation marks.
_SPACED_LINE = re.compile(r'(?:"(?:[^"\\]|\\.|"")*"|[^\s"]+)(?: (?:"(?:[^"\\]|\\.|"")*"|[^\s"]+))+\s*')


@dataclass(frozen=True)
class Dialect:
    """How a line is divided into cells."""

    delimiter: str
    """One to five characters, or "none": every line is one cell."""
    quote: str
    """One character, or "none"."""
    spaced: bool = False
    """A space follows the delimiter and is not part of the cell."""
    escaped: bool = False
    """A quotation mark within a cell has a backslash before it; else it is doubled."""
    padded: bool = False
    """There are spaces on both sides of the delimiter, which are not part of the cells."""

    @property
    def replaced(self) -> bool:
        """Whether another character stands in for the delimiter while the csv module reads."""
        return self.delimiter != NONE and (len(self.delimiter) > 1 or self.padded)

    @property
    def sign(self) -> str:
        """The one character that the csv module splits at."""
        return _STAND_IN if self.replaced else self.delimiter

    def csv_dialect(self) -> type[csv.Dialect]:
        """Return the dialect as csv.reader takes it, for lines that are `prepared`."""

        class Form(csv.excel):
            delimiter = self.sign
            quotechar = None if self.quote == NONE else self.quote
            quoting = csv.QUOTE_NONE if self.quote == NONE else csv.QUOTE_MINIMAL
            skipinitialspace = self.spaced

        return Form

    def prepared(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield lines that the csv module can split: delimiters of one character, quotation marks doubled."""
        if not (self.escaped or self.replaced):
            yield from lines
            return
        # A bound, or a line of a million spaces would be searched from each of them.
        space = " {0,8}" if self.padded else ""
        delimiter = re.compile(f"{space}{re.escape(self.delimiter)}{space}")
        escaped = re.compile(rf"\\\\|\\{self.quote}")
        for line in lines:
            written = escaped.sub(self._doubled, line) if self.escaped else line
            yield delimiter.sub(_STAND_IN, written) if self.replaced else written

    def _doubled(self, match: re.Match[str]) -> str:
        # Two backslashes do not escape a quotation mark; whether they mean one backslash differs between programs.
        return match[0] if match[0] == r"\\" else self.quote * 2

    def restored(self, cells: list[str]) -> list[str]:
        """Return the cells with the delimiter in place of what stood in for it within quotation marks."""
        return [cell.replace(_STAND_IN, self.delimiter) for cell in cells] if self.replaced else cells


def sniff(lines: Sequence[str], kind: str, options: ParseOptions) -> Dialect:
    """Return the dialect of a file that begins with `lines` (with their line ends); `kind` is the file's ending."""
    delimiter = options.delimiter or _delimiter(lines, kind, options)
    if delimiter == NONE:
        return Dialect(NONE, options.quote or (NONE if kind == ".txt" else _quote(lines, "")))
    return _dialect(lines, delimiter, options.quote)


def named_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that a first line like `sep=;` names for Excel, or ""."""
    match = _SEP_LINE.fullmatch(lines[0].lstrip("\ufeff")) if lines else None
    return "" if match is None else match[1].replace(r"\t", "\t")


def _dialect(lines: Sequence[str], delimiter: str, quote: str) -> Dialect:
    quote = quote or _quote(lines, delimiter)
    spaced = quote != NONE and _spaced(lines, delimiter, quote)
    return Dialect(delimiter, quote, spaced, _escaped(lines, delimiter, quote), _padded(lines, delimiter))


def _delimiter(lines: Sequence[str], kind: str, options: ParseOptions) -> str:
    """Return the delimiter that gives most rows the same number of cells, at least two; else "none"."""
    if kind in {".tsv", ".tab"} and any("\t" in line for line in lines):
        return "\t"
    best, best_score = NONE, (0.0, 0)
    for delimiter in _candidates(lines):
        rows = _split(lines, _dialect(lines, delimiter, options.quote))
        share, width = _regularity(rows)
        fits = bool(rows) and len(rows[0]) == width
        prose = _prose(lines, delimiter)
        if (prose and not fits) or (kind == ".txt" and not _is_table(rows, share, prose and fits, delimiter)):
            continue
        # Each is a reason to take another delimiter that gives rows of one length, and none to take no delimiter.
        doubts = (prose, not fits, delimiter == "," and _decimal(lines))
        score = share * 0.5 ** sum(doubts), width
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _candidates(lines: Sequence[str]) -> list[str]:
    filled = [line for line in lines if line.strip()][:_ROWS]
    bare = [_QUOTED.sub("", line) for line in filled]
    rare = []
    for sign in dict.fromkeys(_RARE.findall(filled[0]) if filled else ()):
        counts = Counter(line.count(sign) for line in bare)
        regular = bare[0].count(sign) > 0 and counts[bare[0].count(sign)] >= _NEARLY_ALL * len(filled)
        within = not all(line.startswith(sign) for line in filled)
        if regular and within and len(filled) > 1 and not _PUNCTUATION.fullmatch(sign):
            rare.append(sign)
    # Signs of prose and of numbers only where the first line also has a common column name.
    rare += [
        sign for sign in dict.fromkeys(_MARK.findall(filled[0]) if filled else ()) if _names(filled[0].split(sign))
    ]
    # Of `a||b` the bar alone is not the delimiter.
    usual = [sign for sign in DELIMITERS if not any(sign in other for other in rare)]
    spaced = sum(bool(_SPACED_LINE.fullmatch(line)) for line in filled) >= _NEARLY_ALL * len(filled)
    quoted = bool(filled) and filled[0].startswith('"') and spaced
    return [*usual, *rare, *([" "] if quoted else [])]


def _is_table(rows: Sequence[Sequence[str]], share: float, prose: bool, delimiter: str) -> bool:
    """Return whether lines of a text file are rows: prose has commas too.

    The first row must contain a usual name, the delimiter be a tab, or nearly all rows be of one length with a column
    of labels.
    """
    if share < _CLEAR:
        return False
    if delimiter == "\t" or (rows and share >= 0.9 and _names(rows[0])):
        return True
    if prose or share < _NEARLY_ALL or len(rows) < _FEWEST_ROWS:
        return False
    width = len(rows[0])
    columns = list(zip(*(row for row in rows if len(row) == width), strict=True))
    return all(map(any, columns)) and (len(delimiter) > 1 or any(map(_labels, columns)))


def _labels(cells: Sequence[str]) -> bool:
    values = set(map(str.strip, cells))
    short = all(0 < len(value) <= _LABEL_CHARS for value in values)
    return short and len(values) >= 2 and len(values) * 3 <= len(cells) + 2


def _prose(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether the delimiter has a space after it and none before it, nearly everywhere: a mark of sentences."""
    if delimiter.isspace():
        return False
    text = "".join(lines)
    sign = re.escape(delimiter)
    single = len(re.findall(rf"(?<! ){sign} +(?![\s\"'])", text))
    return single > 0 and single >= 0.9 * text.count(delimiter)


def _decimal(lines: Sequence[str]) -> bool:
    """Return whether every comma is between two digits, as in 0,5."""
    text = "".join(lines)
    return len(re.findall(r"(?<=\d),(?=\d)", text)) == text.count(",")


def _regularity(rows: Sequence[Sequence[str]]) -> tuple[float, int]:
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
        for row in csv.reader(dialect.prepared(lines), dialect.csv_dialect()):
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


def _escaped(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    """Return whether quotation marks within quoted cells have a backslash before them more often than a second mark."""
    if quote == NONE:
        return False
    edge, text = re.escape(delimiter), "".join(lines)
    # At the end of a cell the backslash may be part of the text.
    inside = rf"(?m)(?:^|{edge}) ?{quote}[^{quote}\r\n]*\\{quote}(?!\s*(?:{edge}|$))"
    doubled = rf"(?<=[^\s\\{edge}{quote}]){quote}{quote}(?=[^\s{edge}{quote}])"
    return len(re.findall(inside, text)) > len(re.findall(doubled, text))


def _spaced(lines: Sequence[str], delimiter: str, quote: str) -> bool:
    text = "".join(lines)
    if delimiter.isspace():
        return False
    after = text.count(f"{delimiter} ")
    always = after > 1 and after == text.count(delimiter)
    return always or text.count(f"{delimiter} {quote}") > text.count(f"{delimiter}{quote}")


def _padded(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether nearly every delimiter has a space on both sides."""
    text = "".join(lines)
    around = len(re.findall(rf"(?<= ){re.escape(delimiter)}(?= )", text)) if not delimiter.isspace() else 0
    return around > 0 and around >= _NEARLY_ALL * text.count(delimiter)
