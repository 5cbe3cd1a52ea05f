"""Held-out rows summed up."""

from __future__ import annotations

import pytest

from bertdemo.runs.evaluation import evaluate

ROWS = [
    {"row": 2, "text": "t2", "label": "a", "predicted": "a", "confidence": 0.9},
    {"row": 3, "text": "<b>", "label": "a", "predicted": "b", "confidence": 0.6},
    {"row": 4, "text": "t4", "label": "b", "predicted": "b", "confidence": 0.8},
    {"row": 5, "text": "t5", "label": "b", "predicted": "a", "confidence": 0.7},
    {"row": 6, "text": "t6", "label": "b", "predicted": "b", "confidence": 0.7},
]


def test_counts_are_true_by_predicted_and_a_label_without_rows_stays() -> None:
    found = evaluate(ROWS, ("a", "b", "c"))
    assert found.counts == ((1, 1, 0), (1, 2, 0), (0, 0, 0))
    assert found.rows == 5
    assert [(one.label, one.rows) for one in found.per_label] == [("a", 2), ("b", 3), ("c", 0)]
    assert found.per_label[1].precision == pytest.approx(2 / 3)
    assert found.per_label[0].recall == pytest.approx(1 / 2)
    assert found.per_label[2].f1 == 0.0


def test_mistakes_come_with_their_row_the_most_confident_first() -> None:
    found = evaluate(ROWS, ("a", "b"))
    assert [(one.row, one.text, one.label, one.predicted, one.confidence) for one in found.mistakes] == [
        (5, "t5", "b", "a", 0.7),
        (3, "<b>", "a", "b", 0.6),
    ]
