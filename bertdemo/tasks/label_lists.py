"""Several labels a row as people write them: a JSON list, names joined by a separator, or columns of 0 and 1."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bertdemo.tables.table import Table

FLAGS = "*"
"""Stands for every column of 0 and 1, where each label has one."""
SEPARATORS = ("|", ";", "；", "、", ",", "，")
_FLAG_WORDS = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True, "0.0": False, "1.0": True}
_LONGEST_LABEL = 60


def flag_columns(table: Table) -> list[str]:
    """Return the columns of 0 and 1 (or yes and no), where some row has each."""
    found = []
    for name, cells in table.columns.items():
        words = {(cell or "").strip().lower() for cell in cells[:5000]}
        if words - {""} and words <= {*_FLAG_WORDS, ""} and len(words - {""}) == 2:
            found.append(name)
    return found


def joined_by(cells: Sequence[str]) -> str:
    """Return what joins the labels of a column: a separator, `list` for JSON lists, "" where nothing does."""
    if not cells:
        return ""
    if sum(cell.startswith("[") and cell.endswith("]") for cell in cells) > 0.9 * len(cells):
        lists = [_json_list(cell) for cell in cells]
        short = all(
            isinstance(item, str) and len(item) <= _LONGEST_LABEL
            for one in lists
            for item in ([0] if one is None else one)
        )
        return "list" if short and _few([item for one in lists for item in one or []]) else ""
    for separator in SEPARATORS:
        parts = [part.strip() for cell in cells for part in cell.split(separator)]
        if len(parts) > 1.02 * len(cells) and max(map(len, parts)) <= _LONGEST_LABEL and _few(parts):
            # Labels that are joined come in more combinations than there are labels.
            return separator if len(set(parts)) < len(set(cells)) else ""
    return ""


def _few(parts: Sequence[str]) -> bool:
    return 1 < len(set(parts)) <= max(20, len(parts) // 10)


def _json_list(cell: str) -> list[Any] | None:
    try:
        value = json.loads(cell)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def labels_given(table: Table, columns: Mapping[str, str], known: Sequence[str] = ()) -> list[list[str] | None]:
    """Return each row's labels, trimmed; None where the text or the labels are missing.

    `known` are the labels of the training data, where the table is another one: it is read in the way that finds
    them, because a file of few rows does not show by itself how its labels are joined.
    """
    texts = table.columns[columns["text"]]
    if columns["label"] == FLAGS:
        found = flag_columns(table)
        # A label that all rows of a small file have, or none of them, has a column that looks like no flag.
        names = [*found, *(name for name in known if name in table.columns and name not in found)]
        flags = zip(*(table.columns[name] for name in names), strict=True)
        rows: list[list[str] | None] = [
            [name for name, cell in zip(names, row, strict=True) if _FLAG_WORDS.get((cell or "").strip().lower())]
            for row in flags
        ]
    else:
        cells = [(cell or "").strip() for cell in table.columns[columns["label"]]]
        how = _way([cell for cell in cells if cell], known)
        rows = [split_cell(cell, how) if cell else None for cell in cells]
    return [labels if text and not text.isspace() else None for text, labels in zip(texts, rows, strict=True)]


def _way(cells: Sequence[str], known: Sequence[str]) -> str:
    """Return what joins the labels: of all ways the one with the fewest labels that are not known."""
    guess = joined_by(cells)
    if not known:
        return guess
    names = set(known)

    def unknown(how: str) -> tuple[int, int]:
        parts = [part for cell in cells for part in split_cell(cell, how)]
        return sum(part not in names for part in parts), -sum(part in names for part in parts)

    lists = ["list"] if all(_json_list(cell) is not None for cell in cells) else []
    return min((guess, *lists, "", *SEPARATORS), key=unknown)


def first_beyond(numbers: Sequence[int], given: Sequence[Iterable[str] | None], limit: int) -> int:
    """Return the number of the row that brings one label more than `limit`; of the first row where none does."""
    seen: set[str] = set()
    for number, labels in zip(numbers, given, strict=True):
        seen.update(labels or ())
        if len(seen) > limit:
            return number
    return numbers[0]


def split_cell(cell: str, how: str) -> list[str]:
    """Return the labels of one cell, joined as `joined_by` found."""
    if how == "list":
        return [str(item).strip() for item in _json_list(cell) or [] if str(item).strip()]
    return [part.strip() for part in (cell.split(how) if how else [cell]) if part.strip()]
