"""Recall at 10: the share of queries whose document is among the first ten."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate


class RecallAt10(evaluate.Metric):
    """(queries,) ranks from 1; `references` are how deep a rank may be, 10."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Share of ranks of at most ten.",
            citation="",
            inputs_description="predictions: ranks from 1; references: 10 for each",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )

    def _compute(self, predictions: Sequence[int], references: Sequence[int]) -> dict[str, float]:
        found = sum(rank <= deepest for rank, deepest in zip(predictions, references, strict=True))
        return {"recall_at_10": found / max(1, len(predictions))}
