"""Answer F1: the mean over questions of the words that an answer shares with the right one."""

from __future__ import annotations

from collections.abc import Sequence

import datasets
import evaluate

from bertdemo.metrics import squad_f1

_CELL = datasets.Value("string")


class AnswerF1(evaluate.Metric):
    """(questions,) answers against (questions,) right answers; "" is no answer."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="How near answers are to the right ones.",
            citation="",
            inputs_description="predictions, references: lists of texts of one length",
            features=datasets.Features({"predictions": _CELL, "references": _CELL}),
        )

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        found = [squad_f1.f1(said, given) for said, given in zip(predictions, references, strict=True)]
        return {"f1": sum(found) / max(1, len(found))}
