"""ROUGE-L: the mean over texts of the F1 of the longest common subsequence of words."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate

from bertdemo.metrics import rouge

_CELL = datasets.Value("string")


class RougeL(evaluate.Metric):
    """(texts,) written texts against (texts,) wanted ones."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="How much of the wanted texts the written ones have, in order.",
            citation="",
            inputs_description="predictions, references: lists of texts of one length",
            features=datasets.Features({"predictions": _CELL, "references": _CELL}),
        )

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        found = [rouge.rouge_l(said, wanted) for said, wanted in zip(predictions, references, strict=True)]
        return {"rouge_l": sum(found) / max(1, len(found))}
