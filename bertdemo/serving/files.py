"""A file of texts in, a file with predictions out: the same rows in the same order, two columns more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bertdemo import tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.errors import ColumnMissing, ColumnsNotFound, ColumnToRead
from bertdemo.serving.predictor import Predictor
from bertdemo.tables.spreadsheet import write_csv
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import TableCache
from bertdemo.tasks.base import Task
from bertdemo.tasks.results import Prediction
from bertdemo.tasks.roles import detect


def predict_file(
    source: Path,
    name: str,
    target: Path,
    *,
    predictor: Predictor,
    catalogue: Catalogue,
    checkpoint: str,
    owner: str,
    columns: Mapping[str, str],
    table_cache: TableCache,
    progress: Callable[[float], None] = lambda share: None,
) -> int:
    """Write a CSV of all rows with `prediction` and `confidence`; return how many rows were predicted.

    A row without a text keeps its place and has both empty. See `input_columns` for what is read.
    """
    table = table_cache.table(source, name)
    info = catalogue.describe(checkpoint, owner)
    task = tasks.find(info.task or "")
    read = input_columns(task, table, columns, catalogue.card(checkpoint, owner))
    filled = [row for row in range(table.rows) if all(_filled(table.columns[column][row]) for column in read.values())]
    said = predictor.predict_many(task.inputs(table, read, filled), checkpoint, owner, progress)
    by_row = dict(zip(filled, said, strict=True))
    extra = list(dict.fromkeys(name for one in said for name in one.more))
    headers = [*table.columns, *(_free(table, wanted) for wanted in ("prediction", "confidence", *extra))]
    rows = ([*_cells(table, row), *_added(by_row.get(row), extra)] for row in range(table.rows))
    write_csv(target, headers, rows, keep_formulas=True)
    return len(filled)


def _cells(table: Table, row: int) -> list[str]:
    return [values[row] or "" for values in table.columns.values()]


def _added(prediction: Prediction | None, extra: Sequence[str]) -> list[str]:
    """Return the cells of the new columns, empty where the row had nothing to read."""
    if prediction is None:
        return [""] * (2 + len(extra))
    return [prediction.words, _sure(prediction), *(prediction.more.get(name, "") for name in extra)]


def _sure(one: Prediction) -> str:
    return "" if one.confidence is None else f"{one.confidence:.6f}"


def _filled(cell: str | None) -> bool:
    return bool(cell and not cell.isspace())


def input_columns(task: Task, table: Table, columns: Mapping[str, str], card: object | None) -> dict[str, str]:
    """Return role -> column of what the task reads.

    A column is the one named in `columns`, else the one that the checkpoint was trained on, else the one that looks
    like it. Raises ColumnMissing where a named one is not there, ColumnToRead where none fits.
    """
    trained_on: Mapping[str, str] = getattr(card, "columns", {}) or {}
    chosen: dict[str, str] = {}
    for role in task.reads:
        wanted = columns.get(role.name, "")
        if wanted and wanted not in table.columns:
            raise ColumnMissing(column=wanted, columns=", ".join(table.columns))
        known = wanted or trained_on.get(role.name, "")
        if known in table.columns:
            chosen[role.name] = known
    missing = [role for role in task.reads if role.name not in chosen]
    if missing:
        others = {name: cells for name, cells in table.columns.items() if name not in chosen.values()}
        try:
            chosen |= detect(replace(table, columns=others), missing)
        except ColumnsNotFound as error:
            lacking = [role.name for role in missing if not any(role.named(column) for column in others)]
            wanted = lacking[0] if lacking else str(error.values["role"])
            raise ColumnToRead(role=wanted, columns=", ".join(list(table.columns)[:20])) from error
    return chosen


def _free(table: Table, wanted: str) -> str:
    """Return a column name that the file does not have yet."""
    name, number = wanted, 2
    while name in table.columns:
        name, number = f"{wanted} ({number})", number + 1
    return name
