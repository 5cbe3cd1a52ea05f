"""Several labels per row as people write them: lists, names joined by a separator, one-hot vectors, or flag columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bertdemo.tasks.reading.marks import flag_columns, flags_of
from bertdemo.tasks.reading.no_value import is_artifact
from bertdemo.tasks.reading.printed_lists import list_of

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

# Name of the choice "all columns of 0 and 1 together", where each label has a column.
FLAGS = "*"
# Separators between labels that labels themselves hardly ever contain.
_CLEAR = ("|", ";", "；", "、", "\n", "\t")
# Separators that labels may contain too: "fish, raw", "yes/no". Many labels have spaces: a space separates codes only.
_UNCLEAR = (",", "，", "/", " ")
SEPARATORS = (*_CLEAR, *_UNCLEAR)
# A longer value is rather a clause of a sentence with commas in it.
_LONGEST_LABEL = 60
# At least so many values per row on average: in prose, or a column of single labels, a separator is rarer.
_VALUES_PER_CELL = 1.02
_NUMBER = re.compile(r"[-+]?\d+(?:,\d+)?")
_DATE_OR_SHARE = re.compile(r"\d+(?:/\d+)*")
# From this share of the numbers on a comma is a decimal comma; ids of labels are joined in fewer rows than that.
_DECIMAL_COMMAS = 1 / 3
# A code has no space in it, and a mark or a digit that a plain word has not: cs.CL, #travel, K-21.
_CODE = re.compile(r"#\w+|\w+[._:#-]\w+|[^\W\d]+\d+")
# 0101, 0 1 0 1 or 0,1,0,1: a shorter row of digits may be a number.
_ONE_HOT = re.compile(r"[01]{3,}|[01](?:[ ,;]+[01])+")


def joined_by(cells: Sequence[str]) -> str:
    """Return how a column joins its labels: a separator, `list`, `one_hot`, "" where it does not."""
    if not cells:
        return ""
    return _listed(cells) or next((mark for mark in SEPARATORS if _joins(mark, cells)), "")


def _listed(cells: Sequence[str]) -> str:
    """Return `list` or `one_hot` where the cells are written so, "" where they are not."""
    if all(map(_ONE_HOT.fullmatch, cells)):
        sizes = {len(re.findall("[01]", cell)) for cell in cells}
        return "one_hot" if len(sizes) == 1 and len(set(cells)) > 1 else ""
    lists = [list_of(cell) for cell in cells]
    if sum(values is not None for values in lists) <= 0.9 * len(cells):
        return ""
    items = [_without_zeros(item) for values in lists for item in values or []]
    short = None not in lists and all(
        isinstance(item, str | int) and len(str(item)) <= _LONGEST_LABEL for item in items
    )
    if not short or not _few([str(item) for item in items]):
        return ""
    sizes = {len(values or ()) for values in lists}
    return "one_hot" if len(sizes) == 1 and sizes != {1} and {str(item) for item in items} == {"0", "1"} else "list"


def _flags_in(cell: str) -> list[str]:
    """Return the 0 and 1 of a cell that is a one-hot vector; other words for another cell."""
    values = list_of(cell)
    if values is not None:
        return [str(_without_zeros(value)) for value in values]
    return re.findall("[01]", cell) if _ONE_HOT.fullmatch(cell) else [cell]


def _without_zeros(item: object) -> object:
    """Return 1 for 1.0: a vector of flags may be printed as floats."""
    return int(item) if isinstance(item, float) and item.is_integer() else item


def _joins(mark: str, cells: Sequence[str]) -> bool:
    """Return whether the parts between these marks are labels, and the whole cells are combinations of them."""
    values = [value.strip() for cell in cells for value in cell.split(mark)]
    if len(values) <= _VALUES_PER_CELL * len(cells) or max(map(len, values)) > _LONGEST_LABEL or not _few(values):
        return False
    if _is_number_part(mark, cells):
        return False
    if (mark == "/" and _is_path(mark, cells)) or (mark == " " and not all(map(_CODE.fullmatch, values))):
        return False
    # Labels that are joined come in more combinations than there are labels; where few combinations occur, a label
    # occurs in several of them or alone. One name with a comma in it may do so by chance, two hardly.
    whole = {cell.strip() for cell in cells}
    cells_with = Counter(part.strip() for cell in whole for part in {*cell.split(mark)})
    recurring = {part for part, count in cells_with.items() if part and count > 1}
    clear = mark in _CLEAR and recurring
    return len(set(values)) < len(whole) or bool(clear) or (len(recurring) > 1 and bool(recurring & whole))


def _is_number_part(mark: str, cells: Sequence[str]) -> bool:
    """Return whether a mark belongs to numbers: a decimal comma in 4,5, the bar of a date or a share."""
    if mark == "/":
        return all(map(_DATE_OR_SHARE.fullmatch, cells))
    with_comma = sum("," in cell for cell in cells)
    return mark == "," and all(map(_NUMBER.fullmatch, cells)) and with_comma > _DECIMAL_COMMAS * len(cells)


def _is_path(mark: str, cells: Sequence[str]) -> bool:
    """Return whether the cells are paths in a tree of topics, such as Sports/Tennis: a lower part never comes first."""
    parts = [[part.strip() for part in cell.split(mark)] for cell in cells]
    return not {row[0] for row in parts} & {part for row in parts for part in row[1:]}


def _few(values: Sequence[str]) -> bool:
    """Return whether values repeat as labels do: at most 20 different ones, or ten rows per value."""
    return 1 < len(set(values)) <= max(20, len(values) // 10)


def labels_of_rows(table: Table, columns: Mapping[str, str], known: Sequence[str] = ()) -> list[list[str] | None]:
    """Return each row's labels, trimmed; None where the text or the labels are missing.

    `known` are the labels of the training data, where the table is another one: it is read in the way that finds
    them, because a file of few rows does not show by itself how its labels are joined.
    """
    texts = table.columns[columns["text"]]
    rows = _flagged(table, known) if columns["label"] == FLAGS else _from_cells(table.columns[columns["label"]], known)
    return [labels if text and not text.isspace() else None for text, labels in zip(texts, rows, strict=True)]


def _flagged(table: Table, known: Sequence[str]) -> list[list[str] | None]:
    names = flag_columns(table)
    # A label that all rows of a small file have, or none of them, has a column with one value only.
    names += [name for name in known if name in table.columns and name not in names]
    flags = zip(*(flags_of(table.columns[name]) for name in names), strict=True)
    return [
        None if None in row else [name for name, applies in zip(names, row, strict=True) if applies] for row in flags
    ]


def _from_cells(column: Sequence[str | None], known: Sequence[str]) -> list[list[str] | None]:
    cells = ["" if is_artifact(cell) else (cell or "").strip() for cell in column]
    joined = _best_joined_by([cell for cell in cells if cell], known)
    return [split_cell(cell, joined) if cell else None for cell in cells]


def _best_joined_by(cells: Sequence[str], known: Sequence[str]) -> str:
    """Return how labels are joined: of all ways the one that leaves the fewest unknown labels.

    Without known labels the person has said that there are several per row, so a clear separator needs no proof.
    """
    guess = joined_by(cells)
    if not known:
        return guess or next((mark for mark in _CLEAR if any(mark in cell for cell in cells)), "")
    names = set(known)

    def unknown(joined: str) -> tuple[int, int]:
        labels = [label for cell in cells for label in split_cell(cell, joined)]
        return sum(label not in names for label in labels), -sum(label in names for label in labels)

    lists = ["list"] if all(list_of(cell) is not None for cell in cells) else []
    one_hot = ["one_hot"] if all(set(_flags_in(cell)) <= {"0", "1"} for cell in cells) else []
    return min((guess, *lists, *one_hot, "", *SEPARATORS), key=unknown)


def first_beyond(numbers: Sequence[int], label_sets: Sequence[Iterable[str] | None], limit: int) -> int:
    """Return the number of the row in which the distinct labels exceed `limit`; of the first row where they do not."""
    distinct: set[str] = set()
    for number, labels in zip(numbers, label_sets, strict=True):
        distinct.update(labels or ())
        if len(distinct) > limit:
            return number
    return numbers[0]


def split_cell(cell: str, joined: str) -> list[str]:
    """Return the labels of one cell; `joined` is what `joined_by` returned for its column."""
    if joined == "list":
        return [str(item).strip() for item in list_of(cell) or [] if str(item).strip()]
    if joined == "one_hot":  # no name is in the cells, so a label is called by its place
        return [str(place) for place, flag in enumerate(_flags_in(cell), 1) if flag == "1"]
    return [label.strip() for label in (cell.split(joined) if joined else [cell]) if label.strip()]
