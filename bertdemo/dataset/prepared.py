"""What a table means for a task, as one value: the page shows it, the report reads it, the worker trains on it.

Page, report, admission, worker and API have the same split and the same row numbers, because these are computed once.
A run keeps the value in its folder (see `stored`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from bertdemo.dataset.cleaning import CleanedTable, StepResult, clean
from bertdemo.dataset.fingerprints import Fingerprints, Flags, Numbers, fingerprint_rows
from bertdemo.dataset.label_cells import AS_THEY_ARE, LabelCells, as_labels, as_labels_of, decide
from bertdemo.dataset.split import SEED, Split, split
from bertdemo.errors import DataError, NothingLeft, OneText
from bertdemo.tables.arrow_columns import cells_at
from bertdemo.tables.held_out_files import display_name
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task


@dataclass(frozen=True)
class Part:
    """Rows of one table for one purpose: training, validation or test."""

    table: Table
    rows: tuple[int, ...]
    """Indices into the table, ascending."""
    file: str
    """File name as uploaded."""

    @property
    def numbers(self) -> list[int]:
        """Row numbers in the file."""
        return cells_at(self.table.row_numbers, self.rows)


@dataclass(frozen=True)
class HeldOutFile:
    """A validation or test file beside the training data, its labels written as those of the training data."""

    table: Table
    missing: str
    """The first column that is missing, "" where all are there."""
    fingerprints: Fingerprints | None
    """None where a column is missing."""


@dataclass(frozen=True)
class Rows:
    """What is known about the rows in the process that prepared them; hashes differ between processes."""

    cleaned: CleanedTable
    usable: Numbers
    """Rows of the cleaned table that have everything the task needs, ascending. A position is an index into these."""
    split: Split
    """Of positions."""
    held_out: Mapping[str, HeldOutFile]
    shared: Flags
    """Whether the text of each position is in a held-out file too, (usable rows,); these do not train."""
    label_cells: LabelCells = AS_THEY_ARE
    """What the cells of the label column are, for a task with `categories`."""


@dataclass(frozen=True)
class PreparedDataset:
    """A cleaned and split table. Labels and targets are computed once, on first use."""

    task: Task
    columns: Mapping[str, str]
    """Role to column."""
    table: Table
    """After cleaning."""
    parts: Mapping[str, Part]
    """`train`, `validation` and `test` -> rows; a part may be empty."""
    split_seed: int = SEED
    leaked: int = 0
    """Rows that do not train, because their text is in a held-out file too (leakage)."""
    done: tuple[StepResult, ...] = ()
    """What each cleaning step did."""
    known: Rows | None = None
    """None where the value was read from a run folder."""
    key: Hashable = field(default_factory=object)
    """Equal for datasets of the same rows; caches use it as their key."""

    @property
    def facts(self) -> Rows:
        """What is known about the rows; ValueError for a dataset that was read from a run folder."""
        if self.known is None:
            raise ValueError("the rows are known in the process that prepared the dataset")
        return self.known

    @property
    def usable(self) -> tuple[int, ...]:
        """The rows of the table that the task can use, ascending."""
        return tuple(self.facts.usable.tolist())

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels of the training table, in the order of their ids."""
        return self.task.labels(self.table, self.columns)

    @cached_property
    def _targets(self) -> dict[int, Sequence[Any]]:
        # By identity, because a table has no hash: the parts of one table share its targets.
        tables = {id(part.table): part.table for part in self.parts.values()}
        return {key: self.task.targets(table, self.columns, self.labels) for key, table in tables.items()}

    def targets(self, part: str) -> list[Any]:
        """Return the target of each row of a part, of the type that the task gives it."""
        table, rows = self.parts[part].table, self.parts[part].rows
        targets = self._targets[id(table)]
        return [targets[row] for row in rows]

    def check(self, label_limit: int) -> None:
        """Raise the DataError that makes this dataset unusable for its task, if there is one."""
        self.task.check(self.table, self.columns, label_limit=label_limit)
        files = [part.table for part in self.parts.values() if part.table is not self.table]
        for table in files:
            self.task.check_held_out(table, self.columns, self.labels)
        if self.leaked and not self.parts["train"].rows:
            raise NothingLeft(rows=self.leaked, file=", ".join(map(display_name, files)))
        self.check_held_out()

    def check_held_out(self) -> None:
        """Raise OneText where no row could be held out to select the best epoch."""
        if not self.parts["validation"].rows:
            raise OneText(rows=len(self.parts["train"].rows), column=self.columns[self.task.reads[0].name])


def prepare(
    table: Table,
    task: Task,
    columns: Mapping[str, str],
    *,
    cleaning: Sequence[str] = (),
    relabel: Mapping[str, str] = MappingProxyType({}),
    split_seed: int = SEED,
    held_out: Mapping[str, Table] = MappingProxyType({}),
    progress: Callable[[float], None] = lambda share: None,
) -> PreparedDataset:
    """Clean `table`, find the rows that the task can use, and split them. The rows are read once.

    `held_out` are separate files for the roles validation and test. Nothing is raised for rows that make the data
    unusable (see `PreparedDataset.check`). Raises KeyError for a missing column: the task's `check_columns` comes
    first.
    """
    columns_by_slot = task.columns_by_slot(columns)
    cleaned = clean(table, columns_by_slot, cleaning, relabel, progress)
    label_cells = _label_cells(task, cleaned)
    if label_cells.changes:
        table, label_cells = as_labels(table, columns_by_slot["label"], label_cells)
        cleaned = clean(table, columns_by_slot, cleaning, relabel)
    usable, strata = _usable(task, cleaned, columns)
    keys = cleaned.fingerprints.keys[usable]
    parts = split(
        strata, seed=split_seed, keys=keys, validation_file="validation" in held_out, test_file="test" in held_out
    )
    files = {role: _held_out(task, cleaned, file) for role, file in held_out.items()}
    # A text that is in a held-out file must not train, or the evaluation would measure memorization.
    shared = np.zeros(len(keys), dtype=np.bool_)
    for file in files.values():
        if file.fingerprints is not None:
            shared |= np.isin(keys, file.fingerprints.keys[file.fingerprints.usable])
    known = Rows(cleaned, usable, parts, files, shared, label_cells)
    train = np.asarray(parts.train, dtype=np.int64)
    return PreparedDataset(
        task=task,
        columns=dict(columns),
        table=cleaned.table,
        parts=_parts(task, columns, known),
        split_seed=split_seed,
        leaked=int(shared[train].sum()),
        done=cleaned.done,
        known=known,
    )


def _usable(task: Task, cleaned: CleanedTable, columns: Mapping[str, str]) -> tuple[Numbers, list[str]]:
    """Return the usable rows, and the stratum of each: every part should have each stratum in the same share."""
    fingerprints = cleaned.fingerprints
    filled = np.flatnonzero(fingerprints.usable)
    if task.categories:
        return filled, [fingerprints.names[code] for code in fingerprints.labels[filled].tolist()]
    labels = task.labels(cleaned.table, columns)
    targets = task.targets(cleaned.table, columns, labels)
    usable = _with_target(filled, targets)
    return usable, task.strata([targets[row] for row in usable.tolist()], labels)


def _with_target(rows: Numbers, targets: Sequence[object]) -> Numbers:
    return np.asarray([row for row in rows.tolist() if targets[row] is not None], dtype=np.int64)


def _label_cells(task: Task, cleaned: CleanedTable) -> LabelCells:
    """Return what the cells of the label column are."""
    if not task.categories or "label" not in cleaned.columns:
        return AS_THEY_ARE
    before = cleaned.before
    rows = np.bincount(before.labels[before.labels >= 0], minlength=len(before.names)).tolist()
    return decide(dict(zip(before.names, rows, strict=True)))


def _held_out(task: Task, cleaned: CleanedTable, file: Table) -> HeldOutFile:
    columns = cleaned.columns
    if task.categories and "label" in columns:
        file = as_labels_of(file, columns["label"], cleaned.before.names)
    table = cleaned.align_labels(file)
    missing = next((column for column in columns.values() if column not in table.columns), "")
    return HeldOutFile(table, missing, None if missing else fingerprint_rows(table, columns))


def _parts(task: Task, columns: Mapping[str, str], known: Rows) -> dict[str, Part]:
    table, usable, parts = known.cleaned.table, known.usable, known.split
    train = np.asarray(parts.train, dtype=np.int64)
    positions = {"train": train[~known.shared[train]], "validation": parts.validation, "test": parts.test}
    result = {
        name: Part(table, tuple(usable[np.asarray(chosen, dtype=np.int64)].tolist()), table.name)
        for name, chosen in positions.items()
    }
    for role, file in known.held_out.items():
        rows = _rows_of(task, columns, file, lambda: task.labels(table, columns))
        result[role] = Part(file.table, tuple(rows.tolist()), file.table.name)
    return result


def _rows_of(task: Task, columns: Mapping[str, str], file: HeldOutFile, labels: Callable[[], Sequence[str]]) -> Numbers:
    """Return the rows of a held-out file that have an input and a target."""
    filled = np.flatnonzero(file.fingerprints.usable) if file.fingerprints is not None else np.zeros(0, dtype=np.int64)
    if task.categories or not len(filled):
        return filled
    try:
        targets = task.targets(file.table, columns, labels())
    except DataError:  # `PreparedDataset.check` raises it again
        return filled
    return _with_target(filled, targets)
