"""From logits to probabilities: softmax over all labels, a sigmoid per label, or none for a regression."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.checkpoints.head_detection import Problem


def softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """Return exp(x) / sum of exp."""
    from scipy import special

    return tuple(special.softmax(logits).tolist()) if logits else ()


def sigmoid(logits: Sequence[float]) -> tuple[float, ...]:
    """Return 1 / (1 + exp(-x)) for each logit."""
    from scipy import special

    return tuple(special.expit(logits).tolist())


def probabilities(logits: Sequence[float], problem: Problem) -> tuple[float, ...]:
    """Return one probability per label; () for a regression, whose outputs are plain numbers."""
    if problem == "regression":
        return ()
    return sigmoid(logits) if problem == "multi_label_classification" else softmax(logits)
