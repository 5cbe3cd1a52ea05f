"""Macro-F1: the mean over labels of F1, so that a rare label counts as much as a frequent one."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate
from sklearn.metrics import f1_score


class MacroF1(evaluate.Metric):
    """(rows,) label ids against (rows,) label ids; labels that occur in neither are left out."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Mean over labels of the harmonic mean of precision and recall.",
            citation="",
            inputs_description="predictions, references: lists of label ids of one length",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )

    def _compute(self, predictions: Sequence[int], references: Sequence[int]) -> dict[str, float]:
        return {"macro_f1": float(f1_score(references, predictions, average="macro", zero_division=0.0))}
