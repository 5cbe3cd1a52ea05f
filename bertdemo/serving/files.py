"""Predictions for a file: the same rows in the same order, with two columns more, and one where texts were cut.

A program joins the answer to its file by the number of the row, so no row is left out or added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bertdemo import tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.errors import ColumnMissing, ColumnsNotFound, ColumnToRead, RoleNotRead
from bertdemo.serving.predictor import Predictor
from bertdemo.tables.parse_options import KEEP, ParseOptions
from bertdemo.tables.spreadsheet import write_csv
from bertdemo.tables.table import Table
from bertdemo.tables.table_cache import TableCache
from bertdemo.tasks.base import Task
from bertdemo.tasks.results import Prediction
from bertdemo.tasks.roles import detect

_ALWAYS = ("prediction", "confidence")
# Rows that are shown in the page: as many as are read at a glance.
PREVIEW_ROWS = 8
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class FilePredictions:
    """What a file of predictions holds, for a page that shows the beginning of it."""

    rows: int
    predicted: int
    """Rows with something to predict on."""
    truncated: int
    """Rows of which the model did not read the whole text."""
    columns: tuple[str, ...]
    """The columns that were read."""
    added: tuple[str, ...]
    """What the predictions add to a row, as in `preview`."""
    preview: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...]
    """The first predicted rows: number in the file, the cells that were read, the cells that are new."""
    counts: tuple[tuple[str, int], ...]
    """(label, occurrences), most frequent first; () for predictions without labels."""


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
) -> FilePredictions:
    """Write a CSV of all rows with `prediction` and `confidence`; return what is in it.

    A row without a text keeps its place and has both cells empty; so does an empty row. Where the model reads less
    than the whole of a text, there is a column `truncated` with "yes" in its row. A cell or a name that a spreadsheet
    would evaluate has an apostrophe before it. See `input_columns` for the columns that are read, and for what is
    raised beside the errors of `Predictor.predict_many`.
    """
    table = table_cache.table(source, name, ParseOptions(blank_rows=KEEP))
    info = catalogue.describe(checkpoint, owner)
    task = tasks.for_checkpoint(info) or tasks.find("")  # without a head: TaskUnknown
    inputs = input_columns(task, table, columns, catalogue.card(checkpoint, owner))
    filled = [
        row for row in range(table.rows) if all(_filled(table.columns[column][row]) for column in inputs.values())
    ]
    read = task.inputs(table, inputs, filled)
    predictions = predictor.predict_many(read, checkpoint, owner, progress)
    truncated = predictor.truncated(read, checkpoint, owner)
    cells_by_row = dict(zip(filled, _new_cells(predictions, truncated), strict=True))
    names = list(dict.fromkeys([*_ALWAYS, *(name for cells in cells_by_row.values() for name in cells)]))
    headers = [*table.columns, *(_unused_name(table, name) for name in names)]
    rows = (
        [*(cell or "" for cell in row), *(cells_by_row.get(at, _NOTHING).get(name, "") for name in names)]
        for at, row in enumerate(zip(*table.columns.values(), strict=True))
    )
    write_csv(target, headers, rows)
    return _summary(table, inputs, names, cells_by_row, predictions, sum(truncated))


def _summary(
    table: Table,
    inputs: Mapping[str, str],
    names: Sequence[str],
    cells_by_row: Mapping[int, Mapping[str, str]],
    predictions: Sequence[Prediction],
    truncated: int,
) -> FilePredictions:
    """Return what a file of predictions holds; `cells_by_row` are the new cells of each predicted row."""
    preview = tuple(
        (
            table.row_numbers[row],
            tuple(table.columns[column][row] or "" for column in inputs.values()),
            tuple(cells.get(name, "") for name in names),
        )
        for row, cells in islice(cells_by_row.items(), PREVIEW_ROWS)
    )
    counts = Counter(label for prediction in predictions for label in prediction.counted)
    columns, most_common = tuple(inputs.values()), tuple(counts.most_common())
    return FilePredictions(table.rows, len(cells_by_row), truncated, columns, tuple(names), preview, most_common)


def _new_cells(predictions: Sequence[Prediction], truncated: Sequence[bool]) -> list[dict[str, str]]:
    """Return the cells that each prediction adds to its row, by the name of their column."""
    rows = []
    for prediction, cut in zip(predictions, truncated, strict=True):
        confidence = "" if prediction.confidence is None else f"{prediction.confidence:.6f}"
        cells = {"prediction": prediction.cell, "confidence": confidence, **prediction.extra_cells}
        rows.append({**cells, "truncated": "yes"} if cut else cells)
    return rows


def _filled(cell: str | None) -> bool:
    return bool(cell and not cell.isspace())


def input_columns(task: Task, table: Table, columns: Mapping[str, str], card: object | None) -> dict[str, str]:
    """Return role -> column of the task's inputs.

    A column is the one named in `columns`, else the one that the checkpoint was trained on, else the one that fits the
    role best. Raises ColumnMissing where the table lacks a named one, ColumnToRead where no column fits, RoleNotRead
    for a role that the task lacks.
    """
    if unread := next((role for role in columns if role not in {role.name for role in task.roles}), None):
        raise RoleNotRead(argument=unread, task=task.id, roles=", ".join(role.name for role in task.reads))
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
