"""Which rows of a run train, which choose the epoch, and which are kept for the last measurement."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bertdemo.data import split
from bertdemo.processes import write_atomic

if TYPE_CHECKING:
    from bertdemo.data.tables import Table
    from bertdemo.run_config import RunRequest
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
    """Divides the rows of a request; `read` opens a file of the run folder, `emit` tells of rows taken out."""

    task: Task
    request: RunRequest
    folder: Path
    read: Callable[[str, str], Table]
    emit: Callable[..., None]

    def divide(self, table: Table, labels: Sequence[str]) -> dict[str, Part]:
        """Return the parts `train`, `validation` and, where there is one, `test`; row ids are stored."""
        request = self.request
        targets = self.task.targets(table, request.columns, labels)
        usable = [row for row, target in enumerate(targets) if target is not None]
        chosen = split.split(
            self.task.strata([targets[row] for row in usable], labels),
            seed=request.config.seed,
            validation_file=request.validation is not None,
            test_file=request.test is not None,
            texts=[self._key(table, row) for row in usable],
        )
        parts = {
            name: Part(table, tuple(usable[i] for i in rows), request.data_name)
            for name, rows in (("train", chosen.train), ("validation", chosen.validation), ("test", chosen.test))
        }
        for name, path, shown in (
            ("validation", request.validation, request.validation_name),
            ("test", request.test, request.test_name),
        ):
            if path:
                own = self.read(path, shown or path)
                known = self.task.targets(own, request.columns, labels)
                parts[name] = Part(own, tuple(row for row, target in enumerate(known) if target is not None), own.name)
        parts["train"] = self._without_leaks(parts)
        ids = {
            name: {"file": part.file, "rows": [part.table.row_numbers[row] for row in part.rows]}
            for name, part in parts.items()
        }
        write_atomic(self.folder / "split.json", json.dumps(ids, ensure_ascii=False))
        return {name: part for name, part in parts.items() if part.rows}

    def _key(self, table: Table, row: int) -> str:
        """Return what the copies of a row's text share."""
        by_place = self.task.placed(self.request.columns)
        names = [by_place[place] for place in ("text", "pair") if place in by_place]
        return "\0".join(split.folded(table.columns[name][row] or "") for name in names)

    def _without_leaks(self, parts: Mapping[str, Part]) -> Part:
        """Take rows out of training that stand in a validation or test file too, and say how many."""
        train = parts["train"]
        held_out = {self._key(part.table, row) for name, part in parts.items() if name != "train" for row in part.rows}
        kept = tuple(row for row in train.rows if self._key(train.table, row) not in held_out)
        if len(kept) == len(train.rows) or not kept:
            return train
        self.emit("Warned", message="warning.leaked", values={"rows": len(train.rows) - len(kept)})
        return replace(train, rows=kept)
