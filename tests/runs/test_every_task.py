"""Every task from a file to a checkpoint: it trains, stops, predicts, is measured, and plain transformers opens it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bertdemo import samples, tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import RunRequest
from bertdemo.runs.status import status_of
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Limits, Settings
from bertdemo.tables import table_files
from bertdemo.tasks.base import Inputs
from tests.runs.conftest import Work
from tests.runs.support import events_of

pytestmark = pytest.mark.slow

SAMPLES = {
    "classification": "support_en",
    "multi_label": "topics_en",
    "pair": "pairs_en",
    "similarity": "similarity_en",
    "token_classification": "entities_en",
    "question_answering": "questions_en",
    "fill_mask": "reviews_en",
    "search": "pairs_en",
    "text_to_text": "rewrite_en",
}
ASKED = {
    "question_answering": ("What was opened?", "The museum was opened in spring."),
    "pair": ("a good film", "the film is nice"),
    "similarity": ("a good film", "the film is nice"),
    "search": ("a good film", "the film is nice"),
    "fill_mask": ("the [MASK] is nice", ""),
}
CLASSES = {
    "similarity": "BertModel",
    "search": "BertModel",
    "token_classification": "BertForTokenClassification",
    "question_answering": "BertForQuestionAnswering",
    "fill_mask": "BertForMaskedLM",
    "text_to_text": "EncoderDecoderModel",
}


def request_of(task: str, **config: Any) -> RunRequest:
    path = samples.sample_path(SAMPLES[task])
    table = table_files.read(path, path.name, Limits())
    settings = {"device": "cpu", "epochs": 1, "batch_size": 16, "max_length": 64, **config}
    return RunRequest(
        task=task,
        columns=tasks.find(task).columns(table),
        checkpoint="local:tiny",
        config=RunConfig.from_fields(settings),
        data=str(path),
        data_name=path.name,
    )


def close(one: Any, other: Any) -> bool:
    """Return whether two answers differ by no more than the rounding of float32, which depends on the batch."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(close, one, other))
    return bool(one == pytest.approx(other, rel=1e-5, abs=1e-5)) if isinstance(one, float) else bool(one == other)


def test_every_task_is_tried_here() -> None:
    assert set(SAMPLES) == set(tasks.TASKS)


@pytest.mark.parametrize("task", SAMPLES)
def test_a_task_trains_is_measured_predicts_and_opens_in_plain_transformers(
    task: str, work: Work, registry: Registry, own_settings: Settings
) -> None:
    folder = work(request_of(task))
    status = status_of(registry.read(folder.name, ""))
    assert status.state == "finished", status.message
    assert list(status.metrics) == list(tasks.find(task).metrics)
    for found in status.metrics.values():
        assert found["low"] <= found["value"] <= found["high"]
    lines = (folder / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == status.evaluated_rows == len(registry.evaluation(folder.name, "")) > 0
    text, pair = ASKED.get(task, ("the film in Paris is nice", ""))
    catalogue = Catalogue(own_settings)
    predictor = Predictor(own_settings, catalogue)
    answer = predictor.predict(text, pair, folder.name, "")
    assert answer.task == task
    assert json.dumps(answer.output.to_api())
    inputs = Inputs([text, text], [pair, pair] if pair else None)
    for one in predictor.predict_many(inputs, folder.name, ""):
        assert close(one.to_api(), answer.output.to_api())
    opened = catalogue.folder(folder.name, "")
    name = json.loads((opened / "config.json").read_text(encoding="utf-8"))["architectures"][0]
    assert name == CLASSES.get(task, "BertForSequenceClassification")
    assert_plain(opened, name)


def assert_plain(folder: Path, name: str) -> None:
    """Plain transformers finds every weight of the class that the config names."""
    import transformers

    _, info = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]


@pytest.mark.parametrize("task", SAMPLES)
def test_a_task_that_is_stopped_keeps_its_best_weights_and_their_figures(
    task: str, work: Work, monkeypatch: pytest.MonkeyPatch, registry: Registry
) -> None:
    from bertdemo.runs.worker import job

    emit = job.Job.emit

    def spy(self: Any, kind: str, **fields: Any) -> None:
        emit(self, kind, **fields)
        if kind == "Evaluated":
            (self._folder / "cancel").touch()

    monkeypatch.setattr(job.Job, "emit", spy)
    folder = work(request_of(task, epochs=3))
    status = status_of(registry.read(folder.name, ""))
    assert status.state == "cancelled" and status.checkpoint == folder.name
    assert len(events_of(folder, ev.Evaluated)) == 1
    own = tasks.find(task)
    assert set(status.metrics) <= {*own.metrics, own.chosen_by}
    assert next(iter(status.metrics.values()))["value"] >= 0
