"""A head that reads the mean: what is seen of it, one training step on it, and the code that gives the same numbers."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertdemo.anatomy import geometry
from bertdemo.anatomy.compare import movement
from bertdemo.anatomy.layers import LayerTrace, inputs_of, look, without_head
from bertdemo.anatomy.snippets import snippet
from bertdemo.anatomy.training_step import training_step
from bertdemo.checkpoints.loading import open_model
from tests.anatomy.test_snippets import BOUND, HOSTILE, SECOND, TEXTS, apart, read, run, shape, stirred
from tests.tiny import build_tiny_checkpoint, keep_mean_head

LABELS = ("bad", "so", "good")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stirred(build_tiny_checkpoint(tmp_path_factory.mktemp("mean") / "base", layers=3))


@pytest.fixture(scope="module")
def folder(base: Path) -> Path:
    return keep_mean_head(base, base.parent / "it's a mean", LABELS)


def opened(folder: Path) -> Any:
    return open_model(folder, "BertForSequenceClassification", attention="eager").model


def seen(folder: Path, text: str, pair: str = "") -> LayerTrace:
    return look(opened(folder), read(folder, text, pair))


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_the_logits_are_the_linear_layer_on_the_mean(folder: Path, texts: tuple[str, str]) -> None:
    from safetensors.numpy import load_file

    found, stored = seen(folder, *texts), load_file(folder / "model.safetensors")
    assert (found.head_reads, found.labels, found.head_trained) == ("mean", LABELS, True)
    assert set(found.pooled) == {"cls", "mean", "max"} and not found.has_pooler
    assert apart(found.pooled["mean"], found.hidden[-1].mean(0)) <= BOUND
    expected = stored["linear.weight"] @ found.hidden[-1].mean(0) + stored["linear.bias"]
    assert apart(found.logits, expected) <= BOUND
    assert apart(found.biases, stored["linear.bias"]) == 0
    with torch.inference_mode():
        whole = opened(folder)(**inputs_of(found.trace)).logits[0].numpy()
    assert apart(found.logits, whole) <= BOUND
    assert found.checks["head"] <= BOUND and np.ptp(found.logits) > 0.1


def test_the_formula_is_held_against_the_model_and_sees_a_difference(folder: Path) -> None:
    model = opened(folder)
    model.linear.register_forward_hook(lambda module, given, out: out + 0.5)
    found = look(model, read(folder, *TEXTS["one"]))
    assert found.checks["head"] == pytest.approx(0.5, abs=1e-4)


def test_a_head_of_attention_can_be_silenced(folder: Path) -> None:
    found, model = seen(folder, *TEXTS["one"]), opened(folder)
    off = without_head(model, found.trace, 2, 1)
    assert set(off.pooled) == set(found.pooled) and apart(off.logits, found.logits) > 1e-3
    assert apart(look(model, found.trace).logits, found.logits) == 0


def test_the_encoder_has_not_moved(folder: Path, base: Path) -> None:
    before = open_model(base, "BertForSequenceClassification", labels=LABELS, seed=0).model
    assert movement(before, opened(folder)) == tuple(  # type: ignore[arg-type]
        (part, 0.0) for part in ("embeddings", "layer.1", "layer.2", "layer.3")
    )


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_the_code_of_the_head_gives_the_numbers_of_the_app(folder: Path, texts: tuple[str, str]) -> None:
    found, expected = run(snippet("head", repr(str(folder)), *texts, mean=True)), seen(folder, *texts)
    assert apart(found["logits"], expected.logits) <= BOUND
    assert apart(found["probabilities"], expected.probabilities) <= BOUND
    assert apart(found["mean"].detach(), expected.pooled["mean"]) <= BOUND
    assert found["label"] == expected.labels[int(np.argmax(expected.logits))]


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize(("label", "rate"), [(0, 5e-5), (2, 1e-3)])
def test_the_code_of_a_training_step_gives_the_numbers_of_the_app(
    folder: Path, texts: tuple[str, str], label: int, rate: float
) -> None:
    code = snippet("training_step", repr(str(folder)), *texts, label=label, learning_rate=rate, mean=True)
    found, model = run(code), opened(folder)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    step = training_step(model, inputs_of(read(folder, *texts)), label, rate)
    assert [part for part, _ in step.gradient_norms] == ["embeddings", "layer.1", "layer.2", "layer.3", "linear"]
    assert all(norm > 0 for _, norm in step.gradient_norms)  # the encoder gets a gradient too
    assert step.total_norm == pytest.approx(math.hypot(*(norm for _, norm in step.gradient_norms)))
    assert step.loss == pytest.approx(-math.log(step.probabilities[label]), abs=BOUND)
    assert step.after_loss < step.loss
    assert abs(found["loss"].item() - step.loss) <= BOUND
    np.testing.assert_allclose(found["norms"], [norm for _, norm in step.gradient_norms], rtol=1e-4, atol=BOUND)
    assert apart(found["logits"]().softmax(-1).detach(), step.after_probabilities) <= BOUND
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize("step", ["tokens", "specials", "embeddings", "attention", "layers", "pooling", "before_after"])
def test_the_code_of_the_other_steps_opens_it_too(folder: Path, base: Path, step: str) -> None:
    found = run(snippet(step, repr(str(folder)), *TEXTS["one"], second=SECOND, base=repr(str(base)), mean=True))
    if step == "before_after":
        assert found["moved"] == [0.0] * 4
    if step == "pooling":
        one, two = (seen(folder, *texts).pooled["mean"] for texts in (TEXTS["one"], (SECOND, "")))
        assert found["cosines"]["mean"] == pytest.approx(geometry.cosine(one, two), abs=BOUND)


@pytest.mark.parametrize("step", ["head", "training_step"])
def test_the_code_is_short_and_keeps_hostile_text_a_string(step: str) -> None:
    harmless = snippet(step, "'x'", "T", "T", mean=True)
    lines = [line for line in harmless.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
    assert 5 <= len(lines) <= 10 and lines[-1].startswith("print(")
    assert "BertForSequenceClassification(" not in harmless
    for hostile in HOSTILE:
        code = snippet(step, "'x'", hostile, hostile, mean=True)
        assert shape(code) == shape(harmless) and len(code.splitlines()) == len(harmless.splitlines())
        shown = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
        assert hostile.replace("\ud800", "�") in shown
