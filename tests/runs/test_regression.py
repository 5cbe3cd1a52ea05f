"""A run that keeps the regression on frozen embeddings: what it says, fits, keeps, and how it is stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertdemo.analysis import baselines
from bertdemo.checkpoints import Catalogue, folder_checks
from bertdemo.checkpoints.loading import open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.run_config import Truncation
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.tasks.forward import batches
from tests.runs.conftest import Work
from tests.runs.support import events_of, request_for, rows_of, write_csv
from tests.runs.test_job import assert_rows_match, split_of

pytestmark = pytest.mark.slow

KEEP = {"method": "regression", "epochs": None, "learning_rate": None}
TEN = ("no", "yes")


def test_a_regression_says_what_it_does_and_ends_as_any_run_does(work: Work, data: Path, registry: Registry) -> None:
    folder = work(request_for(data, config=KEEP, name="my regression"))
    events = events_of(folder)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events[:2]] == ["queued", "started"]
    assert not {"step", "evaluated", "saved"} & {event.kind for event in events}
    names = list(dict.fromkeys(event.name for event in events if isinstance(event, ev.Phase)))
    assert names == ["embedding", "fitting", "testing", "saving"]
    started = events_of(folder, ev.Started)[0]
    assert (started.steps, started.epochs, started.train_rows, started.validation_rows) == (0, 0, 48, 12)
    assert set(started.config) == {"device", "max_length", "batch_size", "layers", "seed", "method"}
    status = status_of(registry.read(folder.name, ""))
    assert (status.state, status.progress, status.checkpoint) == ("finished", 1.0, folder.name)
    assert (status.evaluated_on, status.evaluated_rows, status.stepless) == ("validation", 12, True)
    assert not (folder / "best").exists()
    assert_rows_match(folder, data, set(split_of(folder)["validation"]))


def test_what_is_kept_is_the_regression_on_the_training_rows(
    work: Work, data: Path, own_settings: Settings, tiny: Path
) -> None:
    folder = work(request_for(data, config={**KEEP, "max_length": 20}))
    catalogue = Catalogue(own_settings)
    kept = catalogue.folder(folder.name, "")
    numbers = {number: index for index, number in enumerate(range(2, 62))}
    rows = [rows_of(60)[numbers[number]] for number in split_of(folder)["train"]]
    tokenizer = SharedTokenizer.from_folder(tiny)
    vectors = baselines.embed(tiny, tokenizer, [text for text, _ in rows], Truncation(20))
    from sklearn.linear_model import LogisticRegression

    reference = LogisticRegression(C=1.0, max_iter=1000).fit(vectors, [label for _, label in rows])
    model: Any = open_model(kept, "BertForSequenceClassification").model
    said = np.zeros((len(rows), 2), dtype=np.float32)
    with torch.inference_mode():
        for indices, inputs in batches(tokenizer, [text for text, _ in rows], None, Truncation(20)):
            said[indices] = model(**inputs).logits.numpy()
    np.testing.assert_allclose(said[:, 1] - said[:, 0], reference.decision_function(vectors), atol=1e-4)
    assert not (kept / "head_at_start.safetensors").exists()
    stored = json.loads((folder / "evaluation.jsonl").read_text().split("\n")[0])
    answer = Predictor(own_settings, catalogue).predict(stored["text"], "", folder.name, "")
    assert answer.before is None and answer.output.best.label == stored["predicted"]
    assert answer.output.best.score == pytest.approx(stored["confidence"], abs=1e-4)


def test_the_card_says_mean_and_only_what_was_used(work: Work, data: Path, own_settings: Settings) -> None:
    folder = work(request_for(data, config=KEEP))
    catalogue = Catalogue(own_settings)
    card, info = catalogue.card(folder.name, ""), catalogue.describe(folder.name, "")
    assert card is not None and (card.pooling, card.evaluated, card.base) == ("mean", True, "local:tiny")
    assert "epochs" not in card.config and card.config["method"] == "regression"
    assert (info.mean_head, info.pooling, info.labels, info.task) == (True, "mean", TEN, "classification")
    assert {"labels", "embed", "fine_tune"} <= set(info.can)
    assert folder_checks.check_folder(catalogue.folder(folder.name, "")).architecture == "BertMeanLinear"
    tuned = catalogue.describe(work(request_for(data, config={"epochs": 1})).name, "")
    assert (tuned.mean_head, tuned.pooling) == (False, "pooler")


def test_a_vector_of_the_kept_checkpoint_is_that_of_its_base(work: Work, data: Path, own_settings: Settings) -> None:
    folder = work(request_for(data, config=KEEP))
    predictor = Predictor(own_settings, Catalogue(own_settings))
    texts = ["the good film", "a bad book that i hate"]
    assert predictor.embed(texts, folder.name, "mean", "") == predictor.embed(texts, "local:tiny", "mean", "")


def test_a_test_file_is_measured(work: Work, data: Path, tmp_path: Path) -> None:
    kept = write_csv(tmp_path / "test.csv", [("a good cat sat", "yes"), ("a poor cat", "no")])
    folder = work(request_for(data, test=str(kept), test_name="test.csv", config=KEEP))
    finished = events_of(folder, ev.Finished)[0]
    assert (finished.evaluated_on, finished.rows) == ("test", 2)
    assert_rows_match(folder, kept, {2, 3})


def cancel_at(monkeypatch: pytest.MonkeyPatch, phase: str) -> None:
    """Lay the flag file of the page's Stop into the run folder as soon as a phase is told."""
    from bertdemo.runs.worker import job

    emit = job.Job.emit

    def spy(self: Any, kind: str, **fields: Any) -> None:
        emit(self, kind, **fields)
        if kind == "Phase" and fields["name"] == phase:
            (self._folder / "cancel").touch()

    monkeypatch.setattr(job.Job, "emit", spy)


def test_a_stop_while_embedding_keeps_nothing(
    work: Work, tmp_path: Path, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertdemo.runs.worker import regression

    monkeypatch.setattr(regression, "_EVENT_SECONDS", 0.0)
    cancel_at(monkeypatch, "embedding")
    folder = work(request_for(write_csv(tmp_path / "many.csv", rows_of(400)), config={**KEEP, "batch_size": 16}))
    told = [event.progress for event in events_of(folder, ev.Phase)]
    assert told == [pytest.approx(16 / 320)]  # not one batch more
    status = status_of(registry.read(folder.name, ""))
    assert (status.state, status.checkpoint, status.kept_unevaluated) == ("cancelled", "", False)
    assert [info.id for info in Catalogue(own_settings).list("") if info.source == "trained"] == []


def test_a_stop_while_measuring_keeps_the_regression_unmeasured(
    work: Work, data: Path, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as stopping:  # not undo: it would also take back what the fixtures have set
        cancel_at(stopping, "fitting")
        folder = work(request_for(data, config=KEEP))
    assert status_of(registry.read(folder.name, "")).checkpoint == ""
    cancel_at(monkeypatch, "testing")
    folder = work(request_for(data, config=KEEP))
    status = status_of(registry.read(folder.name, ""))
    assert (status.state, status.checkpoint, status.kept_unevaluated) == ("cancelled", folder.name, True)
    assert not status.metrics
    assert Predictor(own_settings, Catalogue(own_settings)).predict("good", "", folder.name, "").output.labels


def test_fine_tuning_goes_on_from_a_kept_regression(
    work: Work, tmp_path: Path, data: Path, own_settings: Settings
) -> None:
    first = work(request_for(data, config=KEEP))
    same = work(request_for(data, checkpoint=first.name, config={"epochs": 1}))
    three = write_csv(tmp_path / "three.csv", rows_of(60, ("a", "b", "c")))
    other = work(request_for(three, checkpoint=first.name, config={"epochs": 1}))
    catalogue = Catalogue(own_settings)
    kinds = {run.name: catalogue.describe(run.name, "") for run in (same, other)}
    assert (kinds[same.name].mean_head, kinds[same.name].pooling) == (True, "mean")  # the same labels: its own head
    assert (kinds[other.name].mean_head, kinds[other.name].pooling) == (False, "pooler")  # others: a new one
    predictor = Predictor(own_settings, catalogue)
    assert predictor.predict("good film", "", same.name, "").before is None
    answer = predictor.predict("good film", "", other.name, "")
    assert answer.before is not None and {item.label for item in answer.output.labels} == {"a", "b", "c"}


def test_labels_that_only_held_out_rows_have_are_never_said(
    work: Work, data: Path, tmp_path: Path, own_settings: Settings
) -> None:
    rows = [*rows_of(20), ("a rare film", "rare")]
    held_out = write_csv(tmp_path / "held.csv", [("a rare film", "rare"), ("good cat", "yes"), ("bad cat", "no")])
    table = write_csv(tmp_path / "rare.csv", rows)
    folder = work(request_for(table, validation=str(held_out), validation_name="held.csv", config=KEEP))
    assert len(events_of(folder, ev.Finished)) == 1
    answer = Predictor(own_settings, Catalogue(own_settings)).predict("a rare film", "", folder.name, "")
    assert {item.label: item.score for item in answer.output.labels}["rare"] < 1e-9


def test_training_rows_of_one_label_are_refused_in_words(work: Work, tmp_path: Path, registry: Registry) -> None:
    table = write_csv(tmp_path / "data.csv", [("bad", "no"), ("poor", "no"), ("good", "yes"), ("nice", "yes")])
    held_out = write_csv(tmp_path / "held.csv", [("good", "yes"), ("nice", "yes"), ("awful", "no")])
    folder = work(request_for(table, validation=str(held_out), validation_name="held.csv", config=KEEP))
    message = status_of(registry.read(folder.name, "")).message
    assert message is not None and message.key == "error.one_class"
