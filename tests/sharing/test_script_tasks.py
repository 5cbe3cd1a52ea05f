"""The scripts of the tasks with code of their own: alone they give the predictions of their runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.settings import Settings
from bertdemo.sharing.script.writer import MOST_LINES
from tests.runs.conftest import Work
from tests.runs.test_every_task import request_of
from tests.sharing.repeating import linted, rows_of, run_alone, unpacked

pytestmark = pytest.mark.slow

# Every setting that changes how a run of any task learns, but those that exclude each other.
EVERYTHING: Mapping[str, Any] = {
    "precision": "bfloat16", "keep": "both", "max_length": 14, "early_stopping": 1, "layer_decay": 0.9,
    "frozen_layers": 1, "accumulation": 3, "gradient_checkpointing": True, "epochs": 3, "learning_rate": 3e-3,
}  # fmt: skip
RUNS: Mapping[str, Mapping[str, Any]] = {
    "plain": {"layers": 1, "dropout": 0.2, "learning_rate": 3e-3, "precision": "float32"},
    "everything": EVERYTHING,
    "lora": {"lora_rank": 4, "precision": "bfloat16", "learning_rate": 1e-2, "keep": "tail", "max_length": 20},
}
TASKS = ("token_classification", "similarity", "fill_mask", "search", "text_to_text")


def small_request(task: str, folder: Path, **config: Any) -> RunRequest:
    """Return a request for the first rows of a sample: windows and beams take long on all of them."""
    request = request_of(task, **config)
    lines = Path(request.data).read_text(encoding="utf-8").splitlines(keepends=True)
    data = folder / request.data_name
    data.write_text("".join(lines[:49]), encoding="utf-8")
    return replace(request, data=str(data))


@pytest.mark.parametrize("task", TASKS)
def test_scripts_alone_give_the_predictions_of_their_runs(
    task: str, work: Work, registry: Registry, tiny: Path, tmp_path: Path
) -> None:
    runs = {name: work(small_request(task, tmp_path, **config)) for name, config in RUNS.items()}
    folders = {name: unpacked(run, registry, tiny, tmp_path / name) for name, run in runs.items()}
    run_alone(list(folders.values()))
    for name, run in runs.items():
        own, repeated = rows_of(run / "evaluation.jsonl"), rows_of(folders[name] / "predictions.jsonl")
        assert own.keys() == repeated.keys() and len(own) > 5, name
        for row, prediction in repeated.items():
            assert prediction == {key: own[row][key] for key in prediction}, (name, row)
        assert (folders[name] / "train.py").read_text(encoding="utf-8").count("\n") <= MOST_LINES, name
    linted([folder / "train.py" for folder in folders.values()])


def test_a_run_of_an_encoder_decoder_is_repeated_with_the_changes_of_its_encoder(
    work: Work, registry: Registry, own_settings: Settings, tmp_path: Path
) -> None:
    first = work(small_request("text_to_text", tmp_path, max_length=16))
    request = small_request("text_to_text", tmp_path, max_length=16, layers=1, dropout=0.3, learning_rate=3e-3)
    run = work(replace(request, checkpoint=first.name))
    folder = unpacked(run, registry, Catalogue(own_settings).folder(first.name, ""), tmp_path / "again")
    run_alone([folder])
    own, repeated = rows_of(run / "evaluation.jsonl"), rows_of(folder / "predictions.jsonl")
    assert own.keys() == repeated.keys() and len(own) > 5
    for row, prediction in repeated.items():
        assert prediction == {key: own[row][key] for key in prediction}, row
