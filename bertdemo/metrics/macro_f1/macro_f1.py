"""Macro-F1: the mean over labels of F1, so that a rare label counts as much as a frequent one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
from sklearn.metrics import f1_score

_FLAGS = datasets.Sequence(datasets.Value("int64"))


class MacroF1(evaluate.Metric):
    """(rows,) label ids against (rows,) label ids; labels that occur in neither are left out.

    With the configuration `multilabel`: (rows, labels) flags against flags, a label without any flag counts 0.
    """

    def _info(self) -> evaluate.MetricInfo:
        cell = _FLAGS if self.config_name == "multilabel" else datasets.Value("int64")
        return evaluate.MetricInfo(
            description="Mean over labels of the harmonic mean of precision and recall.",
            citation="",
            inputs_description="predictions, references: lists of label ids, or of flags, of one length",
            features=datasets.Features({"predictions": cell, "references": cell}),
        )

    def _compute(self, predictions: Sequence[Any], references: Sequence[Any]) -> dict[str, float]:
        return {"macro_f1": float(f1_score(references, predictions, average="macro", zero_division=0.0))}
