"""Micro-F1: F1 over all labels of all rows counted together, so that a frequent label counts more."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate
from sklearn.metrics import f1_score


class MicroF1(evaluate.Metric):
    """(rows, labels) flags against (rows, labels) flags."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Harmonic mean of precision and recall over all flags.",
            citation="",
            inputs_description="predictions, references: lists of lists of 0 and 1, of one shape",
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("int64")),
                    "references": datasets.Sequence(datasets.Value("int64")),
                }
            ),
        )

    def _compute(self, predictions: Sequence[Sequence[int]], references: Sequence[Sequence[int]]) -> dict[str, float]:
        return {"micro_f1": float(f1_score(references, predictions, average="micro", zero_division=0.0))}
