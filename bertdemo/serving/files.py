"""Predictions for a file: the same rows in the same order, with two columns more."""

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
    """Write a CSV of all rows with `prediction` and `confidence`; return how many rows have a prediction.

    A row without a text keeps its place and has both cells empty. See `input_columns` for the columns that are read,
    and for what is raised beside the errors of `Predictor.predict_many`.
    """
    table = table_cache.table(source, name)
    info = catalogue.describe(checkpoint, owner)
    task = tasks.for_checkpoint(info) or tasks.find("")  # without a head: TaskUnknown
    inputs = input_columns(task, table, columns, catalogue.card(checkpoint, owner))
    filled = [
        row for row in range(table.rows) if all(_filled(table.columns[column][row]) for column in inputs.values())
    ]
    predictions = predictor.predict_many(task.inputs(table, inputs, filled), checkpoint, owner, progress)
    by_row = dict(zip(filled, predictions, strict=True))
    extra = list(dict.fromkeys(name for prediction in predictions for name in prediction.extra_cells))
    headers = [*table.columns, *(_unused_name(table, name) for name in ("prediction", "confidence", *extra))]
    cells = zip(*table.columns.values(), strict=True)
    rows = ([*(cell or "" for cell in row), *_added(by_row.get(at), extra)] for at, row in enumerate(cells))
    # The cells are the visitor's own, so a formula in them is kept as it was.
    write_csv(target, headers, rows, keep_formulas=True)
    return len(filled)


def _added(prediction: Prediction | None, extra: Sequence[str]) -> list[str]:
    """Return the cells of the new columns, empty where the row has no prediction."""
    if prediction is None:
        return [""] * (2 + len(extra))
    confidence = "" if prediction.confidence is None else f"{prediction.confidence:.6f}"
    return [prediction.cell, confidence, *(prediction.extra_cells.get(name, "") for name in extra)]


def _filled(cell: str | None) -> bool:
    return bool(cell and not cell.isspace())


def input_columns(task: Task, table: Table, columns: Mapping[str, str], card: object | None) -> dict[str, str]:
    """Return role -> column of the task's inputs.

    A column is the one named in `columns`, else the one that the checkpoint was trained on, else the one that fits the
    role best. Raises ColumnMissing where the table lacks a named one, ColumnToRead where no column fits.
    """
    trained_on: Mapping[str, str] = getattr(card, "columns", {}) or {}
    chosen: dict[str, str] = {}
    for role in task.reads:
        named = columns.get(role.name, "")
        if named and named not in table.columns:
            raise ColumnMissing(column=named, columns=", ".join(table.columns))
        column = named or trained_on.get(role.name, "")
        if column in table.columns:
            chosen[role.name] = column
    missing = [role for role in task.reads if role.name not in chosen]
    if missing:
        others = {name: cells for name, cells in table.columns.items() if name not in chosen.values()}
        try:
            chosen |= detect(replace(table, columns=others), missing)
        except ColumnsNotFound as error:
            # Of several missing roles, name one that no column is called: the others may just not look like it.
            unnamed = [role.name for role in missing if not any(role.named(column) for column in others)]
            role_name = unnamed[0] if unnamed else str(error.values["role"])
            raise ColumnToRead(role=role_name, columns=", ".join(list(table.columns)[:20])) from error
    return chosen


def _unused_name(table: Table, name: str) -> str:
    """Return a column name that the file does not have yet."""
    unused, number = name, 2
    while unused in table.columns:
        unused, number = f"{name} ({number})", number + 1
    return unused
