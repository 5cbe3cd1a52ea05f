"""Frozen layers run without dropout, and what leaves them is computed once where that gives the same result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bertdemo import samples, tasks
from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.loading import open_model
from bertdemo.run_config import RunConfig, Truncation
from bertdemo.runs import events as ev
from bertdemo.runs.registry import Registry
from bertdemo.runs.work import Work as Amount
from bertdemo.runs.work import token_units
from bertdemo.runs.worker.record import Record
from bertdemo.settings import Limits, Settings
from bertdemo.tables import table_files
from tests.runs.conftest import Work
from tests.runs.resuming import Resumed, killing, twelve_steps
from tests.runs.support import events_of, request_for
from tests.runs.test_every_task import SAMPLES, request_of

pytestmark = pytest.mark.slow

# A batch with other padding rounds differently, and an update of AdamW may turn a rounding into a share of its rate.
CLOSE = {"rtol": 1e-3, "atol": 2e-5}


def without_keeping(patch: pytest.MonkeyPatch) -> None:
    """Let nothing be small enough to be kept."""
    from bertdemo.runs.worker.optimization import frozen_layers

    patch.setattr(frozen_layers, "MOST_BYTES", 0)


def scores_of(folder: Path) -> list[tuple[float, Any]]:
    return [(event.loss, event.metrics) for event in events_of(folder, ev.Evaluated)]


def kept(folder: Path) -> bool:
    record = Record.read(folder)
    assert record is not None
    return record.kept_outputs


# One sequence per row, two of them, and an encoder below a decoder.
@pytest.mark.parametrize("task", ["classification", "similarity", "text_to_text"])
def test_a_run_with_kept_outputs_learns_what_it_learns_without_them(
    task: str, work: Work, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A few steps of a low rate: AdamW divides by the size of a gradient, so rounding grows where that is near zero.
    options = {"precision": "float32", "epochs": 2, "frozen_layers": 1, "learning_rate": 1e-4, "max_length": 128,
               "batch_size": 64}  # fmt: skip
    with_them = work(request_of(task, **options))
    without_keeping(monkeypatch)
    without = work(request_of(task, **options))
    assert (kept(with_them), kept(without)) == (True, False)
    for (loss, _), (expected, _) in zip(scores_of(with_them), scores_of(without), strict=True):
        assert loss == pytest.approx(expected, rel=1e-4)
    architecture = tasks.find(task).architecture
    models = [open_model(Catalogue(own_settings).folder(run.name, ""), architecture) for run in (with_them, without)]
    tensors: list[dict[str, Any]] = [opened.model.state_dict() for opened in models]
    moved = [name for name, tensor in tensors[0].items() if not tensor.allclose(tensors[1][name], **CLOSE)]
    assert moved == []


@pytest.mark.parametrize("task", ["classification", "similarity"])
def test_what_the_model_reads_is_the_same_in_any_batch(
    task: str, tiny: Path, own_settings: Settings, tmp_path: Path
) -> None:
    import torch

    from bertdemo.runs.worker.optimization.frozen_layers import FrozenLayers, kept_outputs

    found = tasks.find(task)
    model, parts, collator = opened(task, tiny, own_settings)
    frozen = FrozenLayers(found.encoder(model), 1)
    outputs = kept_outputs(found, model, settings(), parts, collator, lambda share: None, tmp_path)
    assert outputs is not None
    shares: list[float] = []
    outputs.progress = shares.append
    outputs.on_train_begin(_Arguments(), None, None)  # type: ignore[arg-type]
    assert shares[-1] == 1.0 and shares == sorted(shares)
    model.eval()
    for rows in ([0, 5, 3], [7], [2, 2]):
        plain = collator(parts["train"].__getitems__(rows))
        batch = outputs.collate(outputs.parts["train"].__getitems__(rows))
        with torch.no_grad():
            _, expected = found.loss(model, plain)
            with frozen.applied(batch) as read:
                assert read.keys() == plain.keys()
                _, answers = found.loss(model, read)
        assert answers["logits"].allclose(expected["logits"], atol=1e-5)
        # What the frozen layers would read no longer matters: it is the kept outputs that are read.
        batch["input_ids"] = torch.zeros_like(batch["input_ids"])
        with torch.no_grad(), frozen.applied(batch) as read:
            assert found.loss(model, read)[1]["logits"].equal(answers["logits"])
    with torch.no_grad():  # and the model is whole again
        assert found.loss(model, plain)[1]["logits"].equal(expected["logits"])


class _Arguments:
    fp16 = False

    def __init__(self) -> None:
        import torch

        self.device = torch.device("cpu")


def settings(**more: Any) -> RunConfig:
    return RunConfig(**{"frozen_layers": 1, "epochs": 2, "batch_size": 4, "method": "fine_tune", **more})


def opened(task: str, tiny: Path, own_settings: Settings) -> tuple[Any, dict[str, Any], Any]:
    """Return the tiny model of a task, its sample as training and validation rows, and what makes batches."""
    from bertdemo.tasks.base import EncodeOptions, HeadOptions, LabeledTable

    found, tokenizer = tasks.find(task), Catalogue(own_settings).tokenizer("local:tiny", None)
    path = samples.sample_path(SAMPLES[task])
    table = table_files.read(path, path.name, Limits())
    columns = found.columns(table)
    labels = found.labels(table, columns)
    source = LabeledTable(table, columns, labels)
    rows = [row for row, target in enumerate(found.targets(table, columns, labels)) if target is not None][:20]
    encoded = found.encode(source, rows, tokenizer, EncodeOptions(Truncation(32)))
    model: Any = found.model(tiny, HeadOptions(labels=labels, seed=0)).model
    return model, {"train": encoded, "validation": encoded}, found.collator(tokenizer, 0)


def test_frozen_layers_run_without_dropout_and_the_others_with_it(tiny: Path, own_settings: Settings) -> None:
    from bertdemo.runs.worker.optimization.frozen_layers import FrozenLayers

    model, _, _ = opened("classification", tiny, own_settings)
    model.train()
    with FrozenLayers(model.bert, 1).applied({}):
        pass
    training = {name for name, module in model.named_modules() if module.training and "dropout" in name}
    assert not [name for name in training if "embeddings" in name or "layer.0." in name]
    assert [name for name in training if "layer.1." in name] and "dropout" in training
    model.train()
    with FrozenLayers(model.bert, 0).applied({}):
        assert model.bert.embeddings.dropout.training


@pytest.mark.parametrize(
    "more",
    [{"epochs": 1}, {"lora_rank": 2}, {"frozen_layers": 0}, {"method": "contrastive"}],
    ids=lambda more: next(iter(more)),
)
def test_nothing_is_kept_where_nothing_is_gained(
    more: dict[str, Any], tiny: Path, own_settings: Settings, tmp_path: Path
) -> None:
    from bertdemo.runs.worker.optimization.frozen_layers import kept_outputs

    model, parts, collator = opened("classification", tiny, own_settings)
    assert (
        kept_outputs(
            tasks.find("classification"), model, settings(**more), parts, collator, lambda share: None, tmp_path
        )
        is None
    )


@pytest.mark.parametrize("task", ["fill_mask", "question_answering"])
def test_what_depends_on_the_epoch_or_the_batch_is_never_kept(task: str, work: Work) -> None:
    folder = work(request_of(task, epochs=2, frozen_layers=1, batch_size=128, max_length=128))
    assert not kept(folder) and events_of(folder, ev.Finished)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_with_kept_outputs_is_resumed_exactly(
    precision: str, work: Work, registry: Registry, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bertdemo.runs.worker import training
    from bertdemo.runs.worker.training_checkpoints import Saving

    monkeypatch.setattr(training, "STEP_EVENT_SECONDS", 0.0)
    killing(monkeypatch)
    runs = Resumed(registry, own_settings, monkeypatch)
    request = twelve_steps("classification", frozen_layers=1, precision=precision)
    expected = runs.outcome(runs.started(request))
    monkeypatch.setattr(Saving, "due", lambda self, step: step % 2 == 0)
    folder = runs.started(request, "step:8:kill")
    runs.again(folder)
    assert [event.resumed_from for event in events_of(folder, ev.Started)] == [0, 8]
    assert kept(folder) and runs.outcome(folder) == expected


def test_a_run_stops_while_outputs_are_computed(work: Work, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bertdemo.runs.worker import training

    def stopping(self: Any, share: float) -> None:
        raise training.Stopped

    monkeypatch.setattr(training.Reporter, "on_frozen_outputs", stopping)
    folder = work(request_for(data, config={"frozen_layers": 1}))
    assert [(event.step, event.evaluated) for event in events_of(folder, ev.Cancelled)] == [(0, False)]
    assert not events_of(folder, ev.Step)


@pytest.mark.parametrize(
    ("share", "is_kept", "expected"),
    [(0.0, False, (3.0, 1.0)), (0.5, False, (2.0, 1.0)), (0.5, True, (1.5, 0.5)), (1.0, True, (0.0, 0.0))],
)
def test_a_token_costs_less_where_layers_are_frozen(share: float, is_kept: bool, expected: tuple[float, float]) -> None:
    assert token_units(share, kept=is_kept) == expected
    training, evaluation = expected
    work = Amount(100, 2, 10, 10, 0, 55.0, training, evaluation)
    assert work.total == 2 * (100 * training + 10 * evaluation) + 10 + 55


def test_all_that_was_announced_is_done_at_the_end(work: Work, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bertdemo.runs.worker import job

    amounts: list[Amount] = []
    planned: Callable[[Any], Amount] = job.planned

    def noted(prepared: Any) -> Amount:
        amounts.append(planned(prepared))
        return amounts[-1]

    monkeypatch.setattr(job, "planned", noted)
    work(request_for(data, config={"frozen_layers": 1}))
    done = amounts[-1].done + amounts[-1].test_tokens  # the last evaluation is not one of Trainer
    assert done == pytest.approx(amounts[-1].total, rel=0.1)  # an epoch's padding is a forecast
