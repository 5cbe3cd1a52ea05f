"""A prepared dataset in a run folder: its tables as Parquet files, and which of their rows are in which part.

data/train.table, validation.table, test.table     the tables after cleaning
dataset.json                                       the parts, the seed of the split, what the cleaning did
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bertdemo.dataset.cleaning import StepResult
from bertdemo.dataset.prepared import Part, PreparedDataset
from bertdemo.errors import TableError
from bertdemo.processes import write_atomic
from bertdemo.tables import table_files
from bertdemo.tasks.base import Task

FILE = "dataset.json"
_SCHEMA = 1


def save(prepared: PreparedDataset, folder: Path) -> None:
    """Write a dataset into a run folder that has a folder `data`."""
    parts: dict[str, object] = {}
    for name, part in prepared.parts.items():
        # Parts of one table share its file.
        table = "train" if part.table is prepared.table else name
        parts[name] = {"table": table, "file": part.file, "rows": list(part.rows)}
        if table == name:
            table_files.save_beside(part.table, folder / "data" / name)
    fields = {
        "schema": _SCHEMA,
        "task": prepared.task.id,
        "columns": dict(prepared.columns),
        "parts": parts,
        "split_seed": prepared.split_seed,
        "leaked": prepared.leaked,
        "done": [asdict(result) for result in prepared.done],
    }
    write_atomic(folder / FILE, json.dumps(fields, ensure_ascii=False))


def load(folder: Path, task: Task, columns: Mapping[str, str]) -> PreparedDataset | None:
    """Return the dataset that `save` wrote; None where a file is damaged, or an earlier version wrote none."""
    try:
        return _load(folder, task, columns)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, TableError):
        return None


def _load(folder: Path, task: Task, columns: Mapping[str, str]) -> PreparedDataset:
    fields = json.loads((folder / FILE).read_text(encoding="utf-8"))
    names = {entry["table"] for entry in fields["parts"].values()}
    tables = {name: table_files.held(table_files.open(folder / "data" / f"{name}.table")) for name in names}
    return PreparedDataset(
        task=task,
        columns=dict(columns),
        table=tables["train"],
        parts={
            name: Part(tables[entry["table"]], tuple(entry["rows"]), entry["file"])
            for name, entry in fields["parts"].items()
        },
        split_seed=fields["split_seed"],
        leaked=fields["leaked"],
        done=tuple(StepResult(**{**result, "numbers": tuple(result["numbers"])}) for result in fields["done"]),
    )
