"""Row fingerprints: a few numbers per row, so that a million rows can be compared without keeping their texts.

A text is represented by the 64 bits of Python's keyed hash: among a million different texts the chance of a collision
is about 3 in 100 million (n^2 / 2^65). Hashes differ between processes, so nothing that is shown or stored depends on
their values, only on which are equal.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from bertdemo.dataset.label_variants import plain
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.fold_text import fold_text
from bertdemo.tables.table import Table

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Rows between two calls of `progress`: a million rows take seconds, and a person sees the bar move.
_PROGRESS_ROWS = 50_000
# Chinese characters: CJK Unified Ideographs and their extension A.
HAN = re.compile("[㐀-䶿一-鿿]")


@dataclass(frozen=True)
class Fingerprints:
    """What is known of each row, in the table's order; every array has shape (rows,)."""

    filled: Mapping[str, Flags]
    """Slot (text, pair, label) -> whether its cell contains more than white space."""
    keys: Numbers
    """Hash of text (and pair) without regard to case and white space: equal for duplicates."""
    exact: Numbers
    """Hash of text (and pair) as they are, trimmed."""
    labels: Numbers
    """Index into `names`; -1 where the label is missing."""
    names: tuple[str, ...]
    """The labels, trimmed, in order of first appearance."""
    named: Flags
    """Whether the text contains the row's own label as a word."""
    named_other: Flags
    """Whether it contains the most recent different label above it: how often a label is there by chance."""
    lengths: Numbers
    """Characters of text and pair, trimmed."""

    @property
    def chars(self) -> int:
        """Characters of all texts and pairs."""
        return int(self.lengths.sum())

    @property
    def usable(self) -> Flags:
        """Rows in which every slot is filled."""
        flags: Flags = np.logical_and.reduce(list(self.filled.values()))
        return flags

    @property
    def has_text(self) -> Flags:
        """Rows with a text or a pair."""
        flags: Flags = np.logical_or.reduce([flags for slot, flags in self.filled.items() if slot != "label"])
        return flags

    def at(self, rows: Numbers | Flags) -> Fingerprints:
        """Return the fingerprints of some of the rows."""
        arrays = ("keys", "exact", "labels", "named", "named_other", "lengths")
        filled = {slot: flags[rows] for slot, flags in self.filled.items()}
        return replace(self, filled=filled, **{name: getattr(self, name)[rows] for name in arrays})


def fingerprint_rows(
    table: Table, columns: Mapping[str, str], progress: Callable[[float], None] = lambda share: None
) -> Fingerprints:
    """Read the columns of the slots text, pair and label (the last two are optional) once, in order.

    `columns` maps a slot to its column. Without a label column all rows have the label "". Raises KeyError for a
    missing column.
    """
    texts = table.columns[columns["text"]]
    pairs, labels = (table.columns[columns[slot]] if slot in columns else repeat("") for slot in ("pair", "label"))
    paired, labeled = "pair" in columns, "label" in columns
    # Growing typed arrays: lists of Python integers would take several times the memory.
    keys, exact, codes, lengths = (array("q") for _ in range(4))
    filled = {slot: bytearray() for slot in ("text", "pair", "label") if slot in columns}
    named, named_other = bytearray(), bytearray()
    code_of: dict[str, int] = {} if labeled else {"": 0}
    finders: list[Callable[[str], bool]] = [] if labeled else [lambda text: False]
    last, other = -1, -1
    for row, (text, pair, label) in enumerate(zip(texts, pairs, labels, strict=False)):
        first, second, name = (text or "").strip(), (pair or "").strip(), (label or "").strip()
        folded = fold_text(first)
        keys.append(hash((folded, fold_text(second)) if paired else folded))
        exact.append(hash((first, second) if paired else first))
        filled["text"].append(first != "")
        if paired:
            filled["pair"].append(second != "")
        if labeled:
            filled["label"].append(name != "")
        lengths.append(len(first) + len(second))
        code = code_of.get(name, -1)
        if code < 0 and name:
            code = code_of[name] = len(code_of)
            finders.append(finder(name))
        if code != last and code >= 0:
            last, other = code, last
        named.append(code >= 0 and finders[code](folded))
        named_other.append(code >= 0 <= other and finders[other](folded))
        codes.append(code)
        if row % _PROGRESS_ROWS == 0:
            progress(row / table.rows)
    return Fingerprints(
        filled={slot: _flags(cells) for slot, cells in filled.items()},
        keys=_numbers(keys),
        exact=_numbers(exact),
        labels=_numbers(codes),
        names=tuple(code_of),
        named=_flags(named),
        named_other=_flags(named_other),
        lengths=_numbers(lengths),
    )


def after_cleaning(
    before: Fingerprints, table: Table, columns: Mapping[str, str], rows: Numbers, labels: Numbers
) -> Fingerprints:
    """Return the fingerprints of `table`: `rows` of the table that `before` was read from, with new labels.

    `labels` are indices into `before.names`, one per row that is left. The result is that of reading `table` again,
    but only the texts of rows whose label, or the label before theirs, has changed are read.
    """
    left = before.at(rows)
    if "label" not in columns:
        return left
    others, others_before = _label_before(labels), _label_before(before.labels)[rows]
    named, named_other = left.named.copy(), left.named_other.copy()
    for flags, now, was in ((named, labels, left.labels), (named_other, others, others_before)):
        codes = np.where(labels < 0, -1, now)
        changed = np.flatnonzero(codes != np.where(left.labels < 0, -1, was))
        flags[changed] = _contain_label(table, columns["text"], changed, codes[changed], before.names)
    present, first = np.unique(labels[labels >= 0], return_index=True)
    in_order = present[np.argsort(first)]
    new_code = np.full(len(before.names) + 1, -1, dtype=np.int64)  # the last entry is for -1, a missing label
    new_code[in_order] = np.arange(len(in_order))
    names = tuple(before.names[code] for code in in_order.tolist())
    return replace(left, labels=new_code[labels], names=names, named=named, named_other=named_other)


def _label_before(labels: Numbers) -> Numbers:
    """Return for each row the most recent different label above it, -1 where there is none; see `named_other`."""
    labeled = np.flatnonzero(labels >= 0)
    starts = np.flatnonzero(np.diff(labels[labeled], prepend=-1))  # first row of each run of one label
    runs = np.append(-1, labels[labeled][starts])
    before = np.full(len(labels), -1, dtype=np.int64)
    before[labeled] = runs[np.searchsorted(starts, np.arange(len(labeled)), side="right") - 1]
    return before


def _contain_label(table: Table, column: str, rows: Numbers, codes: Numbers, names: Sequence[str]) -> list[bool]:
    """Return whether the text of each row contains the label of its code; a code of -1 is no label."""
    texts = cells_at(table.columns[column], rows.tolist())
    finders = {code: finder(names[code]) for code in np.unique(codes).tolist() if code >= 0}
    return [
        code >= 0 and finders[code](fold_text(text or "")) for text, code in zip(texts, codes.tolist(), strict=True)
    ]


def hashed(cells: Sequence[str | None]) -> Numbers:
    """Return a hash of each cell, equal where the trimmed cells are equal; 0 for a missing cell."""
    stripped = (cell.strip() if cell else "" for cell in cells)
    return np.fromiter((hash(cell) if cell else 0 for cell in stripped), dtype=np.int64, count=len(cells))


def finder(label: str) -> Callable[[str], bool]:
    """Return a predicate: whether a folded text contains `label` as a word, as written or with spaces for _ and -.

    Chinese has no spaces between words, so there the characters are enough.
    """
    spellings = {fold_text(label), plain(label)}
    if HAN.search(label):
        return lambda text: any(spelling in text for spelling in spellings)
    if len(spellings) == 1:
        (only,) = spellings  # the usual case, called for every row: no generator
        return lambda text: only in text and _as_word(only, text)
    return lambda text: any(spelling in text and _as_word(spelling, text) for spelling in spellings)


def _as_word(needle: str, text: str) -> bool:
    """Return whether `needle` is somewhere in `text` without a letter, digit or _ on either side."""
    # A regular expression takes ten times as long.
    start = text.find(needle)
    while start >= 0:
        end = start + len(needle)
        if not (start and _in_word(text[start - 1])) and not (end < len(text) and _in_word(text[end])):
            return True
        start = text.find(needle, start + 1)
    return False


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def repeated(*keys: Numbers) -> Flags:
    """Return which rows repeat an earlier one in all of `keys`, each of shape (rows,)."""
    import pandas as pd  # inside: the process that reads an upload needs none of this

    flags: Flags = pd.DataFrame(dict(enumerate(keys))).duplicated().to_numpy()
    return flags


def conflicting(keys: Numbers, labels: Numbers) -> Flags:
    """Return which rows have a key with more than one label; a label of -1 is missing and does not count."""
    import pandas as pd

    pairs = pd.DataFrame({"key": keys, "label": labels})[labels >= 0].drop_duplicates()
    flags: Flags = pd.Series(keys).isin(pairs["key"][pairs["key"].duplicated()]).to_numpy()
    return flags


def _numbers(values: array[int]) -> Numbers:
    return np.frombuffer(values, dtype=np.int64) if values else np.zeros(0, dtype=np.int64)


def _flags(values: bytearray) -> Flags:
    return np.frombuffer(bytes(values), dtype=np.bool_)


def first_set(flags: Flags, most: int) -> list[int]:
    """Return the first `most` positions that are set."""
    positions: list[int] = np.flatnonzero(flags)[:most].tolist()
    return positions
