"""From a tokenized text to what the model computes with it, layer by layer (see `look`).

Every number comes from transformers' own forward pass in float32, eval mode, a batch of one, and attention in
`eager` mode (the faster kernels give no weights). `recompute_layer` does one layer again from its weights, by the
formulas of Vaswani et al. (2017) and Devlin et al. (2019), so that a picture can say how far it is from the model.

Shapes in the comments: n positions, d the model's width, H heads, L layers, d_k = d / H.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.anatomy import label_head
from bertdemo.anatomy.probabilities import chances
from bertdemo.anatomy.tokens import TokenTrace
from bertdemo.checkpoints.head_detection import Problem

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
    """The three learned vectors of each position, (n, d) each, what they add up to, and that after LayerNorm."""

    word: Floats
    position: Floats
    segment: Floats
    total: Floats
    normed: Floats


@dataclass(frozen=True)
class LayerTrace:
    """Everything that one forward pass of one text left behind."""

    trace: TokenTrace
    layers: int
    heads: int
    width: int
    inner: int
    """Width of the feed-forward step, four times the model's as a rule."""
    positions: int
    """Rows of the table of positions: there is nothing for a longer sequence."""
    embeddings: Embeddings
    hidden: Floats
    """(L + 1, n, d): the embeddings after their LayerNorm, then each layer's output."""
    attentions: Floats
    """(L, H, n, n): row i is how position i shares out its attention; it sums to 1."""
    pooled: Mapping[str, Floats]
    """(d,) each for cls, mean, max, and pooler where the checkpoint has one."""
    labels: tuple[str, ...]
    logits: tuple[float, ...]
    """One a label, from the model's head."""
    head_trained: bool
    """False where the head was made here at random, because the checkpoint has none."""
    checks: Mapping[str, float]
    """Name to the largest absolute difference between a formula and the model: embeddings, head."""
    head_reads: label_head.Kind = "pooler"
    """[CLS] through the pooler, or the mean of all pieces."""
    biases: tuple[float, ...] = ()
    """Of the head's last layer, one a label."""
    problem: Problem = "single_label_classification"
    """What the head was trained for, and so what its logits become."""

    @property
    def head_width(self) -> int:
        """d_k: numbers in one head's query, key and value."""
        return self.width // self.heads

    @property
    def has_pooler(self) -> bool:
        """Whether the checkpoint brought a trained pooler."""
        return "pooler" in self.pooled

    @property
    def probabilities(self) -> tuple[float, ...]:
        """One a label: softmax of the logits, or the sigmoid of each; none for a regression."""
        return chances(self.logits, self.problem)

    @property
    def nbytes(self) -> int:
        """Memory held, roughly."""
        return int(self.hidden.nbytes + self.attentions.nbytes + 5 * self.embeddings.word.nbytes)


@dataclass(frozen=True)
class HeadTrace:
    """One head of one layer, numbers from 1 as people count: softmax(Q K^T / sqrt(d_k)) V."""

    layer: int
    head: int
    query: Floats
    """(n, d_k), as are key, value and context."""
    key: Floats
    value: Floats
    products: Floats
    """(n, n): q . k."""
    scores: Floats
    """(n, n): products / sqrt(d_k)."""
    weights: Floats
    """(n, n): the model's own attention."""
    context: Floats
    """(n, d_k): weights times V."""
    difference: float
    """Largest difference of the recomputed weights from the model's."""
    layer_difference: float
    """The same for the whole layer: V, output, LayerNorm, feed-forward."""


@dataclass(frozen=True)
class Recomputed:
    """One layer done by hand for a batch; b texts of n positions."""

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
    """(b, n, d): what the next layer reads."""


@dataclass(frozen=True)
class Ablation:
    """What the model says with one head's contribution set to zero."""

    layer: int
    head: int
    hidden: Floats
    """(n, d) after the last layer."""
    pooled: Mapping[str, Floats]
    logits: tuple[float, ...]


def inputs_of(trace: TokenTrace) -> dict[str, Tensor]:
    """Return the three tensors that BERT reads, (1, n) each."""
    import torch

    return {
        "input_ids": torch.tensor([[token.id for token in trace.tokens]]),
        "attention_mask": torch.tensor([[token.mask for token in trace.tokens]]),
        "token_type_ids": torch.tensor([[token.segment for token in trace.tokens]]),
    }


def look(model: BertForSequenceClassification, trace: TokenTrace, new_weights: Sequence[str] = ()) -> LayerTrace:
    """Run one text through the model and keep everything.

    `new_weights` names the tensors that the checkpoint did not bring. Raises ValueError for a model that is not
    in eval mode or whose attention is not eager: what it returned would not be what it uses.
    """
    import torch

    _check(model)
    inputs = inputs_of(trace)
    bert: Any = model.bert
    with torch.inference_mode():
        out = bert(**inputs, output_attentions=True, output_hidden_states=True)
        logits = label_head.logits_of(model, out, inputs["attention_mask"])[0]  # (labels,)
        by_hand = label_head.by_hand(model, out.last_hidden_state, inputs["attention_mask"])[0]
        if len(out.attentions) != model.config.num_hidden_layers:
            raise ValueError("the model returned no attention weights")
        embeddings = _embeddings(bert, inputs)
        checks = {
            "embeddings": _apart(embeddings.normed, _floats(out.hidden_states[0][0])),
            "head": _apart(_floats(logits), _floats(by_hand)),
        }
        pooled = _pooled(out.last_hidden_state, inputs["attention_mask"], out.pooler_output)
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
        hidden=_floats(torch.stack(out.hidden_states)[:, 0]),
        attentions=_floats(torch.stack(out.attentions)[:, 0]),
        pooled=pooled,
        labels=_labels(model),
        logits=tuple(logits.tolist()),
        head_trained=not any(name.startswith("classifier") for name in new_weights),
        checks=checks,
        head_reads=label_head.kind_of(model),
        biases=tuple(label_head.linear_of(model).bias.tolist()),
        problem=label_head.trained_for(model),
    )


def head_of(model: BertForSequenceClassification, seen: LayerTrace, layer: int, head: int) -> HeadTrace:
    """Return one head in full; `layer` is 1..L, `head` 1..H. The weights are the model's, the rest is recomputed.

    Raises ValueError for numbers that the model does not have.
    """
    _check(model, layer, head)
    import torch

    with torch.inference_mode():
        hidden = torch.from_numpy(seen.hidden[layer - 1 : layer])  # (1, n, d)
        mask = inputs_of(seen.trace)["attention_mask"]
        encoder: Any = model.bert.encoder
        again = recompute_layer(encoder.layer[layer - 1], hidden, mask)
    weights = seen.attentions[layer - 1, head - 1]
    each = {
        name: _floats(getattr(again, name)[0, head - 1]) for name in ("query", "key", "value", "products", "scores")
    }
    return HeadTrace(
        layer=layer,
        head=head,
        **each,
        weights=weights,
        context=_floats(again.context[0, head - 1]),
        difference=_apart(weights, _floats(again.weights[0, head - 1])),
        layer_difference=_apart(seen.hidden[layer], _floats(again.output[0])),
    )


def recompute_layer(layer: BertLayer, hidden: Tensor, mask: Tensor) -> Recomputed:
    """Do one layer of BERT by hand: (b, n, d) in, (b, n, d) out.

    `mask` is (b, n), 1 for a piece and 0 for padding. LayerNorm comes after the addition (post-LN), as in the
    2018 model; GPT puts it before.
    """
    import torch

    attention: Any = layer.attention
    width = hidden.shape[-1]
    heads = attention.self.num_attention_heads
    d_k = width // heads

    def split(tensor: Tensor) -> Tensor:
        return tensor.view(*tensor.shape[:2], heads, d_k).transpose(1, 2)  # (b, n, d) -> (b, H, n, d_k)

    query = split(attention.self.query(hidden))
    key = split(attention.self.key(hidden))
    value = split(attention.self.value(hidden))
    products = query @ key.transpose(-1, -2)  # (b, H, n, n)
    scores = products / math.sqrt(d_k)
    hidden_from_all = mask[:, None, None, :] == 0  # (b, 1, 1, n): padding is a key for nobody
    weights = scores.masked_fill(hidden_from_all, torch.finfo(scores.dtype).min).softmax(-1)  # rows sum to 1
    context = weights @ value  # (b, H, n, d_k)
    joined = context.transpose(1, 2).flatten(-2)  # (b, n, d): the heads side by side
    attended = attention.output.LayerNorm(hidden + attention.output.dense(joined))  # (b, n, d)
    inner: Any = layer.intermediate
    output: Any = layer.output
    widened = inner.intermediate_act_fn(inner.dense(attended))  # (b, n, 4 d as a rule); GELU as a rule
    result = output.LayerNorm(attended + output.dense(widened))  # (b, n, d)
    return Recomputed(query, key, value, products, scores, weights, context, result)


def without_head(model: BertForSequenceClassification, trace: TokenTrace, layer: int, head: int) -> Ablation:
    """Run the text again with one head silenced, then leave the model as it was.

    The caller keeps other threads off the model meanwhile: the hook is seen by all of them. Raises ValueError as
    `look` and `head_of` do.
    """
    _check(model, layer, head)
    import torch

    inputs = inputs_of(trace)
    bert: Any = model.bert
    with _silenced(model, layer, head), torch.inference_mode():
        out = bert(**inputs)
        logits = label_head.logits_of(model, out, inputs["attention_mask"])[0]
        pooled = _pooled(out.last_hidden_state, inputs["attention_mask"], out.pooler_output)
    return Ablation(layer, head, _floats(out.last_hidden_state[0]), pooled, tuple(logits.tolist()))


def rows_without(weights: Floats, hidden: Sequence[int]) -> Floats:
    """Return (n, n) weights with some columns left out and each row sharing out 1 again over the rest.

    A row that had nothing left stays 0.
    """
    import numpy as np

    kept = weights.copy()
    kept[:, list(hidden)] = 0
    sums = kept.sum(-1, keepdims=True)
    shared: Floats = np.divide(kept, sums, out=np.zeros_like(kept), where=sums > 0)
    return shared


def _check(model: BertForSequenceClassification, layer: int = 1, head: int = 1) -> None:
    config = model.config
    if model.training or config._attn_implementation != "eager":
        raise ValueError("inspection needs eval mode and eager attention")
    if not (1 <= layer <= config.num_hidden_layers and 1 <= head <= config.num_attention_heads):
        raise ValueError(f"no head {head} in layer {layer}")


@contextmanager
def _silenced(model: BertForSequenceClassification, layer: int, head: int) -> Iterator[None]:
    """Zero one head's slice of what goes into the output projection; `head_mask` is gone from transformers."""
    encoder: Any = model.bert.encoder
    d_k = model.config.hidden_size // model.config.num_attention_heads

    def zero(_: Any, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        joined = given[0].clone()
        joined[..., (head - 1) * d_k : head * d_k] = 0
        return (joined, *given[1:])

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
    total = word + segment + position  # added, not set side by side: the width stays d
    return Embeddings(*map(_floats, (word, position, segment, total, table.LayerNorm(total))))


def _pooled(hidden: Tensor, mask: Tensor, pooler: Tensor | None) -> dict[str, Floats]:
    """Pool (1, n, d) in every way that the model has, padding left out."""
    wide = mask[..., None].to(hidden.dtype)  # (1, n, 1)
    mean = (hidden * wide).sum(1) / wide.sum(1)
    largest = hidden.masked_fill(wide == 0, float("-inf")).max(1).values
    found = {"cls": hidden[:, 0], "pooler": pooler, "mean": mean, "max": largest}
    return {name: _floats(vector[0]) for name, vector in found.items() if vector is not None}


def _labels(model: BertForSequenceClassification) -> tuple[str, ...]:
    names: Any = model.config.id2label
    return tuple(str(names[i]) for i in range(len(names)))


def _floats(tensor: Tensor) -> Floats:
    found: Floats = tensor.detach().float().contiguous().numpy()
    return found


def _apart(one: Floats, other: Floats) -> float:
    return float(abs(one - other).max())
