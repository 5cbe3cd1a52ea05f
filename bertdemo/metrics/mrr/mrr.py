"""Mean reciprocal rank: 1 where the right document comes first, 1/2 where it comes second."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate


class Mrr(evaluate.Metric):
    """(queries,) ranks from 1; `references` are the best possible rank, 1."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Mean of one over the rank.",
            citation="",
            inputs_description="predictions: ranks from 1; references: 1 for each",
            features=datasets.Features({"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}),
        )

    def _compute(self, predictions: Sequence[int], references: Sequence[int]) -> dict[str, float]:
        reciprocal = [best / rank for rank, best in zip(predictions, references, strict=True)]
        return {"mrr": sum(reciprocal) / max(1, len(reciprocal))}
