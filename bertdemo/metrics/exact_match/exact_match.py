"""Exact match: the share of answers that are the right one to the letter, as SQuAD counts it."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate

from bertdemo.metrics import squad_f1

_CELL = datasets.Value("string")


class ExactMatch(evaluate.Metric):
    """(questions,) answers against (questions,) right answers; "" is no answer."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="How near answers are to the right ones.",
            citation="",
            inputs_description="predictions, references: lists of texts of one length",
            features=datasets.Features({"predictions": _CELL, "references": _CELL}),
        )

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        found = [squad_f1.exact(said, given) for said, given in zip(predictions, references, strict=True)]
        return {"exact_match": sum(found) / max(1, len(found))}
