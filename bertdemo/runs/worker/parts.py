"""Which rows of which table train, which choose the epoch, and which are measured at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bertdemo.dataset import split
from bertdemo.errors import NothingLeft
from bertdemo.run_config import RunRequest
from bertdemo.tables.fold_text import fold_text
from bertdemo.tables.held_out_files import called
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task


@dataclass(frozen=True)
class Part:
    """Rows of one table that serve one purpose."""

    table: Table
    rows: tuple[int, ...]
    """Indices into the table."""
    file: str
    """File name as uploaded."""


@dataclass(frozen=True)
class Divider:
    """Divides the rows of one run."""

    task: Task
    request: RunRequest
    labels: Sequence[str]
    open: Callable[[str], Table]
    """Return the file of a role (validation or test), its labels written as those of the training data."""
    leaked: Callable[[int], None]
    """Is told how many rows were left out of training because another part has their text."""

    def parts(self, table: Table) -> dict[str, Part]:
        """Return the parts `train`, `validation` and `test`, where a part may be empty.

        Raises NothingLeft where every training row stands in a held-out file too.
        """
        request = self.request
        usable, targets = self._usable(table)
        chosen = split.split(
            self.task.strata([targets[row] for row in usable], self.labels),
            seed=request.split_seed,
            validation_file=request.validation is not None,
            test_file=request.test is not None,
            texts=[self._key(table, row) for row in usable],
        )
        parts = {
            name: Part(table, tuple(usable[i] for i in rows), request.data_name)
            for name, rows in (("train", chosen.train), ("validation", chosen.validation), ("test", chosen.test))
        }
        for role, path in (("validation", request.validation), ("test", request.test)):
            if path:
                own = self.open(role)
                parts[role] = Part(own, tuple(self._usable(own)[0]), own.name)
        return {**parts, "train": self._without_leaks(parts)}

    def _usable(self, table: Table) -> tuple[list[int], list[Any]]:
        targets = self.task.targets(table, self.request.columns, self.labels)
        return [row for row, target in enumerate(targets) if target is not None], targets

    def _key(self, table: Table, row: int) -> str:
        """Return what the copies of a row's text share."""
        by_place = self.task.placed(self.request.columns)
        names = [by_place[place] for place in ("text", "pair") if place in by_place]
        return "\0".join(fold_text(table.columns[name][row] or "") for name in names)

    def _without_leaks(self, parts: Mapping[str, Part]) -> Part:
        """Take rows out of training that stand in a validation or test file too, and say how many."""
        train = parts["train"]
        held_out = {self._key(part.table, row) for name, part in parts.items() if name != "train" for row in part.rows}
        kept = tuple(row for row in train.rows if self._key(train.table, row) not in held_out)
        if len(kept) == len(train.rows):
            return train
        if not kept:
            files = [part.table for part in parts.values() if part.rows and part.table is not train.table]
            raise NothingLeft(rows=len(train.rows), file=", ".join(map(called, files)))
        self.leaked(len(train.rows) - len(kept))
        return replace(train, rows=kept)
