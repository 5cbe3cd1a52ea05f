"""What can be mended in a table before training, each by its name, counted, and undone by leaving the name out.

A mend never changes the file: it makes another table from the one that was read. The same table and the same names
give the same result, whatever order they were chosen in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from bertdemo.dataset import label_variants
from bertdemo.dataset.fingerprints import (
    Fingerprints,
    Flags,
    Numbers,
    after_cleaning,
    conflicting,
    fingerprint_rows,
    repeated,
)
from bertdemo.tables.arrow_columns import Chosen, Column
from bertdemo.tables.table import Table

CleaningStep = Literal[
    "merge_labels", "merge_slips", "drop_missing", "drop_duplicates", "drop_conflicts", "drop_rare", "drop_few"
]
CLEANING_STEPS: tuple[CleaningStep, ...] = (
    "merge_labels", "merge_slips", "drop_missing", "drop_duplicates", "drop_conflicts", "drop_rare", "drop_few",
)  # fmt: skip
"""In the order in which they are done: two ways of writing one label are no conflict once they are merged."""
WITHOUT_CATEGORIES: tuple[CleaningStep, ...] = ("drop_missing", "drop_duplicates")
"""Those that make sense where what should be said is not one label out of a few."""
_NONE: Mapping[str, str] = MappingProxyType({})
RARE_ROWS = 2
"""A label with fewer rows than this cannot be both learned and asked."""
FEW_ROWS = 8
"""A label with fewer rows than this is hardly learned, and its score means little."""


@dataclass(frozen=True)
class Done:
    """What one mend did: `rows` that went or changed, and the first few of their numbers in the file."""

    step: CleaningStep
    rows: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class CleanedTable:
    """A table before and after cleaning, and the fingerprints of both from one pass over its rows."""

    columns: Mapping[str, str]
    """Slot (text, pair, label) to column."""
    source: Table
    """As it stands in the file, with what a person changed in single rows."""
    before: Fingerprints
    table: Table
    fingerprints: Fingerprints
    """Of `table`."""
    done: tuple[Done, ...]
    renamed: Mapping[str, str]
    """Each label of `source` -> what the merges make of it."""
    ways: bool
    """Whether other ways of writing a label are merged too."""

    def written_alike(self, own: Table) -> Table:
        """Return a validation or test file with its labels written as the merges write those of the training table.

        Its rows stay as they are otherwise: what is dropped from training may still be evaluated. A way of writing
        that only the file has is merged too; a typo that only the file has is not: one file does not say which of
        two names is meant.
        """
        if not self.renamed:
            return own
        ways = {label_variants.plain(name): name for name in self.renamed.values()} if self.ways else {}
        return _written(own, self.columns["label"], self.renamed, ways)


def clean(
    table: Table,
    columns: Mapping[str, str],
    steps: Sequence[str] = (),
    relabel: Mapping[str, str] = _NONE,
    progress: Callable[[float], None] = lambda share: None,
) -> CleanedTable:
    """Return the cleaned table and what each step did; a name that is none is passed over.

    `relabels` come first: they are a person's word about single rows, see RunRequest.relabels. The rows are read
    once, whatever is done to them.
    """
    source = apply_relabel(table, columns, relabel)
    before = fingerprints = fingerprint_rows(source, columns, progress)
    labels, left, done = before.labels.copy(), np.arange(source.rows), list[Done]()
    for step in CLEANING_STEPS:
        if step not in steps:
            continue
        if step in _MERGES:
            merged = _merged(fingerprints, slips=step == "merge_slips")
            changed = left[merged != fingerprints.labels]
            fingerprints = replace(fingerprints, labels=merged)
            labels[left] = merged
        else:
            kept = _KEEPS[step](fingerprints)
            changed, left = left[~kept], left[kept]
            fingerprints = fingerprints.at(kept)
        done.append(Done(step, len(changed), tuple(source.row_numbers[int(row)] for row in changed[:20])))
    merges = [step for step in _MERGES if step in steps]
    renamed = _renamed(before, merges) if "label" in columns and merges else {}
    if not done:
        return CleanedTable(columns, source, before, source, before, (), renamed, "merge_labels" in merges)
    written = _with_labels(source, columns["label"], labels, before.names) if "label" in columns else source
    after = _rebuilt(written, left)
    own = after_cleaning(before, after, columns, left, labels[left])
    return CleanedTable(columns, source, before, after, own, tuple(done), renamed, "merge_labels" in merges)


def _renamed(fingerprints: Fingerprints, merges: Sequence[CleaningStep]) -> dict[str, str]:
    """Return each label -> what the merges make of it, were nothing dropped."""
    before = fingerprints.labels
    for step in merges:
        fingerprints = replace(fingerprints, labels=_merged(fingerprints, slips=step == "merge_slips"))
    pairs = {*zip(before.tolist(), fingerprints.labels.tolist(), strict=True)}
    return {fingerprints.names[old]: fingerprints.names[new] for old, new in pairs if old >= 0}


def counts(fingerprints: Fingerprints) -> dict[CleaningStep, int]:
    """Return how many rows each mend would change or take away, were it done alone; 0 where it should not be offered.

    Labels of few rows are only dropped where at least two others are left, and where more go than the single rows.
    """
    found = {step: _count(fingerprints, step) for step in CLEANING_STEPS}
    left = np.unique(fingerprints.labels[_without_few(fingerprints) & (fingerprints.labels >= 0)])
    if len(left) < 2 or found["drop_few"] == found["drop_rare"]:
        found["drop_few"] = 0
    return found


def apply_relabel(table: Table, columns: Mapping[str, str], relabel: Mapping[str, str]) -> Table:
    """Return the table with other labels in some rows (number in the file -> label), without those that have ""."""
    if not relabel:
        return table
    to = {int(number): label for number, label in relabel.items()}
    name = columns["label"]
    cells = tuple(to.get(number) or cell for number, cell in zip(table.row_numbers, table.columns[name], strict=True))
    changed = replace(table, columns={**table.columns, name: cells})
    kept = [to.get(number) != "" for number in table.row_numbers]
    return _rebuilt(changed, np.flatnonzero(kept))


def _written(own: Table, column: str, to: Mapping[str, str], ways: Mapping[str, str]) -> Table:
    """Return the table with its labels replaced by name, and by what ways of writing have in common."""
    cells: dict[str | None, str | None] = {}
    for cell in own.columns.get(column, ()):
        if cell not in cells:
            name = (cell or "").strip()
            new = to.get(name) or ways.get(label_variants.plain(name), name)
            cells[cell] = cell if new == name else new
    if all(cell == new for cell, new in cells.items()):
        return own
    return replace(own, columns={**own.columns, column: tuple(cells[cell] for cell in own.columns[column])})


def _count(fingerprints: Fingerprints, step: CleaningStep) -> int:
    if step in _MERGES:
        return int((_merged(fingerprints, slips=step == "merge_slips") != fingerprints.labels).sum())
    return int((~_KEEPS[step](fingerprints)).sum())


def _merged(fingerprints: Fingerprints, *, slips: bool) -> Numbers:
    """Return the labels with ways of writing, or slips, taken for the label that they seem to be."""
    rows = np.bincount(fingerprints.labels[fingerprints.labels >= 0], minlength=len(fingerprints.names))
    found = label_variants.find(
        {name: int(count) for name, count in zip(fingerprints.names, rows, strict=True) if count}
    )
    code = {name: index for index, name in enumerate(fingerprints.names)}
    to = np.arange(len(fingerprints.names) + 1)  # the last one is for -1, a missing label
    to[-1] = -1
    for one in found:
        if one.slip == slips:
            to[code[one.written]] = code[one.label]
    merged: Numbers = to[fingerprints.labels]
    return merged


def _without_missing(fingerprints: Fingerprints) -> Flags:
    return fingerprints.usable


def _without_duplicates(fingerprints: Fingerprints) -> Flags:
    """Keep the first row of each text and label; rows without a text are not copies of each other."""
    return ~repeated(fingerprints.keys, fingerprints.labels) | ~fingerprints.said


def _without_conflicts(fingerprints: Fingerprints) -> Flags:
    """Drop every row whose text has another label elsewhere: which of them is right the table does not say."""
    return ~conflicting(fingerprints.keys, fingerprints.labels) | ~fingerprints.said


def _without_rare(fingerprints: Fingerprints) -> Flags:
    return _of_labels_with(fingerprints, RARE_ROWS)


def _without_few(fingerprints: Fingerprints) -> Flags:
    return _of_labels_with(fingerprints, FEW_ROWS)


def _of_labels_with(fingerprints: Fingerprints, least: int) -> Flags:
    rows = np.bincount(fingerprints.labels[fingerprints.labels >= 0], minlength=len(fingerprints.names) + 1)
    kept: Flags = (fingerprints.labels < 0) | (rows[fingerprints.labels] >= least)
    return kept


_MERGES: tuple[CleaningStep, ...] = ("merge_labels", "merge_slips")
_KEEPS: Mapping[str, Callable[[Fingerprints], Flags]] = {
    "drop_missing": _without_missing,
    "drop_duplicates": _without_duplicates,
    "drop_conflicts": _without_conflicts,
    "drop_rare": _without_rare,
    "drop_few": _without_few,
}


def _with_labels(table: Table, column: str, labels: Numbers, names: Sequence[str]) -> Table:
    """Return the table with the merged labels written in; every other cell stays as it is in the file."""
    cells: dict[str | None, str | None] = {}
    written: list[str | None] = []
    changed = False
    for cell, code in zip(table.columns[column], labels.tolist(), strict=True):
        # A million cells are a few strings, each kept once.
        same = cells.setdefault(cell, cell)
        if code >= 0 and (cell or "").strip() != names[code]:
            same, changed = names[code], True
        written.append(same)
    return replace(table, columns={**table.columns, column: tuple(written)}) if changed else table


def _rebuilt(table: Table, left: Numbers) -> Table:
    """Return the table with only the rows that are left."""
    if len(left) == table.rows:
        return table
    kept = np.zeros(table.rows, dtype=np.bool_)
    kept[left] = True

    def of(cells: Sequence[Any]) -> Sequence[Any]:
        return Chosen(cells, left) if isinstance(cells, Column | Chosen) else tuple(compress(cells, kept.tolist()))

    columns = {name: of(cells) for name, cells in table.columns.items()}
    return replace(table, columns=columns, row_numbers=of(table.row_numbers))
