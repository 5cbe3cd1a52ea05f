"""Perplexity: the exponential of the mean of -log p of the right pieces; among so many the model hesitates."""

from __future__ import annotations

import math
from collections.abc import Sequence

import datasets
import evaluate

_CELL = datasets.Value("float64")


class Perplexity(evaluate.Metric):
    """(rows,) sums of -log p, in nats, and as `references` how many pieces each sum is of."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Exponential of the mean of -log p.",
            citation="",
            inputs_description="predictions: sums in nats; references: counts",
            features=datasets.Features({"predictions": _CELL, "references": _CELL}),
        )

    def _compute(self, predictions: Sequence[float], references: Sequence[float]) -> dict[str, float]:
        return {"perplexity": math.exp(min(50.0, sum(predictions) / max(1.0, sum(references))))}
