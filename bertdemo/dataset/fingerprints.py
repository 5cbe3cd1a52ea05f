"""The rows of a table as a few numbers each, so that a million rows can be compared without keeping their texts.

A text is known by the 64 bits of Python's keyed hash: among a million different texts the chance that two are taken
for one is about 3 in 100 million. Nothing that is shown or stored depends on the value of a hash, only on equality.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from bertdemo.dataset.label_variants import plain
from bertdemo.tables.arrow_columns import taken
from bertdemo.tables.fold_text import fold_text
from bertdemo.tables.table import Table

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_TOLD_EVERY = 50_000
_HAN = re.compile("[㐀-䶿一-鿿]")


@dataclass(frozen=True)
class Fingerprints:
    """What is known of each row, in the table's order; every array has one entry a row."""

    filled: Mapping[str, Flags]
    """Role -> whether its cell holds more than white space."""
    keys: Numbers
    """Of text (and pair) without regard to case and white space: equal for what the copies of a text share."""
    exact: Numbers
    """Of text (and pair) letter for letter, trimmed."""
    labels: Numbers
    """Index into `names`; -1 where the label is missing."""
    names: tuple[str, ...]
    """The labels, trimmed, in the order in which they come."""
    named: Flags
    """Whether the text holds the row's own label as a word."""
    named_other: Flags
    """Whether it holds the label that came last before it and is another one: what chance alone gives."""
    lengths: Numbers
    """Characters of text and pair, trimmed."""

    @property
    def chars(self) -> int:
        """Characters of all texts and pairs."""
        return int(self.lengths.sum())

    @property
    def usable(self) -> Flags:
        """Rows in which every role is filled."""
        flags: Flags = np.logical_and.reduce(list(self.filled.values()))
        return flags

    @property
    def said(self) -> Flags:
        """Rows with any text at all."""
        said: Flags = np.logical_or.reduce([flags for role, flags in self.filled.items() if role != "label"])
        return said

    def at(self, rows: Numbers | Flags) -> Fingerprints:
        """Return the marks of some of the rows."""
        return Fingerprints(
            {role: flags[rows] for role, flags in self.filled.items()}, self.keys[rows], self.exact[rows],
            self.labels[rows], self.names, self.named[rows], self.named_other[rows], self.lengths[rows],
        )  # fmt: skip


def fingerprint_rows(
    table: Table, columns: Mapping[str, str], progress: Callable[[float], None] = lambda share: None
) -> Fingerprints:
    """Read the columns of the places text, maybe pair and maybe label once, in order.

    Without a label all rows have the same one, "". Raises KeyError for a column that is not there.
    """
    texts, labeled = table.columns[columns["text"]], "label" in columns
    labels: Iterable[str | None] = table.columns[columns["label"]] if labeled else repeat("")
    paired = "pair" in columns
    pairs: Iterable[str | None] = table.columns[columns["pair"]] if paired else repeat("")
    keys, exact, codes, lengths = array("q"), array("q"), array("q"), array("q")
    filled = {place: bytearray() for place in ("text", "pair", "label") if place in columns}
    named, named_other = bytearray(), bytearray()
    known: dict[str, int] = {} if labeled else {"": 0}
    holds: list[Callable[[str], bool]] = [] if labeled else [lambda text: False]
    last, other = -1, -1
    for row, (text, pair, label) in enumerate(zip(texts, pairs, labels, strict=False)):
        one, two, name = (text or "").strip(), (pair or "").strip(), (label or "").strip()
        alike = fold_text(one)
        if paired:
            keys.append(hash((alike, fold_text(two))))
            exact.append(hash((one, two)))
            filled["pair"].append(two != "")
        else:
            keys.append(hash(alike))
            exact.append(hash(one))
        filled["text"].append(one != "")
        if labeled:
            filled["label"].append(name != "")
        lengths.append(len(one) + len(two))
        code = known.get(name, -1)
        if code < 0 and name:
            code = known[name] = len(known)
            holds.append(finder(name))
        if code != last and code >= 0:
            last, other = code, last
        named.append(code >= 0 and holds[code](alike))
        named_other.append(code >= 0 <= other and holds[other](alike))
        codes.append(code)
        if row % _TOLD_EVERY == 0:
            progress(row / table.rows)
    return Fingerprints(
        {role: _flags(cells) for role, cells in filled.items()}, _numbers(keys), _numbers(exact), _numbers(codes),
        tuple(known), _flags(named), _flags(named_other), _numbers(lengths),
    )  # fmt: skip


def after_cleaning(
    before: Fingerprints, table: Table, columns: Mapping[str, str], rows: Numbers, labels: Numbers
) -> Fingerprints:
    """Return the marks of `table`, which holds `rows` of the table that `before` was read from, with other labels.

    `labels` are indices into `before.names`, one per row that is left. The result is that of reading `table` anew,
    but only the texts of rows whose label, or the label before theirs, has changed are looked at again.
    """
    left = before.at(rows)
    if "label" not in columns:
        return left
    others, others_before = _label_before(labels), _label_before(before.labels)[rows]
    named, named_other = left.named.copy(), left.named_other.copy()
    for flags, now, was in ((named, labels, left.labels), (named_other, others, others_before)):
        codes = np.where(labels < 0, -1, now)
        changed = np.flatnonzero(codes != np.where(left.labels < 0, -1, was))
        flags[changed] = _holds(table, columns["text"], changed, codes[changed], before.names)
    present, first = np.unique(labels[labels >= 0], return_index=True)
    in_order = present[np.argsort(first)]
    number = np.full(len(before.names) + 1, -1, dtype=np.int64)  # the last one is for -1, a missing label
    number[in_order] = np.arange(len(in_order))
    names = tuple(before.names[code] for code in in_order.tolist())
    return replace(left, labels=number[labels], names=names, named=named, named_other=named_other)


def _label_before(labels: Numbers) -> Numbers:
    """Return for each row the last label before it that is another one, -1 where there is none; see `named_other`."""
    given = np.flatnonzero(labels >= 0)
    starts = np.flatnonzero(np.diff(labels[given], prepend=-1))  # where another label begins
    runs = np.append(-1, labels[given][starts])
    before = np.full(len(labels), -1, dtype=np.int64)
    before[given] = runs[np.searchsorted(starts, np.arange(len(given)), side="right") - 1]
    return before


def _holds(table: Table, column: str, rows: Numbers, codes: Numbers, names: Sequence[str]) -> list[bool]:
    """Return whether the text of each row holds the label of its code; a code of -1 is no label."""
    texts = taken(table.columns[column], rows.tolist())
    finders = {code: finder(names[code]) for code in np.unique(codes).tolist() if code >= 0}
    return [
        code >= 0 and finders[code](fold_text(text or "")) for text, code in zip(texts, codes.tolist(), strict=True)
    ]


def hashed(cells: Sequence[str | None]) -> Numbers:
    """Return a number for each cell, equal where the trimmed cells are; 0 for one that is missing."""
    found = array("q")
    for cell in cells:
        trimmed = cell.strip() if cell else ""
        found.append(hash(trimmed) if trimmed else 0)
    return _numbers(found)


def finder(label: str) -> Callable[[str], bool]:
    """Return what says whether a folded text holds `label` as a word: with spaces for _ and -, or as it is written.

    Chinese has no spaces between words, so there the characters are enough.
    """
    one, other = fold_text(label), plain(label)
    if _HAN.search(label):
        return lambda text: one in text or other in text
    if one == other:
        return lambda text: one in text and _as_word(one, text)
    return lambda text: (one in text and _as_word(one, text)) or (other in text and _as_word(other, text))


def _as_word(needle: str, text: str) -> bool:
    """Return whether no letter, digit or _ stands beside `needle` somewhere; a pattern takes ten times as long."""
    at = text.find(needle)
    while at >= 0:
        end = at + len(needle)
        if not (at and _in_word(text[at - 1])) and not (end < len(text) and _in_word(text[end])):
            return True
        at = text.find(needle, at + 1)
    return False


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def groups(keys: Numbers) -> tuple[Numbers, int]:
    """Return the group of each entry, 0 to count - 1, equal where the keys are, and the count."""
    found, inverse = np.unique(keys, return_inverse=True)
    return inverse.reshape(-1).astype(np.int64), len(found)


def repeated(*keys: Numbers) -> Flags:
    """Return which entries repeat an earlier one in all of `keys`."""
    both, _ = groups(keys[0])
    for more in keys[1:]:
        group, count = groups(more)
        both = both * max(1, count) + group
    again = np.ones(len(both), dtype=np.bool_)
    again[np.unique(both, return_index=True)[1]] = False
    return again


def conflicting(keys: Numbers, labels: Numbers) -> Flags:
    """Return which entries have a key to which more than one label was given; a label of -1 is none."""
    group, count = groups(keys)
    most = int(labels.max(initial=-1)) + 1
    given = np.unique((group * most + labels)[labels >= 0]) if most else np.zeros(0, dtype=np.int64)
    different = np.bincount(given // max(1, most), minlength=count)
    flags: Flags = (different > 1)[group]
    return flags


def _numbers(found: array[int]) -> Numbers:
    return np.frombuffer(found, dtype=np.int64) if found else np.zeros(0, dtype=np.int64)


def _flags(found: bytearray) -> Flags:
    return np.frombuffer(bytes(found), dtype=np.bool_)


def first(flags: Flags, most: int) -> list[int]:
    """Return the first `most` positions that are set."""
    return [int(place) for place in np.flatnonzero(flags)[:most]]
