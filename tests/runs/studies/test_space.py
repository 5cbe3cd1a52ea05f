"""What a search may vary: the defaults are in it, and so is nothing that the task, the model or the data rule out."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bertdemo import tasks
from bertdemo.run_config import RunConfig, specs
from bertdemo.runs.studies import space
from bertdemo.runs.studies.study import Dimension

CONFIG = RunConfig(method="fine_tune", learning_rate=1e-4, epochs=4, batch_size=16, pooling="pooler", max_length=64)
BERT: Any = SimpleNamespace(layers=6, parameters=22_700_000, positions=512)


def offered(config: RunConfig = CONFIG, task: str = "classification", rows: int = 400) -> dict[str, Dimension]:
    return {it.field: it for it in space.offered(config, tasks.find(task), BERT, rows)}


def test_every_dimension_is_a_setting_and_holds_its_default() -> None:
    dimensions = offered()
    assert list(dimensions) == [*space.FIELDS]
    assert set(space.FIELDS) <= {spec.name for spec in specs()}
    for it in dimensions.values():
        inside = it.default in it.choices if it.kind == "choice" else it.low <= float(it.default or 0) <= it.high
        assert inside, it
        for value in (*it.choices, it.default, *(() if it.kind == "choice" else (it.low, it.high))):
            replace(CONFIG, **{it.field: int(value) if it.kind == "int" else value})  # type: ignore[arg-type]
    assert (dimensions["layers"].default, dimensions["dropout"].default) == (6, 0.1)
    assert dimensions["batch_size"].choices == (8, 16, 32, 64)


def test_a_batch_larger_than_the_training_set_is_not_offered() -> None:
    assert offered(rows=20)["batch_size"].choices == (8, 16)


def test_the_ranges_stay_within_the_bounds_of_the_settings() -> None:
    wide = offered(replace(CONFIG, learning_rate=9e-3, epochs=40))
    assert wide["learning_rate"].high == 1e-2 and wide["epochs"].high == 50
    assert offered(replace(CONFIG, epochs=1))["epochs"].low == 1


@pytest.mark.parametrize(
    ("config", "task", "missing"),
    [
        (CONFIG, "token_classification", {"pooling", "method"}),
        (replace(CONFIG, head_init="probe", pooling="mean"), "classification", {"pooling"}),
        (replace(CONFIG, method="regression"), "classification", {*space.FIELDS} - {"method", "layers"}),
    ],
)
def test_what_a_task_or_a_method_does_not_read_is_not_offered(config: RunConfig, task: str, missing: set[str]) -> None:
    assert {*space.FIELDS} - {*offered(config, task)} == missing


def test_a_model_of_one_layer_has_no_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BERT, "layers", 1)
    assert "layers" not in offered()
