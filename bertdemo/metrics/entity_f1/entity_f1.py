"""Entity F1: an entity counts where its words and its kind are right, as CoNLL scores it."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate
from seqeval.metrics import f1_score


class EntityF1(evaluate.Metric):
    """Lists of BIO tags against lists of BIO tags, sentence by sentence; scored by seqeval."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Harmonic mean of precision and recall of entities.",
            citation="",
            inputs_description="predictions, references: lists of lists of tags, of one shape",
            features=datasets.Features(
                {
                    "predictions": datasets.Sequence(datasets.Value("string")),
                    "references": datasets.Sequence(datasets.Value("string")),
                }
            ),
        )

    def _compute(self, predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> dict[str, float]:
        return {"entity_f1": float(f1_score(references, predictions, zero_division=0))}
