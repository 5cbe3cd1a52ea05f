"""What people write into a column that answers one question per row: 0 and 1, yes and no, a mark or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

# Pairs of "no" and "yes" that go together, in lower case.
_ANSWERS = (
    ("0", "1"), ("0.0", "1.0"), ("0,0", "1,0"), ("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"),
    ("nein", "ja"), ("falsch", "wahr"), ("falsch", "richtig"), ("non", "oui"), ("faux", "vrai"), ("no", "sí"),
    ("no", "si"), ("falso", "verdadero"), ("no", "sì"), ("falso", "vero"), ("não", "sim"), ("falso", "verdadeiro"),
    ("否", "是"), ("假", "真"), ("无", "有"), ("不是", "是"), ("错", "对"), ("いいえ", "はい"), ("нет", "да"),
    ("nee", "ja"), ("nej", "ja"), ("✗", "✓"), ("✘", "✔"), ("×", "√"), ("×", "✓"), ("✗", "✔"), ("☐", "☑"), ("☐", "☒"),
    ("-", "+"), ("-", "x"), ("–", "x"), ("o", "x"), ("○", "●"), ("✗", "✅"), ("❌", "✅"), ("×", "○"),
)  # fmt: skip
_PAIRS = {frozenset(pair): pair for pair in _ANSWERS}
_YES = frozenset(yes for _, yes in _ANSWERS)
# A mark in a column whose other cells are empty says that the label applies.
_MARKS = _YES | {"xx", "✗", "✘", "☒", "×", "•", "■"}
# What datasets write in rows that were not annotated.
_NOT_JUDGED = "-1"
# Rows in which a column of flags is recognized.
_SAMPLED_ROWS = 5000


def is_yes_or_no(values: Collection[str]) -> bool:
    """Return whether these are the two answers to one question, in whatever case: True, TRUE and false."""
    return _folded(values) in _PAIRS


def flag_columns(table: Table) -> list[str]:
    """Return the columns of 0 and 1, of yes and no, or of marks and empty cells, in which both occur.

    Where some are written in one way and some in another, those of the most frequent way: a survey of `x` beside a
    column of yes and no is not one list of labels.
    """
    ways = {name: way for name, cells in table.columns.items() if (way := _way(cells[:_SAMPLED_ROWS]))}
    usual = Counter(ways.values()).most_common(1)
    return [name for name, way in ways.items() if way == usual[0][0]]


def flags_of(cells: Sequence[str | None]) -> list[bool | None]:
    """Return whether the label of a column applies to each row; None where it was not annotated (-1)."""
    words = [(cell or "").strip().casefold() for cell in cells]
    distinct = frozenset(words) - {"", _NOT_JUDGED}
    yes = {_PAIRS[distinct][1]} if distinct in _PAIRS else _MARKS
    return [None if word == _NOT_JUDGED else word in yes for word in words]


def _folded(values: Collection[str | None]) -> frozenset[str]:
    return frozenset((value or "").strip().casefold() for value in values) - {""}


def _way(cells: Sequence[str | None]) -> str:
    """Return how a column of flags is written: `numbers`, `words` or `marks`; "" for another column."""
    words = _folded(cells) - {_NOT_JUDGED}
    if words in _PAIRS:
        yes = _PAIRS[words][1]
        return "numbers" if yes[0] == "1" else "words" if yes.isalpha() and yes != "x" else "marks"
    if len(words) == 1 and words <= _MARKS and any(not (cell and cell.strip()) for cell in cells):
        return "numbers" if words <= {"1", "1.0"} else "marks"
    return ""
