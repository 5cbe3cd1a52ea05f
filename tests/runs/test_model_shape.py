"""What of the checkpoint a run keeps: its lowest layers, its dropout, and what the head reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.loading import open_model
from bertdemo.errors import AllLayersFrozen, LayersBeyondModel, OptionNotForTask, ProbeReadsMean
from bertdemo.run_config import TASK_FIELDS, RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.request import resolve_defaults
from bertdemo.serving.predictor import Predictor
from bertdemo.settings import Settings
from bertdemo.tasks import TASKS, find
from bertdemo.tasks.base import HeadOptions
from tests.runs.conftest import Make, Work
from tests.runs.support import FakeLauncher, events_of, request_for, rows_of, write_csv
from tests.runs.test_every_task import request_of


@pytest.mark.slow
def test_the_lowest_layers_give_the_vectors_that_the_whole_model_has_after_them(tiny: Path) -> None:
    import torch

    whole: Any = open_model(tiny).model
    kept: Any = open_model(tiny, layers=1).model
    ids = torch.tensor([[2, 7, 8, 3]])
    expected = whole(ids, output_hidden_states=True).hidden_states[1]
    assert torch.equal(kept(ids).last_hidden_state, expected)
    assert (kept.config.num_hidden_layers, whole.config.num_hidden_layers) == (1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("task_id", sorted(TASKS))
def test_each_task_trains_with_the_layers_and_the_dropout_that_are_asked(tiny: Path, task_id: str) -> None:
    import torch

    task = find(task_id)
    model: Any = task.model(tiny, HeadOptions(("0", "1"), seed=0, layers=1, dropout=0.3)).model
    encoder = model.encoder if task_id == "text_to_text" else task.encoder(model)
    assert len(encoder.encoder.layer) == encoder.config.num_hidden_layers == 1
    rates = {module.p for module in encoder.modules() if isinstance(module, torch.nn.Dropout)}
    assert rates == {0.3}
    if task_id == "text_to_text":
        assert len(model.decoder.bert.encoder.layer) == 2


@pytest.mark.slow
def test_a_run_with_one_layer_and_the_mean_gives_a_smaller_model_and_its_own_step_0(
    work: Work, data: Path, own_settings: Settings, tiny: Path
) -> None:
    folder = work(request_for(data, config={"epochs": 1, "layers": 1, "pooling": "mean", "dropout": 0.0}))
    started = events_of(folder, ev.Started)[0].config
    assert (started["layers"], started["pooling"], started["dropout"]) == (1, "mean", 0.0)
    info = Catalogue(own_settings).describe(folder.name, "")
    assert (info.layers, info.pooling) == (1, "mean")
    answer = Predictor(own_settings, Catalogue(own_settings)).predict("a fine day", "", folder.name, "")
    assert answer.before is not None
    assert answer.before != answer.output


@pytest.mark.slow
def test_the_step_0_of_a_run_with_one_layer_is_that_of_one_layer(
    work: Work, data: Path, own_settings: Settings, tiny: Path
) -> None:
    import torch

    from bertdemo.checkpoints.loading import HEAD_FILE, restore_head

    folder = work(request_for(data, config={"epochs": 1, "layers": 1}))
    catalogue = Catalogue(own_settings)
    trained = catalogue.folder(folder.name, "")
    assert (trained / HEAD_FILE).exists()
    opened = open_model(tiny, "BertForSequenceClassification", labels=("no", "yes"), layers=1)
    restore_head(opened, trained)
    tokenizer = catalogue.tokenizer(folder.name, "")
    model: Any = opened.model
    logits = model(torch.tensor([tokenizer.encode("a fine day").ids])).logits
    answer = Predictor(own_settings, catalogue).predict("a fine day", "", folder.name, "")
    scores = {label.label: label.score for label in answer.before.labels}
    expected = logits.softmax(-1)[0].tolist()
    assert [scores["no"], scores["yes"]] == pytest.approx(expected, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["regression", "contrastive"])
def test_a_probe_and_the_few_shot_recipe_read_the_layers_that_are_kept(
    work: Work, data: Path, own_settings: Settings, method: str
) -> None:
    folder = work(request_for(data, config={"layers": 1, "method": method}))
    assert Catalogue(own_settings).describe(folder.name, "").layers == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"layers": 40}, LayersBeyondModel),
        ({"head_init": "probe", "pooling": "pooler"}, ProbeReadsMean),
    ],
)
def test_what_does_not_fit_is_refused_before_the_run_is_queued(
    make: Make, launcher: FakeLauncher, data: Path, fields: dict[str, Any], error: type[Exception]
) -> None:
    request = replace(request_for(data, config=fields), checkpoint="bundled")
    with pytest.raises(error):
        make(launcher).admission.start(request, "")


@pytest.mark.parametrize("task", TASKS)
def test_all_layers_may_be_frozen_only_where_a_head_is_left_to_train(
    make: Make, launcher: FakeLauncher, task: str
) -> None:
    admission = make(launcher).admission
    for fields in ({"frozen_layers": 6}, {"layers": 2, "frozen_layers": 3}):
        request = replace(request_of(task, **fields), checkpoint="bundled")
        if find(task).adds_head:
            assert admission.start(request, "")
            continue
        with pytest.raises(AllLayersFrozen) as refused:
            admission.start(request, "")
        assert refused.value.values["most"] == fields.get("layers", 6) - 1
    assert admission.start(replace(request_of(task, frozen_layers=5), checkpoint="bundled"), "")


def test_a_pooling_is_refused_where_the_head_reads_every_token(
    make: Make, launcher: FakeLauncher, tmp_path: Path
) -> None:
    data = write_csv(tmp_path / "texts.csv", rows_of(20))
    request = replace(
        request_for(data, config={"pooling": "mean"}), task="fill_mask", columns={"text": "text"}, checkpoint="bundled"
    )
    with pytest.raises(OptionNotForTask) as refused:
        make(launcher).admission.start(request, "")
    assert refused.value.values["field"] == "pooling"


def test_a_probe_as_the_head_reads_the_mean_and_a_random_head_the_pooler() -> None:
    def pooling(**fields: Any) -> str:
        config = RunConfig(method="fine_tune", **fields)
        return resolve_defaults(config, train_rows=99, parameters=1, suggested_length=9, can_probe=True).pooling

    assert (pooling(), pooling(head_init="probe"), pooling(pooling="mean")) == ("pooler", "mean", "mean")


def test_every_task_names_fields_that_only_some_tasks_read() -> None:
    assert all(task.options <= set(TASK_FIELDS) for task in TASKS.values())
    assert set().union(*(task.options for task in TASKS.values())) == set(TASK_FIELDS)
