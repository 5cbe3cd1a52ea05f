"""What fine-tuning changed: how far the weights of each part moved, and the effect on one text or on many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bertdemo.anatomy.geometry import flatten

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import BertForSequenceClassification, BertModel

    from bertdemo.anatomy.layers import Floats, LayerTrace

    Bert = BertModel | BertForSequenceClassification


@dataclass(frozen=True)
class ClassMap:
    """The vectors of m texts in two models, on one map; both lists have the order of the texts."""

    base: tuple[tuple[float, float], ...]
    tuned: tuple[tuple[float, float], ...]
    labels: tuple[str, ...]
    """One per text."""
    explained: tuple[float, float]
    """Shares of the variance of all 2 m points along the two axes."""


def movement(base: Bert, tuned: Bert) -> tuple[tuple[str, float], ...]:
    """Return (part, |W_tuned - W_base| / |W_base|) for embeddings, layer.1 .. layer.L and pooler.

    The norm is L2 over all parameters of the part together. The pooler is left out where one of the two has none, the
    head always, because the base has none to compare with. Raises ValueError where the shapes of the parts differ.
    """
    import torch

    before, after = _parts(base), _parts(tuned)
    if before.keys() - {"pooler"} != after.keys() - {"pooler"}:
        raise ValueError("the two models have different numbers of layers")
    with torch.inference_mode():
        return tuple((part, _moved(before[part], after[part])) for part in before if part in after)


def class_map(base_vectors: Floats, tuned_vectors: Floats, labels: Sequence[str]) -> ClassMap:
    """Project (m, d) vectors of the base and of the tuned model to one plane, fitted on all 2 m together.

    A distance then means the same for both. Raises ValueError where the shapes or the number of labels differ.
    """
    import numpy as np

    count = len(labels)
    if base_vectors.shape != tuned_vectors.shape or len(base_vectors) != count:
        raise ValueError("a map needs both vectors and the label of each text")
    flat = flatten(np.concatenate([base_vectors, tuned_vectors]))  # (2 m, d)
    return ClassMap(flat.points[:count], flat.points[count:], tuple(labels), flat.explained)


def attention_difference(base: LayerTrace, tuned: LayerTrace, layer: int, head: int) -> Floats:
    """Return (n, n) weights of the tuned model minus those of its base, -1 to 1; each row sums to 0.

    `layer` is 1..L, `head` 1..H. Raises ValueError where the two read different tokens or lack the head.
    """
    base_tokens, tuned_tokens = (
        [(token.piece, token.segment) for token in model.trace.tokens] for model in (base, tuned)
    )
    if base_tokens != tuned_tokens:
        raise ValueError("the two models read different tokens")
    if not (1 <= layer <= min(base.layers, tuned.layers) and 1 <= head <= min(base.heads, tuned.heads)):
        raise ValueError("no such layer or head")
    difference: Floats = tuned.attentions[layer - 1, head - 1] - base.attentions[layer - 1, head - 1]
    return difference


def _parts(model: Bert) -> dict[str, Module]:
    bert: Any = getattr(model, "bert", model)
    parts = {"embeddings": bert.embeddings}
    parts |= {f"layer.{number}": layer for number, layer in enumerate(bert.encoder.layer, start=1)}
    return parts if bert.pooler is None else parts | {"pooler": bert.pooler}


def _moved(base: Module, tuned: Module) -> float:
    """Return the relative L2 distance of two modules; summed tensor by tensor, so that nothing large is copied."""
    before, after = dict(base.named_parameters()), dict(tuned.named_parameters())
    if {name: tensor.shape for name, tensor in before.items()} != {
        name: tensor.shape for name, tensor in after.items()
    }:
        raise ValueError("the two models have different shapes")
    distance = sum((after[name] - tensor).square().sum().item() for name, tensor in before.items())
    size = sum(tensor.square().sum().item() for tensor in before.values())
    if not size:
        return math.inf if distance else 0.0
    return math.sqrt(distance / size)
