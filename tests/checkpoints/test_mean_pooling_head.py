"""A linear layer on the mean of a frozen encoder: the numbers of scikit-learn, one file, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertdemo import tasks
from bertdemo.analysis import baselines
from bertdemo.checkpoints import Catalogue, folder_checks
from bertdemo.checkpoints.loading import open_mean_linear, open_model, write
from bertdemo.checkpoints.mean_pooling_head import ARCHITECTURE, masked_mean, model_class, pooling_of
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.errors import CheckpointBroken
from bertdemo.run_config import Truncation
from bertdemo.tasks.forward import batches
from tests.hub_double.server import HubDouble
from tests.runs.support import rows_of, sharpened
from tests.tiny import build_tiny_checkpoint

LABELS = ("bad", "good", "so so")
LENGTH = 24


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sharpened(build_tiny_checkpoint(tmp_path_factory.mktemp("base") / "base"))


@pytest.fixture(scope="module", params=[("no", "yes"), LABELS], ids=["two", "three"])
def labels(request: pytest.FixtureRequest) -> tuple[str, ...]:
    found: tuple[str, ...] = request.param
    return found


@pytest.fixture(scope="module")
def kept(base: Path, labels: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A regression that was fitted and written, scikit-learn's own model of it, and the vectors it was fitted on."""
    from sklearn.linear_model import LogisticRegression

    rows = rows_of(45, labels)
    vectors = baselines.embed(base, SharedTokenizer.from_folder(base), [text for text, _ in rows], Truncation(LENGTH))
    linear = baselines.fit(vectors, [label for _, label in rows])
    reference = LogisticRegression(C=1.0, max_iter=1000).fit(vectors, [label for _, label in rows])
    folder = tmp_path_factory.mktemp("kept") / "kept"
    write(open_mean_linear(base, linear.labels, linear.weight, linear.bias).model, base, folder)
    return folder, reference, vectors


def logits_of(model: Any, folder: Path, texts: list[str]) -> Any:
    found = np.zeros((len(texts), model.config.num_labels), dtype=np.float32)
    with torch.inference_mode():
        for indices, inputs in batches(SharedTokenizer.from_folder(folder), texts, None, Truncation(LENGTH)):
            found[indices] = model(**inputs).logits.numpy()
    return found


def test_the_logits_of_the_file_are_the_decision_function_of_scikit_learn(
    kept: tuple[Path, Any, Any], labels: tuple[str, ...]
) -> None:
    folder, reference, vectors = kept
    opened = open_model(folder, "BertForSequenceClassification")
    assert (opened.new_weights, opened.unexpected) == ((), ())
    logits = logits_of(opened.model, folder, [text for text, _ in rows_of(45, labels)])
    wanted = reference.decision_function(vectors)
    if len(labels) == 2:
        np.testing.assert_allclose(logits[:, 1] - logits[:, 0], wanted, atol=1e-4)
    else:
        np.testing.assert_allclose(logits, wanted, atol=1e-4)
    probabilities = torch.tensor(logits).softmax(-1).numpy()
    np.testing.assert_allclose(probabilities, reference.predict_proba(vectors), atol=1e-4)
    assert np.ptp(probabilities[:, 0]) > 0.2  # else anything would agree


def test_encoder_and_layer_lie_in_one_file_under_names_of_their_own(
    kept: tuple[Path, Any, Any], base: Path, labels: tuple[str, ...]
) -> None:
    from safetensors.torch import load_file

    stored, before = load_file(kept[0] / "model.safetensors"), load_file(base / "model.safetensors")
    assert stored["linear.weight"].shape == (len(labels), 32) and stored["linear.bias"].shape == (len(labels),)
    encoder = {name: tensor for name, tensor in before.items() if "pooler" not in name}
    assert {name for name in stored if not name.startswith("linear.")} == {f"bert.{name}" for name in encoder}
    assert all(torch.equal(stored[f"bert.{name}"], tensor) for name, tensor in encoder.items())
    vetted = folder_checks.check_folder(kept[0])
    assert (vetted.architecture, vetted.weights.has_mean_head, vetted.weights.has_pooler) == (ARCHITECTURE, True, False)
    assert tuple(vetted.config["id2label"].values()) == labels


def test_the_mean_leaves_padding_out() -> None:
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [90.0, 90.0]]])
    assert masked_mean(hidden, torch.tensor([[1, 1, 0]])).tolist() == [[2.0, 4.0]]


def test_it_answers_as_transformers_models_do(kept: tuple[Path, Any, Any], labels: tuple[str, ...]) -> None:
    model: Any = open_model(kept[0], "BertForSequenceClassification", attention="eager").model
    assert pooling_of(model) == "mean" and isinstance(model, model_class())
    given = {"input_ids": torch.tensor([[2, 7, 9, 3]]), "labels": torch.tensor([1])}
    out = model(**given, output_attentions=True, output_hidden_states=True)
    assert (len(out.hidden_states), len(out.attentions)) == (3, 2)
    assert out.loss.item() == pytest.approx(-out.logits.log_softmax(-1)[0, 1].item(), abs=1e-6)
    masked = model(given["input_ids"], attention_mask=torch.ones(1, 4, dtype=torch.long)).logits
    assert torch.equal(masked, out.logits)  # without a mask every position counts
    assert model(**given).attentions is None


def test_the_encoder_alone_is_opened_from_it(kept: tuple[Path, Any, Any], base: Path) -> None:
    one, other = (open_model(folder).model for folder in (kept[0], base))
    ids = torch.tensor([[2, 7, 9, 3]])
    assert torch.equal(one(ids).last_hidden_state, other(ids).last_hidden_state)


def test_other_labels_take_the_encoder_and_a_new_head(kept: tuple[Path, Any, Any]) -> None:
    opened = open_model(kept[0], "BertForSequenceClassification", labels=("x", "y", "z", "w"), seed=1)
    assert type(opened.model).__name__ == "BertForSequenceClassification"
    assert set(opened.new_weights) == {
        "classifier.weight", "classifier.bias", "bert.pooler.dense.weight", "bert.pooler.dense.bias",
    }  # fmt: skip
    assert opened.unexpected == ("linear.bias", "linear.weight")


def test_plain_sequence_classification_does_not_load_the_head(kept: tuple[Path, Any, Any]) -> None:
    from transformers import BertForSequenceClassification

    _, info = BertForSequenceClassification.from_pretrained(kept[0], output_loading_info=True)
    assert "classifier.weight" in info["missing_keys"] and "linear.weight" in info["unexpected_keys"]


def changed(folder: Path, target: Path, *, config: dict[str, Any] | None = None, **tensors: Any) -> Path:
    """Copy a checkpoint with other config fields and tensors; None takes a tensor away."""
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, target)
    stored = {**load_file(folder / "model.safetensors"), **{name.replace("__", "."): t for name, t in tensors.items()}}
    save_file({name: t for name, t in stored.items() if t is not None}, target / "model.safetensors")
    raw = {**json.loads((folder / "config.json").read_text()), **(config or {})}
    (target / "config.json").write_text(json.dumps(raw))
    return target


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"architectures": ["BertForSequenceClassification"]}},
        {"config": {"architectures": None}},
        {"config": {"id2label": {"0": "only"}}},
        {"linear__weight": None},
        {"linear__bias": None, "linear__weight": None},
        {"linear__weight": torch.zeros(9, 32)},
        {"linear__bias": torch.zeros(9)},
        {"classifier__weight": torch.zeros(2, 32), "classifier__bias": torch.zeros(2)},
        {"linear__scale": torch.zeros(2)},
    ],
    ids=["another-class", "no-class", "one-label", "no-weight", "no-layer", "weight-shape", "bias-shape", "two-heads",
         "foreign-tensor"],
)  # fmt: skip
def test_a_file_that_does_not_fit_its_config_is_refused(
    kept: tuple[Path, Any, Any], tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(CheckpointBroken):
        open_model(changed(kept[0], tmp_path / "changed", **change), "BertForSequenceClassification")


def test_a_layer_that_does_not_fit_the_encoder_is_refused(base: Path) -> None:
    for weight, bias in ((np.zeros((2, 31)), np.zeros(2)), (np.zeros((3, 32)), np.zeros(3))):
        with pytest.raises(ValueError, match="one row of weights"):
            open_mean_linear(base, ("a", "b"), weight.astype(np.float32), bias.astype(np.float32))


def test_one_on_the_hub_is_known_before_and_after_it_is_fetched(
    catalogue: Catalogue, hub: HubDouble, kept: tuple[Path, Any, Any], labels: tuple[str, ...]
) -> None:
    hub.add("somebody/regression", kept[0])
    away = catalogue.describe("somebody/regression", "")
    catalogue.folder("somebody/regression", "")
    here = catalogue.describe("somebody/regression", "")
    assert (away.ready, here.ready) == (False, True)
    for info in (away, here):
        assert (info.mean_head, info.pooling, info.labels) == (True, "mean", labels)
        assert tasks.for_checkpoint(info) is tasks.find("classification")
