"""Spearman's correlation: how near two lists of numbers are in their order."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate
from scipy.stats import spearmanr


class Spearman(evaluate.Metric):
    """(rows,) numbers against (rows,) numbers; 0 where one of the lists has equal numbers only."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Correlation of two lists of numbers.",
            citation="",
            inputs_description="predictions, references: lists of numbers of one length",
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("float64")}
            ),
        )

    def _compute(self, predictions: Sequence[float], references: Sequence[float]) -> dict[str, float]:
        if len(set(predictions)) < 2 or len(set(references)) < 2:
            return {"spearman": 0.0}
        return {"spearman": float(spearmanr(predictions, references).statistic)}
