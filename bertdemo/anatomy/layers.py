"""From a tokenized text to everything that the model computes, layer by layer (see `look`).

Every number comes from transformers' own forward pass in float32, eval mode, a batch of one, and attention in
`eager` mode (the faster kernels return no weights). `recompute_layer` computes one layer again from its weights, by
the formulas of Vaswani et al. (2017) and Devlin et al. (2019), so that a picture can tell how far it is from the model.

Shapes in the comments: n tokens, d the hidden size, H heads, L layers, d_k = d / H.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.anatomy import label_head
from bertdemo.anatomy.probabilities import probabilities
from bertdemo.anatomy.tokens import TokenTrace
from bertdemo.checkpoints.head_detection import Problem
from bertdemo.checkpoints.mean_pooling_head import masked_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from transformers import BertForSequenceClassification
    from transformers.models.bert.modeling_bert import BertLayer, BertModel

    Floats = NDArray[np.float32]

POOLINGS = ("cls", "pooler", "mean", "max")


@dataclass(frozen=True)
class Embeddings:
    """The three learned vectors of each token, (n, d) each, their sum, and the sum after LayerNorm."""

    word: Floats
    position: Floats
    segment: Floats
    total: Floats
    normed: Floats


@dataclass(frozen=True)
class LayerTrace:
    """Everything that one forward pass of one text computed."""

    trace: TokenTrace
    layers: int
    heads: int
    width: int
    inner: int
    """The intermediate size of the feed-forward block, usually four times the hidden size."""
    positions: int
    """Rows of the position embeddings: the longest sequence."""
    embeddings: Embeddings
    hidden: Floats
    """(L + 1, n, d): the embeddings after their LayerNorm, then each layer's output."""
    attentions: Floats
    """(L, H, n, n): row i has the weights of the query of token i over all keys; it sums to 1."""
    pooled: Mapping[str, Floats]
    """(d,) each for cls, mean and max, and for pooler where the checkpoint has one."""
    labels: tuple[str, ...]
    logits: tuple[float, ...]
    """One per label, from the model's head."""
    head_trained: bool
    """False where the head was initialized here at random, because the checkpoint has none."""
    checks: Mapping[str, float]
    """The largest absolute difference between a formula and the model, by name: embeddings, head."""
    head_reads: label_head.Kind = "pooler"
    """[CLS] through the pooler, or the mean over all tokens."""
    biases: tuple[float, ...] = ()
    """Of the head's last layer, one per label."""
    problem: Problem = "single_label_classification"
    """What the head was trained for, which decides what its logits become."""

    @property
    def head_width(self) -> int:
        """d_k: the size of one head's query, key and value."""
        return self.width // self.heads

    @property
    def has_pooler(self) -> bool:
        """Whether the checkpoint has a trained pooler."""
        return "pooler" in self.pooled

    @property
    def probabilities(self) -> tuple[float, ...]:
        """One per label: softmax of the logits, or the sigmoid of each; () for a regression."""
        return probabilities(self.logits, self.problem)

    @property
    def nbytes(self) -> int:
        """Memory held, approximately."""
        # five matrices of embeddings beside the two large tensors
        return int(self.hidden.nbytes + self.attentions.nbytes + 5 * self.embeddings.word.nbytes)


@dataclass(frozen=True)
class HeadTrace:
    """One head of one layer, both counted from 1: softmax(Q K^T / sqrt(d_k)) V."""

    layer: int
    head: int
    query: Floats
    """(n, d_k), as are key, value and context."""
    key: Floats
    value: Floats
    products: Floats
    """(n, n): dot products of queries and keys."""
    scores: Floats
    """(n, n): products / sqrt(d_k)."""
    weights: Floats
    """(n, n): the model's own attention."""
    context: Floats
    """(n, d_k): weights times V."""
    difference: float
    """Largest absolute difference between the recomputed weights and the model's."""
    layer_difference: float
    """The same for the output of the whole layer: value, output projection, LayerNorm, feed-forward."""


@dataclass(frozen=True)
class Recomputed:
    """One layer, recomputed for a batch of b texts of n tokens."""

    query: Tensor
    """(b, H, n, d_k), as are key, value and context."""
    key: Tensor
    value: Tensor
    products: Tensor
    """(b, H, n, n)."""
    scores: Tensor
    weights: Tensor
    context: Tensor
    output: Tensor
    """(b, n, d): the input of the next layer."""


@dataclass(frozen=True)
class Ablation:
    """What the model computes with the output of one head set to zero."""

    layer: int
    head: int
    hidden: Floats
    """(n, d) after the last layer."""
    pooled: Mapping[str, Floats]
    logits: tuple[float, ...]


def inputs_of(trace: TokenTrace) -> dict[str, Tensor]:
    """Return the three input tensors of BERT, (1, n) each."""
    import torch

    return {
        "input_ids": torch.tensor([[token.id for token in trace.tokens]]),
        "attention_mask": torch.tensor([[token.mask for token in trace.tokens]]),
        "token_type_ids": torch.tensor([[token.segment for token in trace.tokens]]),
    }


def look(model: BertForSequenceClassification, trace: TokenTrace, new_weights: Sequence[str] = ()) -> LayerTrace:
    """Run one text through the model and keep everything.

    `new_weights` names the tensors that are not from the checkpoint. Raises ValueError for a model that is not in eval
    mode or whose attention is not eager: the weights that it returned would not be those that it uses.
    """
    import torch

    _check(model)
    inputs = inputs_of(trace)
    bert: Any = model.bert
    with torch.inference_mode():
        out = bert(**inputs, output_attentions=True, output_hidden_states=True)
        logits = label_head.logits_of(model, out, inputs["attention_mask"])[0]  # (labels,)
        by_hand = label_head.by_hand(model, out.last_hidden_state, inputs["attention_mask"])[0]
        # sdpa attention returns an empty tuple instead of raising
        if len(out.attentions) != model.config.num_hidden_layers:
            raise ValueError("the model returned no attention weights")
        embeddings = _embeddings(bert, inputs)
        checks = {
            "embeddings": _max_difference(embeddings.normed, _floats(out.hidden_states[0][0])),
            "head": _max_difference(_floats(logits), _floats(by_hand)),
        }
        pooled = _pooled(out.last_hidden_state, inputs["attention_mask"], out.pooler_output)  # (d,) each
    if any("pooler" in name for name in new_weights):
        pooled.pop("pooler", None)
    return LayerTrace(
        trace=trace,
        layers=model.config.num_hidden_layers,
        heads=model.config.num_attention_heads,
        width=model.config.hidden_size,
        inner=model.config.intermediate_size,
        positions=model.config.max_position_embeddings,
        embeddings=embeddings,
        hidden=_floats(torch.stack(out.hidden_states)[:, 0]),  # (L + 1, n, d): + 1 for the embeddings
        attentions=_floats(torch.stack(out.attentions)[:, 0]),  # (L, H, n, n)
        pooled=pooled,
        labels=_labels(model),
        logits=tuple(logits.tolist()),
        head_trained=not any(name.startswith("classifier") for name in new_weights),
        checks=checks,
        head_reads=label_head.kind_of(model),
        biases=tuple(label_head.linear_of(model).bias.tolist()),
        problem=label_head.trained_for(model),
    )


def head_of(model: BertForSequenceClassification, traced: LayerTrace, layer: int, head: int) -> HeadTrace:
    """Return one head in full; `layer` is 1..L, `head` 1..H. The weights are the model's, the rest is recomputed.

    Raises ValueError for a layer or a head that the model does not have.
    """
    _check(model, layer, head)
    import torch

    with torch.inference_mode():
        hidden = torch.from_numpy(traced.hidden[layer - 1 : layer])  # (1, n, d): index 0 has the embeddings
        mask = inputs_of(traced.trace)["attention_mask"]
        encoder: Any = model.bert.encoder
        recomputed = recompute_layer(encoder.layer[layer - 1], hidden, mask)
    weights = traced.attentions[layer - 1, head - 1]  # (n, n)

    def of_head(tensor: Tensor) -> Floats:
        return _floats(tensor[0, head - 1])  # (b, H, n, ...) -> (n, ...)

    return HeadTrace(
        layer=layer,
        head=head,
        query=of_head(recomputed.query),
        key=of_head(recomputed.key),
        value=of_head(recomputed.value),
        products=of_head(recomputed.products),
        scores=of_head(recomputed.scores),
        weights=weights,
        context=of_head(recomputed.context),
        difference=_max_difference(weights, of_head(recomputed.weights)),
        layer_difference=_max_difference(traced.hidden[layer], _floats(recomputed.output[0])),
    )


def recompute_layer(layer: BertLayer, hidden: Tensor, mask: Tensor) -> Recomputed:
    """Recompute one layer of BERT from its weights: (b, n, d) in, (b, n, d) out.

    `mask` is (b, n), 1 for a token and 0 for padding. LayerNorm comes after the addition (post-LN), as in the 2018
    model; GPT-2 puts it before.
    """
    import torch

    attention: Any = layer.attention
    heads = attention.self.num_attention_heads
    d_k = hidden.shape[-1] // heads

    def split(tensor: Tensor) -> Tensor:
        return tensor.view(*tensor.shape[:2], heads, d_k).transpose(1, 2)  # (b, n, d) -> (b, H, n, d_k)

    query = split(attention.self.query(hidden))
    key = split(attention.self.key(hidden))
    value = split(attention.self.value(hidden))
    products = query @ key.transpose(-1, -2)  # (b, H, n, n)
    scores = products / math.sqrt(d_k)  # (b, H, n, n): else their variance would grow with d_k
    padding = mask[:, None, None, :] == 0  # (b, 1, 1, n): broadcast over heads and queries, padding is no key
    weights = scores.masked_fill(padding, torch.finfo(scores.dtype).min).softmax(-1)  # (b, H, n, n), rows sum to 1
    context = weights @ value  # (b, H, n, d_k)
    joined = context.transpose(1, 2).flatten(-2)  # (b, n, d): the heads concatenated
    attended = attention.output.LayerNorm(hidden + attention.output.dense(joined))  # (b, n, d)
    inner: Any = layer.intermediate
    output: Any = layer.output
    expanded = inner.intermediate_act_fn(inner.dense(attended))  # (b, n, intermediate): usually 4 d, GELU
    result = output.LayerNorm(attended + output.dense(expanded))  # (b, n, d)
    return Recomputed(query, key, value, products, scores, weights, context, result)


def without_head(model: BertForSequenceClassification, trace: TokenTrace, layer: int, head: int) -> Ablation:
    """Run the text again with one head ablated (its output is zero), then leave the model as it was.

    The caller keeps other threads off the model meanwhile: the hook would change their results. Raises ValueError as
    `look` and `head_of` do.
    """
    _check(model, layer, head)
    import torch

    inputs = inputs_of(trace)
    bert: Any = model.bert
    with _ablated(model, layer, head), torch.inference_mode():
        out = bert(**inputs)
        logits = label_head.logits_of(model, out, inputs["attention_mask"])[0]  # (labels,)
        pooled = _pooled(out.last_hidden_state, inputs["attention_mask"], out.pooler_output)
    return Ablation(layer, head, _floats(out.last_hidden_state[0]), pooled, tuple(logits.tolist()))


def rows_without(weights: Floats, hidden: Sequence[int]) -> Floats:
    """Return (n, n) weights without the columns `hidden`, each row rescaled to sum to 1; a row of zeros stays 0."""
    import numpy as np

    remaining = weights.copy()
    remaining[:, list(hidden)] = 0
    sums = remaining.sum(-1, keepdims=True)  # (n, 1)
    rescaled: Floats = np.divide(remaining, sums, out=np.zeros_like(remaining), where=sums > 0)
    return rescaled


def _check(model: BertForSequenceClassification, layer: int = 1, head: int = 1) -> None:
    config = model.config
    if model.training or config._attn_implementation != "eager":
        raise ValueError("inspection needs eval mode and eager attention")
    if not (1 <= layer <= config.num_hidden_layers and 1 <= head <= config.num_attention_heads):
        raise ValueError(f"no head {head} in layer {layer}")


@contextmanager
def _ablated(model: BertForSequenceClassification, layer: int, head: int) -> Iterator[None]:
    """Zero one head's slice of the input of the output projection; transformers 5 has no `head_mask` any more."""
    encoder: Any = model.bert.encoder
    d_k = model.config.hidden_size // model.config.num_attention_heads

    def zero(_: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        joined = arguments[0].clone()  # (b, n, d): the heads concatenated
        joined[..., (head - 1) * d_k : head * d_k] = 0
        return (joined, *arguments[1:])

    hook = encoder.layer[layer - 1].attention.output.dense.register_forward_pre_hook(zero)
    try:
        yield
    finally:
        hook.remove()


def _embeddings(bert: BertModel, inputs: Mapping[str, Tensor]) -> Embeddings:
    import torch

    table: Any = bert.embeddings
    ids = inputs["input_ids"][0]  # (n,)
    word = table.word_embeddings(ids)  # (n, d)
    position = table.position_embeddings(torch.arange(len(ids)))  # (n, d)
    segment = table.token_type_embeddings(inputs["token_type_ids"][0])  # (n, d)
    total = word + segment + position  # (n, d): added, not concatenated
    return Embeddings(*map(_floats, (word, position, segment, total, table.LayerNorm(total))))


def _pooled(hidden: Tensor, mask: Tensor, pooler: Tensor | None) -> dict[str, Floats]:
    """Pool (1, n, d) to (d,) in every way that the model has, without padding."""
    largest = hidden.masked_fill(mask[..., None] == 0, float("-inf")).max(1).values  # (1, d)
    vectors = {"cls": hidden[:, 0], "pooler": pooler, "mean": masked_mean(hidden, mask), "max": largest}
    return {name: _floats(vector[0]) for name, vector in vectors.items() if vector is not None}


def _labels(model: BertForSequenceClassification) -> tuple[str, ...]:
    names: Any = model.config.id2label
    return tuple(str(names[i]) for i in range(len(names)))


def _floats(tensor: Tensor) -> Floats:
    array: Floats = tensor.detach().float().contiguous().numpy()
    return array


def _max_difference(first: Floats, second: Floats) -> float:
    return float(abs(first - second).max())
