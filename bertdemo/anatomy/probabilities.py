"""From logits to what a head says of a text: a share for one label of all, a chance for each, or plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

from bertdemo.checkpoints.head_detection import Problem


def softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """Return exp(x) / sum of exp, with the largest taken off first so that nothing overflows."""
    from scipy import special

    return tuple(special.softmax(logits).tolist()) if logits else ()


def sigmoid(logits: Sequence[float]) -> tuple[float, ...]:
    """Return 1 / (1 + exp(-x)) for each by itself."""
    from scipy import special

    return tuple(special.expit(logits).tolist())


def chances(logits: Sequence[float], problem: Problem) -> tuple[float, ...]:
    """Return one probability a label; nothing for a regression, whose outputs are no probabilities."""
    if problem == "regression":
        return ()
    return sigmoid(logits) if problem == "multi_label_classification" else softmax(logits)
