"""What a table means for a task, as one value: made once, then drawn, reported on, admitted, trained on, answered with.

Page, report, admission, worker and API show the same split and the same row numbers, because nobody computes them
twice. A run keeps the value in its folder (`stored`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from bertdemo.dataset.cleaning import CleanedTable, Done, clean
from bertdemo.dataset.fingerprints import Fingerprints, Flags, Numbers, fingerprint_rows
from bertdemo.dataset.split import SEED, Split, split
from bertdemo.errors import DataError, NothingLeft, OneText
from bertdemo.tables.held_out_files import called
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Part:
    """Rows of one table that serve one purpose."""

    table: Table
    rows: tuple[int, ...]
    """Indices into the table, ascending."""
    file: str
    """File name as uploaded."""

    @property
    def numbers(self) -> list[int]:
        """Where the rows stand in the file."""
        return [self.table.row_numbers[row] for row in self.rows]


@dataclass(frozen=True)
class HeldOutFile:
    """A validation or test file beside the training data, its labels written as those of the training data."""

    table: Table
    missing: str
    """The first column that it lacks, "" where it has all."""
    fingerprints: Fingerprints | None
    """None where a column is missing."""


@dataclass(frozen=True)
class Rows:
    """What is known of the rows in the process that prepared them; hashes differ between processes."""

    cleaned: CleanedTable
    usable: Numbers
    """Rows of the cleaned table that have all that the task needs, ascending. A position counts these from 0."""
    split: Split
    """In positions."""
    held_out: Mapping[str, HeldOutFile]
    shared: Flags
    """Positions whose text stands in a held-out file too; they do not train."""


@dataclass(frozen=True)
class PreparedDataset:
    """See the module. The parts are fixed; labels and targets are computed once, where they are first asked for."""

    task: Task
    columns: Mapping[str, str]
    """Role to column."""
    table: Table
    """After cleaning."""
    parts: Mapping[str, Part]
    """`train`, `validation` and `test`; a part may be empty."""
    split_seed: int = SEED
    leaked: int = 0
    """Rows that do not train, because their text stands in a held-out file too."""
    done: tuple[Done, ...] = ()
    """What each step of the cleaning did."""
    known: Rows | None = None
    """None where the value was read from a run folder."""
    key: Hashable = field(default_factory=object)
    """Equal for datasets of the same rows; what was computed for one is remembered under it."""

    @property
    def facts(self) -> Rows:
        """What is known of the rows; ValueError for a dataset that was read from a run folder."""
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
        tables = {id(part.table): part.table for part in self.parts.values()}
        return {key: self.task.targets(table, self.columns, self.labels) for key, table in tables.items()}

    def targets(self, part: str) -> list[Any]:
        """Return the target of each row of a part."""
        own = self.parts[part]
        targets = self._targets[id(own.table)]
        return [targets[row] for row in own.rows]

    def check(self, label_limit: int) -> None:
        """Raise the DataError that makes this dataset unusable for its task, if there is one."""
        self.task.check(self.table, self.columns, label_limit=label_limit)
        files = [part.table for part in self.parts.values() if part.table is not self.table]
        for table in files:
            self.task.check_held_out(table, self.columns, self.labels)
        if self.leaked and not self.parts["train"].rows:
            raise NothingLeft(rows=self.leaked, file=", ".join(map(called, files)))
        self.check_held_out()

    def check_held_out(self) -> None:
        """Raise OneText where no row could be held out to choose the epoch by."""
        if not self.parts["validation"].rows:
            raise OneText(rows=len(self.parts["train"].rows), column=self.columns[self.task.reads[0].name])


def prepare(
    table: Table,
    task: Task,
    columns: Mapping[str, str],
    *,
    cleaning: Sequence[str] = (),
    relabel: Mapping[str, str] = _NOTHING,
    split_seed: int = SEED,
    held_out: Mapping[str, Table] = _NOTHING,
    progress: Callable[[float], None] = lambda share: None,
) -> PreparedDataset:
    """Clean `table`, find the rows that the task can use, and divide them. The rows are read once.

    `held_out` are files of their own for the roles validation and test. Nothing is raised for rows that make the
    data unusable (see `PreparedDataset.check`); a column of `columns` that is not there is a KeyError: the task's
    `check_columns` comes first.
    """
    columns_by_slot = task.columns_by_slot(columns)
    cleaned = clean(table, columns_by_slot, cleaning, relabel, progress)
    usable, strata = _usable(task, cleaned, columns)
    keys = cleaned.fingerprints.keys[usable]
    parts = split(
        strata, seed=split_seed, keys=keys, validation_file="validation" in held_out, test_file="test" in held_out
    )
    files = {role: _held_out(cleaned, own, columns_by_slot) for role, own in held_out.items()}
    asked = [
        file.fingerprints.keys[file.fingerprints.usable] for file in files.values() if file.fingerprints is not None
    ]
    shared: Flags = np.isin(keys, np.concatenate(asked)) if asked else np.zeros(len(keys), dtype=np.bool_)
    known = Rows(cleaned, usable, parts, files, shared)
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
    """Return the usable rows and what each part should have in equal shares, one per row."""
    fingerprints = cleaned.fingerprints
    filled = np.flatnonzero(fingerprints.usable)
    if task.categories:
        return filled, [fingerprints.names[code] for code in fingerprints.labels[filled].tolist()]
    labels = task.labels(cleaned.table, columns)
    targets = task.targets(cleaned.table, columns, labels)
    usable = np.asarray([row for row in filled.tolist() if targets[row] is not None], dtype=np.int64)
    return usable, task.strata([targets[row] for row in usable.tolist()], labels)


def _held_out(cleaned: CleanedTable, own: Table, columns: Mapping[str, str]) -> HeldOutFile:
    table = cleaned.written_alike(own)
    missing = next((column for column in columns.values() if column not in table.columns), "")
    return HeldOutFile(table, missing, None if missing else fingerprint_rows(table, columns))


def _parts(task: Task, columns: Mapping[str, str], known: Rows) -> dict[str, Part]:
    table, usable, parts = known.cleaned.table, known.usable, known.split
    train = np.asarray(parts.train, dtype=np.int64)
    rows = {"train": train[~known.shared[train]], "validation": parts.validation, "test": parts.test}
    made = {
        name: Part(table, tuple(usable[np.asarray(own, dtype=np.int64)].tolist()), table.name)
        for name, own in rows.items()
    }
    for role, file in known.held_out.items():
        own = _rows_of(task, columns, file, lambda: task.labels(table, columns))
        made[role] = Part(file.table, tuple(own.tolist()), file.table.name)
    return made


def _rows_of(task: Task, columns: Mapping[str, str], file: HeldOutFile, labels: Callable[[], Sequence[str]]) -> Numbers:
    """Return the rows of a held-out file that have all that the task reads and says."""
    filled = np.flatnonzero(file.fingerprints.usable) if file.fingerprints is not None else np.zeros(0, dtype=np.int64)
    if task.categories or not len(filled):
        return filled
    try:
        targets = task.targets(file.table, columns, labels())
    except DataError:  # `PreparedDataset.check` raises it again
        return filled
    return np.asarray([row for row in filled.tolist() if targets[row] is not None], dtype=np.int64)
