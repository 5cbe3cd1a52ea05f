"""Cleaning of a table before training: named steps, each counted, and undone by leaving its name out.

A step never changes the file: it makes another table from the one that was read. The same table and the same steps
give the same result, whatever order they were chosen in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, TypeVar, get_args

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
from bertdemo.tables.arrow_columns import LazyCells, SelectedCells, cells_at
from bertdemo.tables.table import Table

CleaningStep = Literal[
    "merge_labels", "merge_slips", "drop_missing", "drop_duplicates", "drop_conflicts", "drop_rare", "drop_few"
]
# In the order in which they are done: two spellings of one label are no conflict once they are merged.
CLEANING_STEPS: tuple[CleaningStep, ...] = get_args(CleaningStep)
# The steps for a task whose target is not one label out of a few.
WITHOUT_CATEGORIES: tuple[CleaningStep, ...] = ("drop_missing", "drop_duplicates")
_NONE: Mapping[str, str] = MappingProxyType({})
# A label with a single row cannot be in both training and evaluation.
RARE_ROWS = 2
# A label with fewer rows than this is hardly learned, and its score means little.
FEW_ROWS = 8
_NUMBERS_NAMED = 20

Cell = TypeVar("Cell", str | None, int)


@dataclass(frozen=True)
class StepResult:
    """What one step did."""

    step: CleaningStep
    rows: int
    """Rows that were dropped or changed."""
    numbers: tuple[int, ...]
    """The first 20 of their row numbers in the file."""


@dataclass(frozen=True)
class CleanedTable:
    """A table before and after cleaning, and the fingerprints of both, from one pass over the rows."""

    columns: Mapping[str, str]
    """Slot (text, pair, label) to column."""
    source: Table
    """As in the file, with the labels that a person changed in single rows."""
    before: Fingerprints
    table: Table
    fingerprints: Fingerprints
    """Of `table`."""
    done: tuple[StepResult, ...]
    renamed: Mapping[str, str]
    """Each label of `source` -> the label that it is merged into."""
    merges_spellings: bool
    """Whether other spellings of a label are merged too."""

    def align_labels(self, held_out: Table) -> Table:
        """Return a validation or test table with its labels merged as those of the training table are.

        Its rows stay as they are otherwise: what is dropped from training may still be evaluated. A spelling that only
        the held-out file has is merged too; a typo that only this file has is not, because one file does not say which
        of two names is intended.
        """
        if not self.renamed:
            return held_out
        spellings = (
            {label_variants.plain(name): name for name in self.renamed.values()} if self.merges_spellings else {}
        )
        return _with_renamed(held_out, self.columns["label"], self.renamed, spellings)


def clean(
    table: Table,
    columns: Mapping[str, str],
    steps: Sequence[str] = (),
    relabel: Mapping[str, str] = _NONE,
    progress: Callable[[float], None] = lambda share: None,
) -> CleanedTable:
    """Return the cleaned table and what each step did; unknown names in `steps` are ignored.

    `relabel` comes first: it holds a person's decisions about single rows, see RunRequest.relabel. The rows are read
    once, whatever the steps are. Raises KeyError for a missing column.
    """
    source = apply_relabel(table, columns, relabel)
    before = fingerprints = fingerprint_rows(source, columns, progress)
    # `left` are the remaining rows of `source`, `labels` the codes of all of them, remaining or not.
    labels, left, results = before.labels.copy(), np.arange(source.rows), list[StepResult]()
    for step in CLEANING_STEPS:
        if step not in steps:
            continue
        if step in _MERGES:
            merged = _merged(fingerprints, typos=step == "merge_slips")
            # Only the labels change, so the fingerprints of the texts stay valid.
            changed = left[merged != fingerprints.labels]
            fingerprints = replace(fingerprints, labels=merged)
            labels[left] = merged
        else:
            kept = _KEEPS[step](fingerprints)
            changed, left = left[~kept], left[kept]
            fingerprints = fingerprints.at(kept)
        numbers = cells_at(source.row_numbers, changed[:_NUMBERS_NAMED].tolist())
        results.append(StepResult(step, len(changed), tuple(numbers)))
    table, fingerprints = source, before
    if results:
        labeled = _with_labels(source, columns["label"], labels, before.names) if "label" in columns else source
        table = _rows_of(labeled, left)
        fingerprints = after_cleaning(before, table, columns, left, labels[left])
    merges = [step for step in _MERGES if step in steps]
    return CleanedTable(
        columns=columns,
        source=source,
        before=before,
        table=table,
        fingerprints=fingerprints,
        done=tuple(results),
        renamed=_renamed(before, merges) if "label" in columns and merges else {},
        merges_spellings="merge_labels" in merges,
    )


def _renamed(fingerprints: Fingerprints, merges: Sequence[CleaningStep]) -> dict[str, str]:
    """Return each label -> the label that it is merged into, with no row dropped."""
    before = fingerprints.labels
    for step in merges:
        fingerprints = replace(fingerprints, labels=_merged(fingerprints, typos=step == "merge_slips"))
    pairs = {*zip(before.tolist(), fingerprints.labels.tolist(), strict=True)}
    return {fingerprints.names[old]: fingerprints.names[new] for old, new in pairs if old >= 0}


def counts(fingerprints: Fingerprints) -> dict[CleaningStep, int]:
    """Return how many rows each step would change or drop on its own; 0 where it should not be offered.

    Labels with few rows are only offered to be dropped where at least two others remain, and where that drops more
    than the labels with a single row.
    """
    rows = {step: _count(fingerprints, step) for step in CLEANING_STEPS}
    # With fewer than two labels left there would be nothing to classify.
    left = np.unique(fingerprints.labels[_KEEPS["drop_few"](fingerprints) & (fingerprints.labels >= 0)])
    if len(left) < 2 or rows["drop_few"] == rows["drop_rare"]:
        rows["drop_few"] = 0
    return rows


def apply_relabel(table: Table, columns: Mapping[str, str], relabel: Mapping[str, str]) -> Table:
    """Return the table with new labels in some rows (row number in the file -> label); "" drops the row."""
    if not relabel:
        return table
    label_of = {int(number): label for number, label in relabel.items()}
    name = columns["label"]
    numbered = zip(table.row_numbers, table.columns[name], strict=True)
    cells = tuple(label_of.get(number) or cell for number, cell in numbered)
    kept = [label_of.get(number) != "" for number in table.row_numbers]
    return _rows_of(replace(table, columns={**table.columns, name: cells}), np.flatnonzero(kept))


def _with_renamed(table: Table, column: str, renamed: Mapping[str, str], spellings: Mapping[str, str]) -> Table:
    """Return the table with its labels replaced by name, else by their normal form (see `label_variants.plain`)."""
    new_cells: dict[str | None, str | None] = {}
    # Each distinct cell once: a column of labels has a few of them, however many rows there are.
    for cell in table.columns.get(column, ()):
        if cell not in new_cells:
            name = (cell or "").strip()
            new = renamed.get(name) or spellings.get(label_variants.plain(name), name)
            new_cells[cell] = cell if new == name else new
    if all(cell == new for cell, new in new_cells.items()):
        return table
    return replace(table, columns={**table.columns, column: tuple(new_cells[cell] for cell in table.columns[column])})


def _count(fingerprints: Fingerprints, step: CleaningStep) -> int:
    if step in _MERGES:
        return int((_merged(fingerprints, typos=step == "merge_slips") != fingerprints.labels).sum())
    return int((~_KEEPS[step](fingerprints)).sum())


def _merged(fingerprints: Fingerprints, *, typos: bool) -> Numbers:
    """Return the label codes, (rows,), with other spellings, or typos, replaced by the label that they seem to be."""
    rows = np.bincount(fingerprints.labels[fingerprints.labels >= 0], minlength=len(fingerprints.names))
    counts = {name: int(count) for name, count in zip(fingerprints.names, rows, strict=True) if count}
    code_of = {name: code for code, name in enumerate(fingerprints.names)}
    new_code = np.arange(len(fingerprints.names) + 1)
    new_code[-1] = -1  # a missing label
    for variant in label_variants.find(counts):
        if variant.typo == typos:
            new_code[code_of[variant.written]] = code_of[variant.label]
    merged: Numbers = new_code[fingerprints.labels]
    return merged


def _without_duplicates(fingerprints: Fingerprints) -> Flags:
    """Keep the first row of each text and label; rows without a text are not duplicates of each other."""
    return ~repeated(fingerprints.keys, fingerprints.labels) | ~fingerprints.has_text


def _without_conflicts(fingerprints: Fingerprints) -> Flags:
    """Drop every row whose text has another label elsewhere: the table does not say which of them is right."""
    return ~conflicting(fingerprints.keys, fingerprints.labels) | ~fingerprints.has_text


def _without_labels_below(fingerprints: Fingerprints, least: int) -> Flags:
    rows = np.bincount(fingerprints.labels[fingerprints.labels >= 0], minlength=len(fingerprints.names) + 1)
    kept: Flags = (fingerprints.labels < 0) | (rows[fingerprints.labels] >= least)
    return kept


_MERGES: tuple[CleaningStep, ...] = ("merge_labels", "merge_slips")
_KEEPS: Mapping[str, Callable[[Fingerprints], Flags]] = {
    "drop_missing": lambda fingerprints: fingerprints.usable,
    "drop_duplicates": _without_duplicates,
    "drop_conflicts": _without_conflicts,
    "drop_rare": lambda fingerprints: _without_labels_below(fingerprints, RARE_ROWS),
    "drop_few": lambda fingerprints: _without_labels_below(fingerprints, FEW_ROWS),
}


def _with_labels(table: Table, column: str, labels: Numbers, names: Sequence[str]) -> Table:
    """Return the table with the merged labels; a cell whose label is unchanged keeps its text."""
    interned: dict[str | None, str | None] = {}
    cells: list[str | None] = []
    changed = False
    for cell, code in zip(table.columns[column], labels.tolist(), strict=True):
        # A million cells are a few strings, each kept in memory once.
        new = interned.setdefault(cell, cell)
        if code >= 0 and (cell or "").strip() != names[code]:
            new, changed = names[code], True
        cells.append(new)
    return replace(table, columns={**table.columns, column: tuple(cells)}) if changed else table


def _rows_of(table: Table, rows: Numbers) -> Table:
    """Return the table with only some of its rows, which ascend."""
    if len(rows) == table.rows:
        return table
    columns = {name: _selected(cells, rows) for name, cells in table.columns.items()}
    return replace(table, columns=columns, row_numbers=_selected(table.row_numbers, rows))


def _selected(cells: Sequence[Cell], rows: Numbers) -> Sequence[Cell]:
    return SelectedCells(cells, rows) if isinstance(cells, LazyCells) else tuple(cells_at(cells, rows.tolist()))
