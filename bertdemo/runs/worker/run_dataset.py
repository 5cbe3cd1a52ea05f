"""The dataset of a run, from its folder."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from bertdemo.dataset import stored
from bertdemo.dataset.inner_split import inner
from bertdemo.dataset.prepared import PreparedDataset, prepare
from bertdemo.processes import write_atomic
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Limits
from bertdemo.tables import held_out_files, table_files
from bertdemo.tables.parse_options import DECIDE, ParseOptions
from bertdemo.tables.table import Table
from bertdemo.tasks.base import Task


def dataset_of(folder: Path, request: RunRequest, task: Task, limits: Limits) -> PreparedDataset:
    """Return the dataset that was admitted; a folder written by an earlier version is prepared from its files."""
    kept = stored.load(folder, task, request.columns)
    if kept is not None:
        return kept
    read = partial(_table, folder, limits)
    files = (
        ("validation", request.validation, request.validation_name),
        ("test", request.test, request.test_name),
    )
    prepared = prepare(
        read(request.data, request.data_name, ParseOptions.from_fields(request.parse)),
        task,
        request.columns,
        cleaning=request.cleaning,
        relabel=request.relabel,
        split_seed=request.split_seed,
        held_out={
            role: held_out_files.read(role, partial(read, path, name or path)) for role, path, name in files if path
        },
    )
    return inner(prepared) if request.is_trial else prepared


def store_split(folder: Path, dataset: PreparedDataset) -> None:
    """Write the line numbers of each part's rows in their files, for people and other programs."""
    ids = {name: {"file": part.file, "rows": part.numbers} for name, part in dataset.parts.items()}
    write_atomic(folder / "split.json", json.dumps(ids, ensure_ascii=False))


def _table(folder: Path, limits: Limits, path: str, name: str, options: ParseOptions = DECIDE) -> Table:
    """Return the table in a file of the run; the copy that an earlier version stored is preferred."""
    if (folder / stored.FILE).exists():  # the tables beside the files are those after cleaning
        return table_files.read(folder / path, name, limits, options)
    return table_files.reopen(folder / path, name, limits, options)
