"""From logits to what a head says of a text: a share for one label of all, a chance for each, or plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bertdemo.checkpoints.head_detection import Problem


def softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """Return exp(x) / sum of exp, with the largest taken off first so that nothing overflows."""
    if not logits:
        return ()
    top = max(logits)
    powers = [math.exp(value - top) for value in logits]
    return tuple(power / sum(powers) for power in powers)


def sigmoid(logits: Sequence[float]) -> tuple[float, ...]:
    """Return 1 / (1 + exp(-x)) for each by itself."""
    return tuple(1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)) for x in logits)


def chances(logits: Sequence[float], problem: Problem) -> tuple[float, ...]:
    """Return one probability a label; nothing for a regression, whose outputs are no probabilities."""
    if problem == "regression":
        return ()
    return sigmoid(logits) if problem == "multi_label_classification" else softmax(logits)
