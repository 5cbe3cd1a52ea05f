"""One training step: the numbers of a plain script, and the model in use as it was, byte for byte."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from bertdemo.anatomy.layers import inputs_of
from bertdemo.anatomy.tokens import trace
from bertdemo.anatomy.training_step import TrainingStep, training_step
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.loading import open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from tests.tiny import build_tiny_checkpoint

BOUND = 1e-5
TEXT, PAIR = "the film was not good, it was great!", "i hate the book"


@pytest.fixture(scope="module", params=["bundled", "tiny", "tiny_with_sdpa"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    if request.param == "bundled":
        return bundled.verified(), "eager"
    where = tmp_path_factory.mktemp("step") / "tiny"
    build_tiny_checkpoint(where, layers=3, head="classification", labels=("bad", "so", "good"))
    return where, "eager" if request.param == "tiny" else "sdpa"


@pytest.fixture
def model(folder: tuple[Path, str]) -> Any:
    return open_model(folder[0], "BertForSequenceClassification", seed=0, attention=folder[1]).model


@pytest.fixture
def inputs(folder: tuple[Path, str]) -> dict[str, torch.Tensor]:
    return inputs_of(trace(SharedTokenizer.from_folder(folder[0]), TEXT, PAIR))


def fingerprint(model: Any) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted({**dict(model.named_parameters()), **dict(model.named_buffers())}.items()):
        digest.update(name.encode() + tensor.detach().contiguous().numpy().tobytes())
    return digest.hexdigest()


def flags(model: Any) -> list[object]:
    grads = [(one.requires_grad, one.grad is None) for one in model.parameters()]
    return [*grads, [module.training for module in model.modules()], model.config.to_dict()]


def by_script(folder: Path, inputs: dict[str, torch.Tensor], label: int, rate: float, decay: float) -> dict[str, Any]:
    """Transformers and torch alone; a head that is new is the same by the seed.

    Norms in float64: torch's own float32 norm of a large matrix is off by 2e-5 on a CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    before = model(**inputs).logits
    loss = torch.nn.functional.cross_entropy(before, torch.tensor([label]))
    loss.backward()
    grads: dict[str, list[torch.Tensor]] = {}
    for name, parameter in model.named_parameters():
        words = name.removeprefix("bert.").split(".")
        part = f"layer.{int(words[2]) + 1}" if words[0] == "encoder" else words[0]
        grads.setdefault(part, []).append(parameter.grad.double())  # type: ignore[union-attr]
    total = torch.nn.utils.get_total_norm([grad for part in grads.values() for grad in part]).item()
    torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay).step()
    after = model(**inputs).logits
    return {
        "before": before.softmax(-1)[0].tolist(),
        "loss": loss.item(),
        "norms": {part: torch.nn.utils.get_total_norm(each).item() for part, each in grads.items()},
        "total": total,
        "after": after.softmax(-1)[0].tolist(),
        "after_loss": torch.nn.functional.cross_entropy(after, torch.tensor([label])).item(),
    }


@pytest.mark.parametrize(("label", "rate", "decay"), [(0, 5e-5, 0.01), (1, 1e-3, 0.3)])
def test_a_step_gives_the_numbers_of_a_plain_script(
    folder: tuple[Path, str], model: Any, inputs: dict[str, torch.Tensor], label: int, rate: float, decay: float
) -> None:
    step = training_step(model, inputs, label, rate, decay)
    expected = by_script(folder[0], inputs, label, rate, decay)
    layers = [f"layer.{number}" for number in range(1, model.config.num_hidden_layers + 1)]
    assert [name for name, _ in step.gradient_norms] == ["embeddings", *layers, "pooler", "classifier"]
    assert dict(step.gradient_norms) == pytest.approx(expected["norms"], abs=BOUND, rel=0)
    assert step.total_norm == pytest.approx(expected["total"], abs=BOUND, rel=0)
    assert (step.loss, step.after_loss) == pytest.approx((expected["loss"], expected["after_loss"]), abs=BOUND, rel=0)
    assert step.probabilities == pytest.approx(expected["before"], abs=BOUND, rel=0)
    assert step.after_probabilities == pytest.approx(expected["after"], abs=BOUND, rel=0)
    assert (step.label, step.learning_rate, step.weight_decay) == (label, rate, decay)


def test_the_loss_is_minus_the_log_of_the_right_labels_probability(model: Any, inputs: dict[str, torch.Tensor]) -> None:
    step = training_step(model, inputs, 1, 1e-4)
    assert step.loss == pytest.approx(-math.log(step.probabilities[1]), abs=BOUND)
    assert step.after_loss == pytest.approx(-math.log(step.after_probabilities[1]), abs=BOUND)
    assert step.after_loss < step.loss and step.after_probabilities[1] > step.probabilities[1]
    assert step.total_norm == pytest.approx(math.sqrt(sum(norm**2 for _, norm in step.gradient_norms)))
    assert all(norm > 0 for _, norm in step.gradient_norms)


def test_the_model_in_use_is_not_changed(model: Any, inputs: dict[str, torch.Tensor]) -> None:
    frozen = model.bert.embeddings.word_embeddings.weight.requires_grad_(False)
    print_before, flags_before = fingerprint(model), flags(model)
    with torch.no_grad():
        says = model(**inputs).logits
    step = training_step(model, inputs, 0, 1e-2)
    assert step.after_probabilities != step.probabilities and frozen.grad is None
    assert fingerprint(model) == print_before and flags(model) == flags_before
    assert all(parameter.grad is None for parameter in model.parameters())
    with torch.no_grad():
        assert torch.equal(model(**inputs).logits, says)


def test_gradients_that_the_model_already_has_are_left_out_and_left_alone(
    model: Any, inputs: dict[str, torch.Tensor]
) -> None:
    expected = training_step(model, inputs, 0, 1e-4)
    model.classifier.weight.grad = torch.full_like(model.classifier.weight, 7.0)
    assert training_step(model, inputs, 0, 1e-4) == expected
    assert bool((model.classifier.weight.grad == 7.0).all())


def test_a_frozen_or_training_model_gives_the_same_step(model: Any, inputs: dict[str, torch.Tensor]) -> None:
    expected = training_step(model, inputs, 0, 1e-4)
    model.train().requires_grad_(False)
    assert training_step(model, inputs, 0, 1e-4) == expected
    assert model.training and not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad, nullcontext])
def test_the_callers_gradient_mode_does_not_matter(
    model: Any, inputs: dict[str, torch.Tensor], mode: Callable[[], Any]
) -> None:
    expected = training_step(model, inputs, 0, 1e-4)
    with mode():
        given = {name: tensor + 0 for name, tensor in inputs.items()}  # made in that mode, too
        grad, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        found: TrainingStep = training_step(model, given, 0, 1e-4)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == (grad, inference)
    assert found == expected


def small(**options: Any) -> Any:
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, **options
    )
    return BertForSequenceClassification(config).eval()


@pytest.mark.parametrize("options", [{"num_labels": 1}, {"num_labels": 3, "problem_type": "regression"}])
def test_a_head_that_does_not_choose_among_labels_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="chooses among labels"):
        training_step(small(**options), {"input_ids": torch.tensor([[1, 2]])}, 0, 1e-4)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("label", [0, 2])
def test_a_head_that_says_yes_or_no_to_each_label_takes_the_step_of_a_plain_script(label: int, count: int) -> None:
    label = min(label, count - 1)
    torch.manual_seed(5)
    model = small(num_labels=count, problem_type="multi_label_classification", initializer_range=0.5)
    plain = copy.deepcopy(model)
    given = {"input_ids": torch.tensor([[1, 2, 3]]), "attention_mask": torch.ones(1, 3, dtype=torch.long)}
    step = training_step(model, given, label, 1e-2)
    target = torch.zeros(1, count)
    target[0, label] = 1
    before = plain(**given).logits
    loss = torch.nn.functional.binary_cross_entropy_with_logits(before, target)
    loss.backward()
    parts = (plain.bert.embeddings, *plain.bert.encoder.layer, plain.bert.pooler, plain.classifier)
    norms = [sum(w.grad.double().square().sum() for w in part.parameters()).sqrt().item() for part in parts]
    torch.optim.AdamW(plain.parameters(), lr=1e-2, weight_decay=0.01).step()
    assert step.problem == "multi_label_classification"
    assert step.loss == pytest.approx(loss.item(), abs=BOUND)
    assert step.probabilities == pytest.approx(before.sigmoid()[0].tolist(), abs=BOUND)
    assert [norm for _, norm in step.gradient_norms] == pytest.approx(norms, abs=BOUND)
    assert step.after_probabilities == pytest.approx(plain(**given).logits.sigmoid()[0].tolist(), abs=BOUND)
    assert step.after_loss < step.loss


@pytest.mark.parametrize(("label", "ids"), [(-1, [[1]]), (2, [[1]]), (0, [[1], [2]])])
def test_another_label_or_two_texts_are_refused(label: int, ids: list[list[int]]) -> None:
    with pytest.raises(ValueError, match=r"no such label|one text"):
        training_step(small(num_labels=2), {"input_ids": torch.tensor(ids)}, label, 1e-4)
