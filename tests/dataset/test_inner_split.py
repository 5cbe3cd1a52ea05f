"""The validation rows of a trial come out of the training set; those of the run are in no part of it."""

from __future__ import annotations

import pytest

from bertdemo import samples, tasks
from bertdemo.dataset.inner_split import inner
from bertdemo.dataset.prepared import prepare
from bertdemo.errors import OneText
from bertdemo.settings import Limits
from bertdemo.tables import table_files
from tests.dataset.test_prepared import COLUMNS, ROWS, TASK, rows_of, table


def test_training_rows_are_divided_and_no_held_out_row_is_left() -> None:
    whole = prepare(table(ROWS), TASK, COLUMNS)
    rows, trial = rows_of(whole), rows_of(inner(whole))
    assert sorted([*trial["train"], *trial["validation"]]) == rows["train"] and trial["test"] == []
    assert 0.1 < len(trial["validation"]) / len(rows["train"]) < 0.3
    assert rows_of(inner(whole)) == trial
    texts = [str(text).casefold() for text in whole.table.columns["text"]]
    parts = inner(whole).parts
    train, validation = ({texts[row] for row in parts[name].rows} for name in ("train", "validation"))
    assert not train & validation
    assert {*inner(whole).targets("train")} == {*whole.targets("train")}


def test_held_out_files_are_left_out_too() -> None:
    files = {
        role: table([(f"{role} {i}", "yes" if i % 2 else "no") for i in range(8)]) for role in ("validation", "test")
    }
    whole = prepare(table(ROWS), TASK, COLUMNS, held_out=files)
    trial = inner(whole)
    assert all(part.table is whole.table for part in trial.parts.values())
    assert not trial.parts["test"].rows


def test_training_rows_of_one_text_cannot_be_divided() -> None:
    files = {"validation": table([("other", "no"), ("another", "yes")])}
    whole = prepare(table([("same", "yes"), ("same", "no")] * 4), TASK, COLUMNS, held_out=files)
    with pytest.raises(OneText):
        inner(whole).check_held_out()


@pytest.mark.parametrize("sample", samples.all_samples(), ids=lambda sample: sample.id)
def test_the_data_of_every_sample_can_be_divided(sample: samples.Sample) -> None:
    task, path = tasks.find(sample.task), samples.sample_path(sample.id)
    data = table_files.read(path, path.name, Limits())
    whole = prepare(data, task, task.columns(data))
    trial = inner(whole)
    assert trial.parts["validation"].rows
    assert {*trial.parts["train"].rows, *trial.parts["validation"].rows} == {*whole.parts["train"].rows}
