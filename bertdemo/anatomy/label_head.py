"""The two classification heads of a text: [CLS] -> tanh pooler -> linear, or mean of all tokens -> linear.

Shapes in the comments: b texts of n tokens, d the hidden size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from bertdemo.checkpoints.head_detection import Problem, problem_of
from bertdemo.checkpoints.mean_pooling_head import masked_mean, pooling_of

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["pooler", "mean"]
# Labels of the head that is initialized at random for a checkpoint without one.
UNTRAINED = ("A", "B")


def kind_of(model: Any) -> Kind:
    """Return what the model's head reads."""
    return "mean" if pooling_of(model) == "mean" else "pooler"


def trained_for(model: Any) -> Problem:
    """Return what its outputs are: one label out of several, a decision per label, or numbers."""
    if kind_of(model) == "mean":
        return "single_label_classification"
    return problem_of(model.config.problem_type, len(linear_of(model).bias))


def linear_of(model: Any) -> Any:
    """Return the last layer: (labels, d) weights and (labels,) biases."""
    return model.linear if kind_of(model) == "mean" else model.classifier


def parts_of(model: Any) -> list[tuple[str, Any]]:
    """Return (name, module) of the layers between the encoder and the logits."""
    if kind_of(model) == "mean":
        return [("linear", model.linear)]
    return [("pooler", model.bert.pooler), ("classifier", model.classifier)]


def logits_of(model: Any, out: Any, mask: Tensor) -> Tensor:
    """Return (b, labels) by the model's own modules from the output of its encoder, without running that again."""
    pooled = masked_mean(out.last_hidden_state, mask) if kind_of(model) == "mean" else out.pooler_output  # (b, d)
    logits: Tensor = linear_of(model)(pooled)  # (b, labels); dropout is off in eval mode
    return logits


def by_hand(model: Any, hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the logits by the formula: W · mean + b, or W · tanh(P h_CLS + p) + b. (b, n, d) in, (b, labels) out."""
    if kind_of(model) == "mean":
        shares = mask.to(hidden.dtype) / mask.sum(-1, keepdim=True)  # (b, n): 1 / tokens, 0 for padding
        pooled = (shares[:, None, :] @ hidden)[:, 0]  # (b, 1, n) @ (b, n, d) -> (b, d)
    else:
        pooled = model.bert.pooler.dense(hidden[:, 0]).tanh()  # (b, d)
    last = linear_of(model)
    logits: Tensor = pooled @ last.weight.T + last.bias  # (b, labels)
    return logits
