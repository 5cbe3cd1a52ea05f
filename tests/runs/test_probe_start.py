"""A run whose head starts as the linear probe: its step 0 is that probe, and it is kept where training is no better."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.loading import HEAD_FILE
from bertdemo.errors import ProbeNotForTask
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.request import resolve_defaults
from bertdemo.runs.status import status_of
from bertdemo.services import Services
from bertdemo.serving.inspector import Inspector
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from tests.runs.conftest import Work
from tests.runs.support import events_of, request_for
from tests.serving.support import ask

PROBE = {"method": "regression", "epochs": None, "learning_rate": None}
START = {"head_init": "probe", "epochs": 2}


@pytest.mark.slow
def test_the_first_evaluation_is_that_of_the_probe_and_training_goes_on_from_it(
    work: Work, data: Path, registry: Registry, own_settings: Settings
) -> None:
    probe, folder = work(request_for(data, config=PROBE)), work(request_for(data, config=START))
    catalogue = Catalogue(own_settings)
    evaluated = events_of(folder, ev.Evaluated)
    assert [(event.step == 0, event.epoch) for event in evaluated] == [(True, 0.0), (False, 1.0), (False, 2.0)]
    finished = events_of(probe, ev.Finished)[0]
    assert evaluated[0].metrics["accuracy"] == pytest.approx(finished.metrics["accuracy"]["value"])
    names = list(dict.fromkeys(event.name for event in events_of(folder, ev.Phase)))
    assert names[:2] == ["embedding", "fitting"]
    watched = events_of(folder, ev.Watched)
    assert [event.epoch for event in watched] == [0.0, 1.0, 2.0]
    predictor, text = Predictor(own_settings, catalogue), "the good film"
    answer, of_probe = (predictor.predict(text, "", run.name, "") for run in (folder, probe))
    assert answer.before is not None and answer.from_probe
    assert answer.before.to_api() == of_probe.output.to_api()
    card, info = catalogue.card(folder.name, ""), catalogue.describe(folder.name, "")
    assert card is not None and (card.pooling, info.mean_head, card.config["head_init"]) == ("mean", True, "probe")
    status = status_of(registry.read(folder.name, ""))
    assert (status.state, status.progress, status.stepless) == ("finished", 1.0, False)


@pytest.mark.slow
def test_inside_it_the_base_has_the_probe_as_its_head_and_the_encoder_has_moved(
    work: Work, data: Path, own_settings: Settings
) -> None:
    folder = work(request_for(data, config={**START, "learning_rate": 1e-3}))
    catalogue = Catalogue(own_settings)
    assert (catalogue.folder(folder.name, "") / HEAD_FILE).exists()
    inspector = Inspector(catalogue, Predictor(own_settings, catalogue), text_chars=1000)
    both = inspector.before_after(ask("the good film", checkpoint=folder.name), "")
    assert both.same_kind and both.before.head_reads == "mean" and both.before.head_trained
    best = max(events_of(folder, ev.Evaluated), key=lambda event: (event.metrics["accuracy"], -event.loss))
    assert both.moved == (best.step > 0)


@pytest.mark.slow
def test_a_probe_that_training_does_not_beat_is_what_is_kept(
    work: Work, data: Path, monkeypatch: pytest.MonkeyPatch, own_settings: Settings
) -> None:
    from bertdemo.runs.worker.training import Best

    monkeypatch.setattr(Best, "beaten_by", lambda self, score, loss: self.logits is None)
    probe, folder = work(request_for(data, config=PROBE)), work(request_for(data, config=START))
    assert [event.best for event in events_of(folder, ev.Evaluated)] == [True, False, False]
    predictor = Predictor(own_settings, Catalogue(own_settings))
    kept, of_probe = (predictor.predict("a bad book", "", run.name, "") for run in (folder, probe))
    assert kept.output.to_api() == of_probe.output.to_api()


def test_a_probe_needs_a_smaller_factor_than_a_random_head_unless_one_is_chosen() -> None:
    def factor(config: RunConfig) -> float | None:
        resolved = resolve_defaults(config, train_rows=100, parameters=1, suggested_length=16)
        return resolved.head_learning_rate_factor

    assert (factor(RunConfig()), factor(RunConfig(head_init="probe"))) == (10.0, 2.0)
    assert factor(RunConfig(head_init="probe", head_learning_rate_factor=5.0)) == 5.0


@pytest.mark.parametrize("config", [{"head_init": "probe"}, {"method": "regression"}])
def test_a_task_without_a_probe_refuses_it_before_anything_is_queued(
    settings: Settings, data: Path, config: dict[str, Any]
) -> None:
    settings.apply()
    services = Services.create(settings)
    request = request_for(data, config={**config, "device": "cpu"})
    request = replace(request, task="fill_mask", columns={"text": "text"}, checkpoint="bundled")
    with pytest.raises(ProbeNotForTask):
        services.admission.start(request, services.owner(""))
    assert not services.registry.ids(services.owner(""))
