"""A file of texts in, a file with predictions out: the same rows in the same order, two columns more."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from bertdemo.checkpoints import Catalogue
from bertdemo.data.columns import detect
from bertdemo.data.shelf import Shelf
from bertdemo.data.tables import Table
from bertdemo.errors import ColumnMissing
from bertdemo.serving.predictor import Predictor


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
    shelf: Shelf,
    progress: Callable[[float], None] = lambda share: None,
) -> int:
    """Write a CSV of all rows with `prediction` and `confidence`; return how many rows were predicted.

    A row without a text keeps its place and has both empty. The text column is the one named in `columns`, else
    the one that the checkpoint was trained on, else the one that looks like text.
    """
    table = shelf.table(source, name)
    column = text_column(table, columns, catalogue.card(checkpoint, owner))
    texts = table.columns[column]
    filled = [row for row, text in enumerate(texts) if text and text.strip()]
    said = predictor.predict_many([texts[row] or "" for row in filled], checkpoint, owner, progress)
    by_row = dict(zip(filled, said, strict=True))
    headers = [*table.columns, *(_free(table, wanted) for wanted in ("prediction", "confidence"))]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)  # its line end is \r\n, so that a lone \r in a cell is quoted too
        writer.writerow(headers)
        for row in range(table.rows):
            best = by_row[row].best if row in by_row else None
            extra = [best.label, f"{best.score:.6f}"] if best else ["", ""]
            writer.writerow([*(values[row] or "" for values in table.columns.values()), *extra])
    return len(filled)


def text_column(table: Table, columns: Mapping[str, str], card: object | None) -> str:
    """Return the column that holds the texts; ColumnMissing where a named one is not there."""
    wanted = columns.get("text", "")
    if wanted:
        if wanted not in table.columns:
            raise ColumnMissing(column=wanted, columns=", ".join(table.columns))
        return wanted
    trained_on: Mapping[str, str] = getattr(card, "columns", {}) or {}
    if trained_on.get("text", "") in table.columns:
        return trained_on["text"]
    return detect(table, ["text"])["text"]


def _free(table: Table, wanted: str) -> str:
    """Return a column name that the file does not have yet."""
    name, number = wanted, 2
    while name in table.columns:
        name, number = f"{wanted} ({number})", number + 1
    return name
