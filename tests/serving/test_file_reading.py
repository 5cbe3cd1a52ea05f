"""A file is read for /predict_file exactly as for /check_data, whatever its dialect."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertdemo.dataset.dataset_cache import DatasetCache, Preparation
from bertdemo.serving.files import predict_file
from bertdemo.settings import Limits, Settings
from bertdemo.tables.parse_options import KEEP
from bertdemo.tables.spreadsheet import safe
from bertdemo.tables.table_cache import TableCache
from bertdemo.tables.table_files import read
from bertdemo.tasks.results import Labels, LabelScore
from tests.tables.corpus import CASES
from tests.tables.corpus.case import Case

DIALECTS = (
    "semicolons, a comma in each text", "Excel's sep line, a semicolon", "two colons", "R's write.table",
    "quotation marks escaped by a backslash", "unquoted commas, text first", "a label merged down its rows",
    "a hidden sheet first", "a text per file in folders", "two header rows, groups above names",
)  # fmt: skip


LARGE_BYTES = 100_000
"""The few larger files of the corpus are about limits, and take longer than all others together."""


class OneLabel:
    """A predictor that says the same of every text."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def predict_many(self, inputs: Any, checkpoint: str, owner: str, progress: Any) -> list[Labels]:
        self.texts = list(inputs.texts)
        return [Labels((LabelScore("calm", 1.0),)) for _ in self.texts]

    def truncated(self, inputs: Any, checkpoint: str, owner: str) -> list[bool]:
        return [False for _ in inputs.texts]


@pytest.mark.parametrize("case", [case for case in CASES if case.id in DIALECTS], ids=lambda case: case.id)
def test_predictions_are_of_the_rows_that_were_checked(case: Case, tmp_path: Path) -> None:
    path = tmp_path / case.name
    path.write_bytes(case.content)
    tables, predictor = TableCache(Settings(home=tmp_path / "home")), OneLabel()
    checked = DatasetCache(tables).table(Preparation(str(path), path.name))
    column = next(name for name in checked.columns if name.casefold() in {"text", "words", "what they wrote"})
    info = SimpleNamespace(task="classification", labels=("calm", "tense"), problem="")
    catalogue: Any = SimpleNamespace(describe=lambda *of: info, card=lambda *of: None)
    predict_file(
        path, path.name, tmp_path / "out.csv", predictor=predictor, catalogue=catalogue,  # type: ignore[arg-type]
        checkpoint="x", owner="", columns={"text": column}, table_cache=tables,
    )  # fmt: skip
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == [*checked.columns, "prediction", "confidence"]
    assert [row[: len(checked.columns)] for row in rows] == [
        [cell or "" for cell in row] for row in zip(*checked.columns.values(), strict=True)
    ]
    assert predictor.texts == list(checked.columns[column])


def predicted(path: Path, case: Case, column: str) -> list[list[str]]:
    """The predictions file of a case, without its header."""
    out = path.with_suffix(".csv")
    tables: Any = SimpleNamespace(
        table=lambda source, name, options: read(source, name, Limits(), replace(case.options, blank_rows=KEEP))
    )
    info = SimpleNamespace(task="classification", labels=("calm", "tense"), problem="")
    catalogue: Any = SimpleNamespace(describe=lambda *of: info, card=lambda *of: None)
    predict_file(
        path, case.name, out, predictor=OneLabel(), catalogue=catalogue,  # type: ignore[arg-type]
        checkpoint="x", owner="", columns={"text": column}, table_cache=tables,
    )  # fmt: skip
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))[1:]


def test_every_readable_file_keeps_its_rows_in_their_order_and_has_a_prediction_for_each_text(tmp_path: Path) -> None:
    wrong = []
    for case in CASES:
        if case.error is not None or len(case.content) > LARGE_BYTES:
            continue
        path = tmp_path / "upload"
        path.write_bytes(case.content)
        table = read(path, case.name, Limits(), case.options)
        rows, width = predicted(path, case, next(iter(table.columns))), len(table.columns)
        left = iter(rows)
        if not all(
            any(row[:width] == [safe(cell or "") for cell in cells] for row in left)
            for cells in zip(*table.columns.values(), strict=True)
        ):
            wrong.append(f"{case.id}: a row is missing, or in another place")
        if any(bool(row[0].strip()) != bool(row[width]) for row in rows):
            wrong.append(f"{case.id}: a text without a prediction, or a prediction without a text")
    assert not wrong


def test_every_dialect_of_the_list_is_a_file_of_the_corpus() -> None:
    assert set(DIALECTS) <= {case.id for case in CASES}
