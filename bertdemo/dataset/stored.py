"""A prepared dataset in a run folder: its tables as Parquet files, and which of their rows serve what.

data/train.table, validation.table, test.table     the tables after cleaning
dataset.json                                       the parts, the seed of the split, what the cleaning did
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bertdemo.dataset.cleaning import Done
from bertdemo.dataset.prepared import Part, PreparedDataset
from bertdemo.errors import TableError
from bertdemo.processes import write_atomic
from bertdemo.tables import table_files
from bertdemo.tasks.base import Task

FILE = "dataset.json"
_SCHEMA = 1


def save(prepared: PreparedDataset, folder: Path) -> None:
    """Write a dataset into a run folder that has a folder `data`."""
    parts: dict[str, Any] = {}
    for name, part in prepared.parts.items():
        own = "train" if part.table is prepared.table else name
        parts[name] = {"table": own, "file": part.file, "rows": list(part.rows)}
    for name, part in prepared.parts.items():
        if name == parts[name]["table"]:
            table_files.save_beside(part.table, folder / "data" / name)
    about = {
        "schema": _SCHEMA, "task": prepared.task.id, "columns": dict(prepared.columns), "parts": parts,
        "split_seed": prepared.split_seed, "leaked": prepared.leaked, "done": [asdict(done) for done in prepared.done],
    }  # fmt: skip
    write_atomic(folder / FILE, json.dumps(about, ensure_ascii=False))


def load(folder: Path, task: Task, columns: Mapping[str, str]) -> PreparedDataset | None:
    """Return the dataset that `save` wrote; None where a file is damaged, or an earlier version kept none."""
    try:
        return _load(folder, task, columns)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, TableError):
        return None


def _load(folder: Path, task: Task, columns: Mapping[str, str]) -> PreparedDataset:
    about = json.loads((folder / FILE).read_text(encoding="utf-8"))
    names = {entry["table"] for entry in about["parts"].values()}
    tables = {name: table_files.held(table_files.open(folder / "data" / f"{name}.table")) for name in names}
    return PreparedDataset(
        task=task,
        columns=dict(columns),
        table=tables["train"],
        parts={
            name: Part(tables[entry["table"]], tuple(entry["rows"]), entry["file"])
            for name, entry in about["parts"].items()
        },
        split_seed=about["split_seed"],
        leaked=about["leaked"],
        done=tuple(Done(**{**done, "numbers": tuple(done["numbers"])}) for done in about["done"]),
    )
