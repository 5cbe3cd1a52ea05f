"""What is drawn is what the model computes: every layer done again by hand, every way of pooling, every switch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bertdemo.anatomy.layers import (
    POOLINGS,
    LayerTrace,
    head_of,
    inputs_of,
    look,
    recompute_layer,
    rows_without,
    without_head,
)
from bertdemo.anatomy.probabilities import softmax
from bertdemo.anatomy.tokens import TokenTrace, trace
from bertdemo.checkpoints import bundled
from bertdemo.checkpoints.loading import Opened, open_model
from bertdemo.checkpoints.tokenizers import SharedTokenizer
from bertdemo.serving import predictor
from tests.tiny import build_tiny_checkpoint

BOUND = 1e-5
SENTENCE = "The violin stayed in its case because it was embarrassingly out of tune."
TEXTS = (SENTENCE, "No.", "a good film, but the book was better than the movie: 9 of 10!")
PAIR = ("Is the bank open on sunday?", "It is open on the day after.")
SHAPES = {
    "wide": {"layers": 2, "width": 32, "heads": 2, "intermediate": 64},
    "many_heads": {"layers": 3, "width": 48, "heads": 12, "intermediate": 40},
    "one_head": {"layers": 4, "width": 24, "heads": 1, "intermediate": 96},
}
Case = tuple[Opened, SharedTokenizer]


def stirred(opened: Opened) -> Opened:
    """Larger weights, biases and LayerNorms than a new model has: there attention is flat and half the terms are 0."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in opened.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return opened


@pytest.fixture(scope="module", params=["bundled", *SHAPES])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    if request.param == "bundled":
        folder = bundled.verified()
        opened = open_model(folder, "BertForSequenceClassification", seed=0, attention="eager")
        return opened, SharedTokenizer.from_folder(folder)
    folder = tmp_path_factory.mktemp("shape") / request.param
    build_tiny_checkpoint(folder, head="classification", labels=("bad", "so", "good"), **SHAPES[request.param])
    opened = open_model(folder, "BertForSequenceClassification", seed=0, attention="eager")
    return stirred(opened), SharedTokenizer.from_folder(folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_checkpoint(tmp_path_factory.mktemp("layers") / "tiny", head="classification", seed=1)


def seen(case: Case, text: str, pair: str = "") -> LayerTrace:
    opened, tokenizer = case
    positions: int = opened.model.config.max_position_embeddings
    return look(opened.model, trace(tokenizer, text, pair, positions=positions), opened.new_weights)  # type: ignore[arg-type]


def batch(case: Case, rows: tuple[TokenTrace, ...]) -> dict[str, torch.Tensor]:
    """Several texts in one batch, the shorter ones padded."""
    longest = max(len(row.tokens) for row in rows)
    each = [inputs_of(row) for row in rows]
    return {
        name: torch.cat([torch.nn.functional.pad(one[name], (0, longest - one[name].shape[1])) for one in each])
        for name in each[0]
    }


def rows_of(case: Case) -> tuple[TokenTrace, ...]:
    return (*(trace(case[1], text) for text in TEXTS), trace(case[1], *PAIR))


def apart(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one) - np.asarray(other)).max())


@pytest.mark.parametrize(("text", "pair"), [(SENTENCE, ""), PAIR, ("", "")], ids=["text", "pair", "empty"])
def test_every_head_and_every_layer_can_be_recomputed_from_its_weights(case: Case, text: str, pair: str) -> None:
    found = seen(case, text, pair)
    for layer in range(1, found.layers + 1):
        for head in range(1, found.heads + 1):
            one = head_of(case[0].model, found, layer, head)  # type: ignore[arg-type]
            assert one.difference <= BOUND and one.layer_difference <= BOUND, (layer, head)
            by_hand = np.exp(one.query @ one.key.T / np.sqrt(found.head_width))
            by_hand /= by_hand.sum(-1, keepdims=True)
            assert apart(by_hand, one.weights) <= BOUND
            assert apart(one.weights @ one.value, one.context) <= BOUND
            assert apart(one.products / np.sqrt(found.width / found.heads), one.scores) <= BOUND


def test_every_layer_of_a_padded_batch_can_be_recomputed(case: Case) -> None:
    inputs = batch(case, rows_of(case))
    assert inputs["attention_mask"].min() == 0
    model: Any = case[0].model
    with torch.inference_mode():
        out = model.bert(**inputs, output_hidden_states=True, output_attentions=True)
        for index, layer in enumerate(model.bert.encoder.layer):
            again = recompute_layer(layer, out.hidden_states[index], inputs["attention_mask"])
            assert apart(again.weights, out.attentions[index]) <= BOUND, index
            assert apart(again.output, out.hidden_states[index + 1]) <= BOUND, index
            unmasked = recompute_layer(layer, out.hidden_states[index], torch.ones_like(inputs["attention_mask"]))
            assert apart(unmasked.weights, out.attentions[index]) > 1e-3  # the mask is part of what is checked


def test_what_is_seen_is_the_plain_forward_pass(case: Case) -> None:
    found = seen(case, *PAIR)
    model: Any = case[0].model
    with torch.inference_mode():
        out = model(**inputs_of(found.trace), output_hidden_states=True, output_attentions=True)
    assert found.logits == tuple(out.logits[0].tolist())
    assert apart(found.hidden, torch.cat(out.hidden_states)) == 0
    assert apart(found.attentions, torch.cat(out.attentions)) == 0
    assert found.hidden.shape == (found.layers + 1, len(found.trace.tokens), found.width)
    assert found.hidden.dtype == found.attentions.dtype == np.float32


@pytest.mark.parametrize(("text", "pair"), [(SENTENCE, ""), PAIR], ids=["text", "pair"])
def test_embeddings_are_three_vectors_added_and_then_normalized(case: Case, text: str, pair: str) -> None:
    found = seen(case, text, pair)
    parts = found.embeddings
    table: Any = case[0].model.bert.embeddings  # type: ignore[union-attr]
    by_hand = torch.from_numpy(parts.word + parts.position + parts.segment)
    with torch.inference_mode():
        normed = table.LayerNorm(by_hand)
    assert apart(normed, found.hidden[0]) <= BOUND and apart(parts.normed, found.hidden[0]) <= BOUND
    assert apart(parts.total, found.hidden[0]) > 1e-2  # before the LayerNorm it is something else
    ids = [token.id for token in found.trace.tokens]
    segments = [token.segment for token in found.trace.tokens]
    assert apart(parts.word, table.word_embeddings.weight.detach()[ids]) == 0
    assert apart(parts.position, table.position_embeddings.weight.detach()[: len(ids)]) == 0
    assert apart(parts.segment, table.token_type_embeddings.weight.detach()[segments]) == 0
    assert set(segments) == ({0, 1} if pair else {0})
    assert found.checks["embeddings"] <= BOUND


def test_the_head_reads_the_tanh_pooler_and_not_the_raw_cls(case: Case) -> None:
    found = seen(case, SENTENCE)
    model: Any = case[0].model
    first = torch.from_numpy(found.hidden[-1, :1])
    with torch.inference_mode():
        by_hand = model.classifier(torch.tanh(model.bert.pooler.dense(first)))[0]
        raw = model.classifier(first)[0]
    assert apart(by_hand, found.logits) <= BOUND and found.checks["head"] <= BOUND
    assert apart(raw, found.logits) > 1e-3
    assert apart(softmax(found.logits), torch.tensor(found.logits).softmax(-1)) <= BOUND
    assert abs(sum(found.probabilities) - 1) <= BOUND


@pytest.mark.parametrize("pooling", predictor.POOLINGS)
def test_a_padded_text_is_pooled_as_it_is_alone(case: Case, pooling: str) -> None:
    rows = rows_of(case)
    inputs = batch(case, rows)
    model: Any = case[0].model
    with torch.inference_mode():
        hidden = model.bert(**inputs).last_hidden_state
        together = predictor.pooled(hidden, inputs["attention_mask"], pooling)
        for index, row in enumerate(rows):
            one = inputs_of(row)
            alone = predictor.pooled(model.bert(**one).last_hidden_state, one["attention_mask"], pooling)
            assert apart(alone[0], together[index]) <= BOUND
            assert apart(look(model, row).pooled[pooling], together[index]) <= BOUND


def test_rows_of_attention_sum_to_one(case: Case) -> None:
    for text, pair in ((SENTENCE, ""), PAIR):
        assert apart(seen(case, text, pair).attentions.sum(-1), 1.0) <= BOUND


def test_rows_without_some_columns_share_out_one_again(case: Case) -> None:
    found = seen(case, *PAIR)
    hidden = [token.position for token in found.trace.tokens if token.special]
    weights = found.attentions[0, 0]
    before = weights.copy()
    kept = rows_without(weights, hidden)
    assert len(hidden) == 3 and not kept[:, hidden].any()
    assert apart(kept.sum(-1), 1.0) <= BOUND and np.array_equal(weights, before)
    left = [i for i in range(len(weights)) if i not in hidden]
    assert apart(kept[0, left] / kept[0, left[0]], weights[0, left] / weights[0, left[0]]) <= 1e-3  # same proportions
    assert apart(rows_without(weights, []), weights) <= BOUND


def test_a_row_with_nothing_left_stays_empty_without_a_warning() -> None:
    with np.errstate(all="raise"):
        kept = rows_without(np.array([[1.0, 0.0], [0.25, 0.75]], dtype=np.float32), [0])
    assert kept.tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_a_silenced_head_changes_the_output_and_leaves_no_trace(case: Case) -> None:
    model: Any = case[0].model
    before = seen(case, SENTENCE)
    for layer, head in ((1, 1), (before.layers, before.heads)):
        cut = without_head(model, before.trace, layer, head)
        assert (cut.layer, cut.head) == (layer, head)
        assert apart(cut.hidden, before.hidden[-1]) > 1e-3
        assert apart(cut.logits, before.logits) > 1e-6
    after = seen(case, SENTENCE)
    assert np.array_equal(after.hidden, before.hidden) and after.logits == before.logits
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_silencing_a_head_is_zeroing_its_columns_of_the_output_projection(case: Case) -> None:
    model: Any = case[0].model
    found = seen(case, *PAIR)
    layer, head, d_k = 2, found.heads, found.head_width
    by_hand = copy.deepcopy(model)
    with torch.inference_mode():
        by_hand.bert.encoder.layer[layer - 1].attention.output.dense.weight[:, (head - 1) * d_k : head * d_k] = 0
    expected = look(by_hand, found.trace)
    cut = without_head(model, found.trace, layer, head)
    assert apart(cut.hidden, expected.hidden[-1]) <= BOUND and apart(cut.logits, expected.logits) <= BOUND
    for pooling in POOLINGS:
        assert apart(cut.pooled[pooling], expected.pooled[pooling]) <= BOUND


def test_a_model_that_gives_no_weights_or_drops_some_is_refused(tiny: Path) -> None:
    row = trace(SharedTokenizer.from_folder(tiny), "a good film")
    fast: Any = open_model(tiny, "BertForSequenceClassification").model
    training: Any = open_model(tiny, "BertForSequenceClassification", attention="eager").model.train()
    for model in (fast, training):
        with pytest.raises(ValueError, match="eval mode and eager attention"):
            look(model, row)
    assert look(training.eval(), row).layers == 2


def test_a_trained_head_is_kept_and_named_trained(tiny: Path) -> None:
    opened = open_model(tiny, "BertForSequenceClassification", seed=0, attention="eager")
    found = seen((opened, SharedTokenizer.from_folder(tiny)), "a good film")
    assert opened.new_weights == () and found.head_trained and found.has_pooler
    assert found.labels == ("no", "yes") and set(found.pooled) == set(POOLINGS)


def test_a_new_head_is_named_untrained_and_is_the_same_each_time() -> None:
    folder = bundled.verified()
    first, second = (open_model(folder, "BertForSequenceClassification", seed=0, attention="eager") for _ in range(2))
    assert first.new_weights == ("classifier.bias", "classifier.weight")
    tokenizer = SharedTokenizer.from_folder(folder)
    one, other = (seen((opened, tokenizer), SENTENCE) for opened in (first, second))
    assert one.logits == other.logits and len(one.logits) == 2 and not one.head_trained and one.has_pooler


def test_a_pooler_that_the_checkpoint_lacks_is_not_shown(tmp_path: Path) -> None:
    folder = build_tiny_checkpoint(tmp_path / "mlm", head="mlm")
    opened = open_model(folder, "BertForSequenceClassification", seed=0, attention="eager")
    found = seen((opened, SharedTokenizer.from_folder(folder)), "a good film")
    assert {"bert.pooler.dense.bias", "bert.pooler.dense.weight"} <= set(opened.new_weights)
    assert not found.has_pooler and not found.head_trained and set(found.pooled) == {"cls", "mean", "max"}


def test_softmax_of_huge_and_of_no_logits() -> None:
    assert softmax([1000.0, 1000.0]) == (0.5, 0.5) and softmax([]) == ()
    assert softmax([-1e308, 0.0]) == (0.0, 1.0)


@pytest.mark.parametrize(("layer", "head"), [(0, 1), (1, 0), (3, 1), (1, 3)])
def test_a_layer_or_head_that_is_not_there_is_refused(tmp_path: Path, layer: int, head: int) -> None:
    folder = build_tiny_checkpoint(tmp_path / "tiny")
    opened = open_model(folder, "BertForSequenceClassification", seed=0, attention="eager")
    tokens = trace(SharedTokenizer.from_folder(tmp_path / "tiny"), "the cat")
    seen = look(opened.model, tokens, opened.new_weights)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no head"):
        head_of(opened.model, seen, layer, head)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no head"):
        without_head(opened.model, tokens, layer, head)  # type: ignore[arg-type]
