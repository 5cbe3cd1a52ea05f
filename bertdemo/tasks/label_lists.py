"""Several labels per row as people write them: a JSON list, names joined by a separator, or columns of 0 and 1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

# Name of the choice "all columns of 0 and 1 together", where each label has a column.
FLAGS = "*"
SEPARATORS = ("|", ";", "；", "、", ",", "，")
_FLAG_WORDS = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True, "0.0": False, "1.0": True}
# A longer value is rather a clause of a sentence with commas in it.
_LONGEST_LABEL = 60
# Rows in which a column of flags is recognized.
_SAMPLED_ROWS = 5000
# At least so many values per row on average: in prose, or a column of single labels, a separator is rarer.
_VALUES_PER_CELL = 1.02


def flag_columns(table: Table) -> list[str]:
    """Return the columns of 0 and 1 (or yes and no) in which both values occur."""
    names = []
    for name, cells in table.columns.items():
        words = {(cell or "").strip().lower() for cell in cells[:_SAMPLED_ROWS]} - {""}
        if len(words) == 2 and words <= set(_FLAG_WORDS):
            names.append(name)
    return names


def joined_by(cells: Sequence[str]) -> str:
    """Return how a column joins its labels: a separator, `list` for JSON lists, "" where it does not."""
    if not cells:
        return ""
    if sum(cell.startswith("[") and cell.endswith("]") for cell in cells) > 0.9 * len(cells):
        lists = [_json_list(cell) for cell in cells]
        items = [item for values in lists for item in values or []]
        short = None not in lists and all(isinstance(item, str) and len(item) <= _LONGEST_LABEL for item in items)
        return "list" if short and _few(items) else ""
    for separator in SEPARATORS:
        values = [value.strip() for cell in cells for value in cell.split(separator)]
        enough = len(values) > _VALUES_PER_CELL * len(cells)
        if enough and max(map(len, values)) <= _LONGEST_LABEL and _few(values):
            # Labels that are joined come in more combinations than there are labels.
            return separator if len(set(values)) < len(set(cells)) else ""
    return ""


def _few(values: Sequence[str]) -> bool:
    """Return whether values repeat as labels do: at most 20 different ones, or ten rows per value."""
    return 1 < len(set(values)) <= max(20, len(values) // 10)


def _json_list(cell: str) -> list[Any] | None:
    try:
        value = json.loads(cell)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def labels_of_rows(table: Table, columns: Mapping[str, str], known: Sequence[str] = ()) -> list[list[str] | None]:
    """Return each row's labels, trimmed; None where the text or the labels are missing.

    `known` are the labels of the training data, where the table is another one: it is read in the way that finds
    them, because a file of few rows does not show by itself how its labels are joined.
    """
    texts = table.columns[columns["text"]]
    if columns["label"] == FLAGS:
        names = flag_columns(table)
        # A label that all rows of a small file have, or none of them, has a column with one value only.
        names += [name for name in known if name in table.columns and name not in names]
        flags = zip(*(table.columns[name] for name in names), strict=True)
        rows: list[list[str] | None] = [
            [name for name, cell in zip(names, row, strict=True) if _FLAG_WORDS.get((cell or "").strip().lower())]
            for row in flags
        ]
    else:
        cells = [(cell or "").strip() for cell in table.columns[columns["label"]]]
        joined = _best_joined_by([cell for cell in cells if cell], known)
        rows = [split_cell(cell, joined) if cell else None for cell in cells]
    return [labels if text and not text.isspace() else None for text, labels in zip(texts, rows, strict=True)]


def _best_joined_by(cells: Sequence[str], known: Sequence[str]) -> str:
    """Return how labels are joined: of all ways the one that leaves the fewest unknown labels."""
    guess = joined_by(cells)
    if not known:
        return guess
    names = set(known)

    def unknown(joined: str) -> tuple[int, int]:
        labels = [label for cell in cells for label in split_cell(cell, joined)]
        return sum(label not in names for label in labels), -sum(label in names for label in labels)

    lists = ["list"] if all(_json_list(cell) is not None for cell in cells) else []
    return min((guess, *lists, "", *SEPARATORS), key=unknown)


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
        return [str(item).strip() for item in _json_list(cell) or [] if str(item).strip()]
    return [label.strip() for label in (cell.split(joined) if joined else [cell]) if label.strip()]
