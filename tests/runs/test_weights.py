"""Which weights train and how: bfloat16 with float32 copies, frozen layers, LoRA, parts of a batch, label weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bertdemo.checkpoints import Catalogue
from bertdemo.checkpoints.loading import open_model
from bertdemo.errors import OptionNotForTask
from bertdemo.run_config import RunConfig
from bertdemo.runs import events as ev
from bertdemo.runs.request import resolve_defaults
from bertdemo.runs.worker.result import label_weights
from bertdemo.settings import Settings
from bertdemo.tasks import find
from bertdemo.tasks.base import HeadOptions
from tests.runs.conftest import Make, Work
from tests.runs.support import FakeLauncher, events_of, request_for, rows_of, write_csv

LABELS = ("no", "yes")


def resolved(**fields: Any) -> RunConfig:
    config = RunConfig(**{"device": "cpu", "epochs": 1, "batch_size": 8, "learning_rate": 1e-3, **fields})
    return resolve_defaults(config, train_rows=40, parameters=1, suggested_length=32, freezes_embeddings=True)


def two_layers() -> Any:
    """Return a small network in bfloat16, whose weights are exact in float32 too."""
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)).bfloat16()


def gradients(model: Any, seed: int) -> None:
    """Give every weight a random gradient."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        weight.grad = torch.randn(weight.shape, generator=generator).to(weight.dtype)


def test_bfloat16_weights_are_those_that_adamw_would_give_in_float32_rounded() -> None:
    import torch

    from bertdemo.runs.worker.optimization.optimizer import MasterAdamW

    model, reference = two_layers(), two_layers().float()
    optimizer = MasterAdamW([{"params": list(model.parameters()), "lr": 1e-4, "weight_decay": 0.01}])
    plain = torch.optim.AdamW(reference.parameters(), lr=1e-4, weight_decay=0.01)
    before = [weight.detach().clone() for weight in model.parameters()]
    for step in range(200):
        gradients(model, step)
        for weight, other in zip(model.parameters(), reference.parameters(), strict=True):
            other.grad = weight.grad.float()
        optimizer.step()
        plain.step()
        optimizer.zero_grad()
    for weight, other, old in zip(model.parameters(), reference.parameters(), before, strict=True):
        torch.testing.assert_close(weight, other.bfloat16(), rtol=0.01, atol=1e-5)
        assert not torch.equal(weight, old)


def test_an_optimizer_restored_from_its_state_goes_on_bit_for_bit() -> None:
    import torch

    from bertdemo.runs.worker.optimization.optimizer import MasterAdamW

    def trained(interrupted: bool) -> list[Any]:
        model = two_layers()
        options = {"lr": 1e-4, "weight_decay": 0.0}
        optimizer = MasterAdamW([{"params": list(model.parameters()), **options}])
        for step in range(6):
            if interrupted and step == 3:
                state = optimizer.state_dict()
                model = two_layers()
                optimizer = MasterAdamW([{"params": list(model.parameters()), **options}])
                optimizer.load_state_dict(state)
            gradients(model, step)
            optimizer.step()
        return [copy.detach() for _, copy in optimizer.pairs]

    assert all(torch.equal(one, other) for one, other in zip(trained(True), trained(False), strict=True))


def test_weights_turn_back_into_float32_with_what_rounding_had_hidden() -> None:
    import torch

    from bertdemo.runs.worker.optimization.optimizer import MasterAdamW, trained_tensors, widen

    model = two_layers()
    optimizer = MasterAdamW([{"params": list(model.parameters()), "lr": 1e-5}])
    gradients(model, 0)
    optimizer.step()
    kept = trained_tensors(model, optimizer)
    widen(model, optimizer)
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, kept[name])
        assert not torch.equal(tensor, tensor.bfloat16().float())


def trained_names(tiny: Path, task_id: str, **fields: Any) -> set[str]:
    """Return the parameters of a task's model that train with these settings."""
    from bertdemo.runs.worker.optimization.weights import trainable

    task = find(task_id)
    model = task.model(tiny, HeadOptions(LABELS, seed=0)).model
    trainable(model, task, resolved(**fields), "float32")
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.slow
def test_frozen_layers_are_the_lowest_ones_and_the_embeddings(tiny: Path) -> None:
    everything = trained_names(tiny, "classification", embeddings="train")
    embeddings = {name for name in everything if ".embeddings." in name}
    lowest = {name for name in everything if ".layer.0." in name}
    assert len(embeddings) == 5
    assert len(lowest) == 16
    assert trained_names(tiny, "classification") == everything - embeddings
    assert trained_names(tiny, "classification", frozen_layers=1) == everything - embeddings - lowest
    assert not {name for name in trained_names(tiny, "classification", frozen_layers=9) if ".layer." in name}


@pytest.mark.slow
def test_the_decoder_of_an_encoder_decoder_is_never_frozen(tiny: Path) -> None:
    everything = trained_names(tiny, "text_to_text", embeddings="train")
    frozen = everything - trained_names(tiny, "text_to_text", frozen_layers=2)
    assert frozen
    assert all(name.startswith("encoder.") for name in frozen)


@pytest.mark.slow
def test_each_layer_learns_at_a_share_of_the_rate_of_the_one_above(tiny: Path) -> None:
    from bertdemo.runs.worker.optimization.optimizer import parameter_groups

    task = find("classification")
    model: Any = task.model(tiny, HeadOptions(LABELS, seed=0)).model
    names = {id(weight): name for name, weight in model.named_parameters()}
    groups = parameter_groups(
        model, task, resolved(layer_decay=0.5), learning_rate=1.0, decayed=frozenset(names.values())
    )
    rates = {names[id(weight)]: group["lr"] for group in groups for weight in group["params"]}
    query = "bert.encoder.layer.{}.attention.self.query.weight"
    assert rates[query.format(1)] == groups[0]["lr"] == 1.0
    assert rates[query.format(0)] == 0.5
    assert rates["bert.embeddings.word_embeddings.weight"] == 0.25
    assert rates["classifier.weight"] == rates["bert.pooler.dense.weight"] == 10.0


@pytest.mark.slow
def test_lora_leaves_a_plain_bert_whose_attention_alone_has_moved(
    work: Work, data: Path, tiny: Path, own_settings: Settings
) -> None:
    folder = work(request_for(data, config={"lora_rank": 4, "learning_rate": 1e-2}))
    trained = open_model(Catalogue(own_settings).folder(folder.name, ""), "BertForSequenceClassification")
    assert (trained.new_weights, trained.unexpected) == ((), ())
    base: Any = open_model(tiny).model.state_dict()
    state = {name.removeprefix("bert."): tensor for name, tensor in trained.model.state_dict().items()}
    moved = {name for name, tensor in base.items() if not (state[name] == tensor).all()}
    layers = {
        f"encoder.layer.{layer}.attention.self.{matrix}.weight" for layer in (0, 1) for matrix in ("query", "value")
    }
    assert moved - {"pooler.dense.weight", "pooler.dense.bias"} == layers


@pytest.mark.slow
def test_frozen_weights_leave_a_training_in_bfloat16_as_they_came(
    work: Work, data: Path, tiny: Path, own_settings: Settings
) -> None:
    folder = work(request_for(data, config={"epochs": 1, "precision": "bfloat16", "frozen_layers": 1}))
    trained: Any = open_model(Catalogue(own_settings).folder(folder.name, ""), "BertForSequenceClassification").model
    base: Any = open_model(tiny).model.state_dict()
    frozen = {name for name in base if name.startswith(("embeddings.", "encoder.layer.0."))}
    state = {name.removeprefix("bert."): tensor for name, tensor in trained.state_dict().items()}
    assert all((state[name] == base[name]).all() for name in frozen)
    assert any((base[name] != base[name].bfloat16().float()).any() for name in frozen)
    assert any((state[name] != base[name]).any() for name in base if name.startswith("encoder.layer.1."))


@pytest.mark.slow
def test_a_batch_computed_in_parts_gives_the_same_steps(tiny: Path, work: Work, data: Path) -> None:
    runs = [work(request_for(data, config={"epochs": 1, "batch_size": 8, **more})) for more in (
        {}, {"accumulation": 3}, {"gradient_checkpointing": True})]  # fmt: skip
    steps = [[(event.step, event.steps) for event in events_of(folder, ev.Step)][-1] for folder in runs]
    assert steps[0] == steps[2] == (6, 6)
    assert steps[1] == (6, 6)  # parts of three rows: three parts are a batch of nine
    assert [events_of(folder, ev.Started)[0].steps for folder in runs] == [6, 6, 6]
    assert [resolved(accumulation=parts).steps_per_epoch(1000) for parts in (1, 3)] == [125, 112]


@pytest.mark.slow
def test_the_loss_of_parts_is_the_mean_of_the_batch(tiny: Path, tmp_path: Path) -> None:
    import torch

    from tests.runs.test_training import trainer_for

    losses = []
    for parts in (1, 4):
        trainer, dataset = trainer_for(tiny, tmp_path, accumulation=parts, dropout=0.0)
        trainer.current_gradient_accumulation_steps = parts
        rows = [dataset[at] for at in range(8)]
        for part in range(parts):
            batch = trainer.data_collator(rows[part * 8 // parts : (part + 1) * 8 // parts])
            trainer.training_step(trainer.model, batch)
        losses.append(trainer.model.classifier.weight.grad)
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-4, atol=1e-6)


def test_rare_labels_are_weighted_where_one_label_has_more_than_four_times_the_rows_of_another() -> None:
    for counts, expected in (((40, 10), "none"), ((41, 10), "balanced"), ((), "none")):
        config = resolve_defaults(RunConfig(), train_rows=50, parameters=1, suggested_length=32, label_counts=counts)
        assert config.class_weights == expected
    assert label_weights([0, 0, 0, 1], 2) == (4 / 6, 2.0)
    assert label_weights([0, 2, 2, 2], 3) == (2.0, 0.0, 4 / 6)


@pytest.mark.slow
def test_a_run_on_uneven_labels_says_that_it_weighs_them(work: Work, tmp_path: Path) -> None:
    rows = [*rows_of(60), *((text + " again", "no") for text, _ in rows_of(200))]
    folder = work(request_for(write_csv(tmp_path / "uneven.csv", rows), config={"epochs": 1}))
    assert events_of(folder, ev.Started)[0].config["class_weights"] == "balanced"


def test_label_weights_and_smoothing_change_the_loss_as_torch_defines_it() -> None:
    import torch

    from bertdemo.tasks.base import LossOptions

    task, logits, labels = find("classification"), torch.tensor([[2.0, 0.0], [0.5, 1.0]]), torch.tensor([0, 0])

    def model(**_: Any) -> dict[str, Any]:
        return {"logits": logits}

    options = LossOptions((1.0, 3.0), 0.1)
    loss, _ = task.loss(model, {"labels": labels}, options)
    weights = torch.tensor([1.0, 3.0])
    assert torch.equal(loss, torch.nn.functional.cross_entropy(logits, labels, weight=weights, label_smoothing=0.1))
    assert task.loss(model, {"labels": labels})[0] != loss


@pytest.mark.parametrize("field", ["class_weights", "label_smoothing"])
def test_a_setting_that_a_loss_does_not_read_is_refused_before_the_run_is_queued(
    make: Make, launcher: FakeLauncher, tmp_path: Path, field: str
) -> None:
    from dataclasses import replace

    value: Any = "balanced" if field == "class_weights" else 0.1
    data = write_csv(tmp_path / "texts.csv", rows_of(20))
    request = replace(
        request_for(data, config={field: value}), task="fill_mask", columns={"text": "text"}, checkpoint="bundled"
    )
    with pytest.raises(OptionNotForTask) as refused:
        make(launcher).admission.start(request, "")
    assert refused.value.values["field"] == field
