"""A run that tunes the encoder by pairs: what it says, learns, keeps, and how it is stopped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertdemo.checkpoints import Catalogue, folder_checks
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.status import status_of
from bertdemo.runs.worker.few_shot import pair_loss, softmax_loss
from bertdemo.runs.worker.regression import of_one_norm
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from tests.runs.conftest import Work
from tests.runs.support import events_of, request_for
from tests.runs.test_job import assert_rows_match, split_of
from tests.runs.test_regression import KEEP, cancel_at

PAIRS = {"method": "contrastive", "epochs": 3, "batch_size": 12}


def test_pairs_of_one_label_shall_point_the_same_way_and_others_at_a_right_angle() -> None:
    vectors, targets = torch.tensor([[2.0, 0.0], [5.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 1])
    assert float(pair_loss(vectors, targets)) == pytest.approx(0.0, abs=1e-6)
    # Of three pairs one is as it shall be: (0, 1) is 1 away from its cosine, and so is (1, 2).
    assert float(pair_loss(vectors, torch.tensor([0, 1, 0]))) == pytest.approx((1 + 1 + 0) / 3)


def test_rows_of_one_label_shall_be_found_among_all_others() -> None:
    targets = torch.tensor([0, 0, 1, 1])
    apart = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 3.0]])
    mixed = apart[[0, 2, 1, 3]]
    # The wanted row has cosine 1 and two others 0, or the wanted one and another 0 and a third 1.
    assert float(softmax_loss(apart, targets)) == pytest.approx(math.log(1 + 2 * math.exp(-10)), abs=1e-6)
    assert float(softmax_loss(mixed, targets)) == pytest.approx(math.log(2 + math.exp(10)), rel=1e-5)
    alone = softmax_loss(apart.requires_grad_(), torch.tensor([0, 1, 2, 3]))
    alone.backward()  # type: ignore[no-untyped-call]
    assert float(alone.detach()) == 0.0 and torch.isfinite(apart.grad).all()  # type: ignore[arg-type]


def test_vectors_of_one_norm_keep_their_directions() -> None:
    vectors = np.array([[3.0, 4.0], [0.0, 1.0]], dtype=np.float32)
    np.testing.assert_allclose(of_one_norm(vectors), [[1.8, 2.4], [0.0, 3.0]], rtol=1e-6)


@pytest.mark.slow
def test_it_says_what_it_does_and_ends_as_any_run_does(
    work: Work, data: Path, registry: Registry, own_settings: Settings
) -> None:
    probe, folder = work(request_for(data, config=KEEP)), work(request_for(data, config=PAIRS))
    names = list(dict.fromkeys(event.name for event in events_of(folder, ev.Phase)))
    assert names == ["embedding", "fitting", "testing", "saving"]
    started, steps = events_of(folder, ev.Started)[0], events_of(folder, ev.Step)
    assert (started.steps, started.epochs, started.train_rows, started.precision) == (12, 3, 48, "float32")
    assert {"head_init", "group_by_length"}.isdisjoint(started.config) and started.config["method"] == "contrastive"
    assert (steps[-1].step, steps[-1].epoch, steps[-1].seconds_left > 0) == (12, 3.0, True)
    progress = [event.progress for event in steps]
    assert progress == sorted(progress) and 0.5 < progress[-1] < 1.0
    assert steps[-1].loss < steps[0].loss
    assert not {"evaluated", "saved"} & {event.kind for event in events_of(folder)}
    assert [event.step for event in events_of(folder, ev.Watched)] == [0, 12]
    status = status_of(registry.read(folder.name, ""))
    assert (status.state, status.checkpoint) == ("finished", folder.name)
    assert (status.stepless, status.contrastive, status.chooses_epoch) == (False, True, False)
    assert_rows_match(folder, data, set(split_of(folder)["validation"]))
    answers = {run: Predictor(own_settings, Catalogue(own_settings)).predict("good", "", run.name, "")
               for run in (probe, folder)}  # fmt: skip
    assert answers[folder].from_probe and answers[folder].before is not None
    assert answers[folder].before.to_api() == answers[probe].output.to_api()  # type: ignore[union-attr]


@pytest.mark.slow
def test_what_is_kept_is_the_mean_head_on_another_encoder(work: Work, data: Path, own_settings: Settings) -> None:
    folder = work(request_for(data, config={**PAIRS, "learning_rate": 1e-2}))
    catalogue = Catalogue(own_settings)
    card, info = catalogue.card(folder.name, ""), catalogue.describe(folder.name, "")
    assert card is not None and (card.pooling, card.evaluated, card.config["method"]) == ("mean", True, "contrastive")
    assert (info.mean_head, info.labels, info.task) == (True, ("no", "yes"), "classification")
    assert folder_checks.check_folder(catalogue.folder(folder.name, "")).architecture == "BertMeanLinear"
    predictor, texts = Predictor(own_settings, catalogue), ["a good film", "a bad book"]
    assert predictor.embed(texts, folder.name, "mean", "") != predictor.embed(texts, "local:tiny", "mean", "")
    stored = json.loads((folder / "evaluation.jsonl").read_text().split("\n")[0])
    assert predictor.predict(stored["text"], "", folder.name, "").output.best.label == stored["predicted"]


@pytest.mark.slow
def test_two_runs_of_one_seed_are_the_same(work: Work, data: Path) -> None:
    losses = [[event.loss for event in events_of(work(request_for(data, config=PAIRS)), ev.Step)] for _ in range(2)]
    assert losses[0][-1] == losses[1][-1]


@pytest.mark.slow
def test_a_stop_while_the_encoder_learns_keeps_nothing(
    work: Work, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertdemo.runs.worker import job

    emit = job.Job.emit

    def spy(self: Any, kind: str, **fields: Any) -> None:
        emit(self, kind, **fields)
        if kind == "Step":
            (self._folder / "cancel").touch()

    monkeypatch.setattr(job.Job, "emit", spy)
    folder = work(request_for(data, config=PAIRS))
    assert [event.step for event in events_of(folder, ev.Step)] == [1]  # not one batch more
    status = status_of(registry.read(folder.name, ""))
    assert (status.state, status.checkpoint, status.kept_unevaluated) == ("cancelled", "", False)


@pytest.mark.slow
def test_a_stop_while_evaluating_keeps_the_model_unevaluated(
    work: Work, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel_at(monkeypatch, "testing")
    status = status_of(registry.read(work(request_for(data, config=PAIRS)).name, ""))
    assert (status.state, status.checkpoint == status.run_id, status.kept_unevaluated) == ("cancelled", True, True)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_in_words(
    work: Work, data: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertdemo.runs.worker import few_shot

    monkeypatch.setattr(few_shot, "loss_of", lambda vectors, targets, whole: vectors.sum() * float("nan"))
    message = status_of(registry.read(work(request_for(data, config=PAIRS)).name, "")).message
    assert message is not None and (message.key, message.values["step"]) == ("error.loss_not_finite", 1)
