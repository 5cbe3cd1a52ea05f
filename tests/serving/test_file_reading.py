"""A file is read for /predict_file exactly as for /check_data, whatever its dialect."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bertdemo.dataset.dataset_cache import DatasetCache, Preparation
from bertdemo.serving.files import predict_file
from bertdemo.settings import Settings
from bertdemo.tables.table_cache import TableCache
from bertdemo.tasks.results import Labels, LabelScore
from tests.tables.corpus import CASES
from tests.tables.corpus.case import Case

DIALECTS = (
    "semicolons, a comma in each text", "Excel's sep line, a semicolon", "two colons", "R's write.table",
    "quotation marks escaped by a backslash", "unquoted commas, text first", "a label merged down its rows",
    "a hidden sheet first", "a text per file in folders", "two header rows, groups above names",
)  # fmt: skip


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


def test_every_dialect_of_the_list_is_a_file_of_the_corpus() -> None:
    assert set(DIALECTS) <= {case.id for case in CASES}
