"""What fine-tuning changed: numbers that can be worked out by hand, and one layer that was moved on purpose."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from bertdemo.anatomy.compare import attention_difference, class_map, movement
from bertdemo.anatomy.geometry import flatten
from bertdemo.anatomy.layers import LayerTrace, look
from bertdemo.anatomy.tokens import trace
from bertdemo.checkpoints.loading import open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from tests.tiny import build_tiny_checkpoint

PARTS = ["embeddings", "layer.1", "layer.2", "layer.3", "pooler"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("compare") / "tiny", layers=3, head="classification")


@pytest.fixture
def base(folder: Path) -> Any:
    return open_model(folder, "BertForSequenceClassification", attention="eager").model


@pytest.fixture
def tuned(base: Any) -> Any:
    """The base with its second layer 10% larger and one number of its pooler's bias set to 2."""
    model = copy.deepcopy(base)
    with torch.no_grad():
        for parameter in model.bert.encoder.layer[1].parameters():
            parameter.mul_(1.1)
        model.bert.pooler.dense.bias[3] = 2.0
    return model


def seen(model: Any, folder: Path, text: str = "the cat sat on the mat", pair: str = "") -> LayerTrace:
    return look(model, trace(SharedTokenizer.from_folder(folder), text, pair))


def test_only_the_parts_that_moved_moved(base: Any, tuned: Any) -> None:
    moved = movement(base.bert, tuned.bert)
    assert [part for part, _ in moved] == PARTS
    found = dict(moved)
    size = torch.cat([one.detach().flatten() for one in base.bert.pooler.parameters()]).double().norm().item()
    assert found["layer.2"] == pytest.approx(0.1, abs=1e-5)
    assert found["pooler"] == pytest.approx(2.0 / size, rel=1e-5)
    assert found["embeddings"] == found["layer.1"] == found["layer.3"] == 0.0


def test_movement_is_measured_from_the_base(base: Any, tuned: Any) -> None:
    assert dict(movement(tuned.bert, base.bert))["layer.2"] == pytest.approx(0.1 / 1.1, abs=1e-5)
    assert movement(base, tuned) == movement(base.bert, tuned.bert)  # a head on top is looked through


def test_a_random_change_is_the_norm_over_all_parameters_of_a_part(base: Any) -> None:
    other = copy.deepcopy(base)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(torch.randn_like(parameter))
    before, after = (
        torch.cat([one.detach().flatten() for one in model.bert.embeddings.parameters()]).double()
        for model in (base, other)
    )
    expected = ((after - before).norm() / before.norm()).item()
    assert dict(movement(base.bert, other.bert))["embeddings"] == pytest.approx(expected, rel=1e-5)


def test_a_pooler_that_one_of_them_lacks_is_left_out(base: Any, folder: Path) -> None:
    bare = BertModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32)
    assert [part for part, _ in movement(bare, base)] == PARTS[:-1]
    assert [part for part, _ in movement(base, bare)] == PARTS[:-1]
    assert {value for _, value in movement(base, bare)} == {0.0}


@pytest.mark.parametrize("options", [{"num_hidden_layers": 2}, {"hidden_size": 16}, {"vocab_size": 9}])
def test_models_of_other_shapes_are_refused(base: Any, options: dict[str, int]) -> None:
    config = BertConfig(**{**base.config.to_dict(), **options})
    with pytest.raises(ValueError, match="different"):
        movement(base.bert, BertModel(config))


def test_the_map_is_fitted_on_both_together() -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.normal(size=(20, 8)).astype(np.float32) + shift for shift in (0, 3))
    labels = ["yes", "no"] * 10
    found = class_map(one, other, labels)
    together = flatten(np.concatenate([one, other]))
    assert (*found.base, *found.tuned) == together.points and found.explained == together.explained
    assert found.labels == tuple(labels) and len(found.base) == len(found.tuned) == 20
    # Two maps fitted one by one would both lie around (0, 0) and hide that all of it moved.
    assert abs(np.mean(found.base, axis=0)[0] - np.mean(found.tuned, axis=0)[0]) > 7


def test_vectors_that_did_not_change_fall_on_the_same_points() -> None:
    rows = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    found = class_map(rows, rows, list("abcde"))
    assert np.abs(np.array(found.base) - np.array(found.tuned)).max() < 1e-9


def test_a_map_without_texts_is_empty() -> None:
    nothing = np.zeros((0, 4), dtype=np.float32)
    assert class_map(nothing, nothing, []).base == ()


@pytest.mark.parametrize(("tuned_shape", "labels"), [((3, 4), 2), ((2, 4), 3), ((3, 5), 3)])
def test_a_map_of_things_that_do_not_match_is_refused(tuned_shape: tuple[int, int], labels: int) -> None:
    with pytest.raises(ValueError, match="each text"):
        class_map(np.zeros((3, 4), dtype=np.float32), np.zeros(tuned_shape, dtype=np.float32), ["x"] * labels)


def test_the_difference_of_attention_is_tuned_minus_base(base: Any, tuned: Any, folder: Path) -> None:
    before, after = seen(base, folder), seen(tuned, folder)
    difference = attention_difference(before, after, 2, 2)
    assert np.array_equal(difference, after.attentions[1, 1] - before.attentions[1, 1])
    assert np.abs(difference).max() > 0 and np.abs(difference.sum(-1)).max() <= 1e-5
    assert not attention_difference(before, after, 1, 1).any()  # the first layer did not move


def test_models_that_read_other_tokens_have_no_difference(base: Any, folder: Path) -> None:
    before = seen(base, folder)
    for text, pair in (("the dog sat on the mat", ""), ("the cat", "sat on the mat"), ("the cat sat", "")):
        with pytest.raises(ValueError, match="different tokens"):
            attention_difference(before, seen(base, folder, text, pair), 1, 1)
    tokens = (*before.trace.tokens[:-1], replace(before.trace.tokens[-1], segment=1))
    with pytest.raises(ValueError, match="different tokens"):
        attention_difference(before, replace(before, trace=replace(before.trace, tokens=tokens)), 1, 1)


@pytest.mark.parametrize(("layer", "head"), [(0, 1), (4, 1), (1, 0), (1, 3)])
def test_a_head_that_is_not_there_is_refused(base: Any, folder: Path, layer: int, head: int) -> None:
    found = seen(base, folder)
    with pytest.raises(ValueError, match="no such"):
        attention_difference(found, found, layer, head)
