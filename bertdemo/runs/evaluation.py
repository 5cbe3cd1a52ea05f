"""Held-out rows summed up: per label, as a confusion matrix, and as a list of mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One row on which the model was wrong; `row` counts as an editor does."""

    row: int
    text: str
    label: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class LabelFigures:
    """How well one label was found; `rows` carry it in the data."""

    label: str
    precision: float
    recall: float
    f1: float
    rows: int


@dataclass(frozen=True)
class Evaluation:
    """What the held-out rows say."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """(true label, predicted label) rows, in the order of `labels`."""
    per_label: tuple[LabelFigures, ...]
    mistakes: tuple[Mistake, ...]
    """The most confident first."""
    rows: int


def evaluate(rows: Sequence[Mapping[str, object]], labels: Sequence[str]) -> Evaluation:
    """Sum up what `Registry.evaluation` returned."""
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    true = [str(row["label"]) for row in rows]
    said = [str(row["predicted"]) for row in rows]
    precision, recall, f1, support = precision_recall_fscore_support(true, said, labels=list(labels), zero_division=0.0)
    wrong = [
        Mistake(
            row=int(str(row["row"])),
            text=str(row["text"]),
            label=str(row["label"]),
            predicted=str(row["predicted"]),
            confidence=float(str(row["confidence"])),
        )
        for row in rows
        if row["label"] != row["predicted"]
    ]
    return Evaluation(
        labels=tuple(labels),
        counts=tuple(tuple(int(n) for n in line) for line in confusion_matrix(true, said, labels=list(labels))),
        per_label=tuple(
            LabelFigures(label, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, label in enumerate(labels)
        ),
        mistakes=tuple(sorted(wrong, key=lambda mistake: -mistake.confidence)),
        rows=len(rows),
    )
